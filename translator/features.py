"""What Dify is told about a language model, and what follows for its requests, from the server's description and the user's settings.

The user's yes and no win over the server; `auto` believes it, and where it is silent assumes no, except for structured output, which every
server since 0.5.0 has.
"""

from functools import lru_cache

from translator.request.context import ContextPlan, ModelWindow, plan_context
from translator.request.thinking import Thinker
from translator.response.capabilities import ModelInfo
from translator.settings.credentials import CapabilityChoice, Credentials
from translator.shapes.dify import Mode

KEPT = 256
"""Models with their settings of which the answers are remembered: each request asks for the same."""

VISION = "vision"
AUDIO = "audio"
STRUCTURED_OUTPUT = "structured-output"
AGENT_THOUGHT = "agent-thought"
TOOL_FEATURES = ("tool-call", "multi-tool-call", "stream-tool-call")
"""The first two make Dify choose its function-calling agent, the third makes that agent stream. `document` is never among the features:
no Ollama model reads documents, and Dify would send them instead of extracting their text."""


def decide(choice: CapabilityChoice, said: bool | None) -> bool | None:
    """The user's word over the server's; None when neither says anything."""
    return {CapabilityChoice.YES: True, CapabilityChoice.NO: False}.get(choice, said)


def has_tools(info: ModelInfo, credentials: Credentials) -> bool | None:
    """Tools may be offered; never in completion mode, `/api/generate` takes none."""
    return False if credentials.mode is Mode.COMPLETION else decide(credentials.tools, info.tools)


def has_vision(info: ModelInfo, credentials: Credentials) -> bool | None:
    """Pictures may be sent."""
    return decide(credentials.vision, info.vision)


def has_thinking(info: ModelInfo, credentials: Credentials) -> bool | None:
    """`think` may be sent."""
    return decide(credentials.thinking, info.thinking)


def features(info: ModelInfo, credentials: Credentials) -> frozenset[str]:
    """Dify's words for what a language model can do."""
    found = {
        VISION: has_vision(info, credentials),
        AUDIO: info.audio,
        STRUCTURED_OUTPUT: credentials.structured_output is not CapabilityChoice.NO,
        AGENT_THOUGHT: has_thinking(info, credentials),
        **dict.fromkeys(TOOL_FEATURES, has_tools(info, credentials)),
    }
    return frozenset(name for name, has in found.items() if has)


@lru_cache(maxsize=KEPT)
def context(info: ModelInfo, credentials: Credentials) -> ContextPlan:
    """The one window of this model for Dify's budget and the server (see `context.py`)."""
    window = ModelWindow(maximum=info.context_length, num_ctx=info.num_ctx, running=info.running_window, remote=info.remote)
    return plan_context(credentials.context_size, window, credentials.overflow, version=info.version)


@lru_cache(maxsize=KEPT)
def thinker(info: ModelInfo, credentials: Credentials) -> Thinker:
    """What `plan_think` has to know. In completion mode a format works from the first token, whatever the parser."""
    is_chat = credentials.mode is Mode.CHAT
    return Thinker(
        can_think=has_thinking(info, credentials),
        always_thinks=info.always_thinks,
        parser=info.parser if is_chat else "",
        formats_at_once=not is_chat,
        version=info.version,
    )
