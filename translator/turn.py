"""One whole turn: everything a user said and set becomes one request for `/api/chat` or `/api/generate`.

Enters: messages, tools, parameters, the model's description and the saved settings. Leaves: a `Turn`, the request together with what its
reply is read by. All rules meet here and none is made here; each has its own module.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from translator import codec, features
from translator.credentials import Credentials, Mode
from translator.errors import RequestError
from translator.request.completion import completion_text
from translator.request.context import ContextPlan, require_fit
from translator.request.formats import format_to_wire, schema_prompt
from translator.request.media import MediaRules
from translator.request.messages import messages_to_wire
from translator.request.options import WireOptions, options_to_wire
from translator.request.thinking import StepDown, ThinkChoice, ThinkPlan, plan_think
from translator.request.tools import tools_to_wire
from translator.response.capabilities import ModelInfo
from translator.shapes.dify import Message, Role, TextPart, Tool
from translator.shapes.wire import ChatRequest, GenerateRequest, KeepAlive, Think, WireMessage
from translator.tokens import estimate_messages

ROUTES: Mapping[type, str] = {ChatRequest: "/api/chat", GenerateRequest: "/api/generate"}

CERTAINLY_TOO_LONG = 0.6
"""An estimate times this is below the real count for any vocabulary (see `translator/tokens.py`): above the window, the prompt cannot
fit.
"""


MOST_TOKENS_PER_CHARACTER = 3
"""Bytes of a character that no vocabulary knows, each a token of its own; only rare characters have four."""


@attrs.frozen(slots=True, kw_only=True)
class Ask:
    """What one caller wants: as Dify says it."""

    model: str
    messages: tuple[Message, ...] = attrs.field(repr=False)
    tools: tuple[Tool, ...] = ()
    parameters: Mapping[str, object] = attrs.field(factory=dict)
    stop: tuple[str, ...] = ()
    fetched: Mapping[str, bytes] = attrs.field(factory=dict, repr=False)
    """Bytes of media parts that came as URLs (see `media.urls_to_fetch`)."""


@attrs.frozen(slots=True, kw_only=True)
class Turn:
    """A request ready to be encoded, and how its reply is shown. `notes` say what was changed against the user's wish."""

    request: ChatRequest | GenerateRequest
    ask: Ask = attrs.field(repr=False)
    window: ContextPlan
    show_thinking: bool = True
    notes: tuple[str, ...] = ()

    @property
    def route(self) -> str:
        """Path of the request."""
        return ROUTES[type(self.request)]

    @property
    def body(self) -> bytes:
        """The encoded request."""
        return codec.request_to_bytes(self.request)

    def estimate_prompt(self) -> int:
        """Tokens of the prompt, for a server that does not say."""
        return estimate_messages(self.ask.messages, self.ask.tools)

    def stepped_down(self, step: StepDown) -> "Turn":
        """The same turn with another `think`, for the one retry after a refusal."""
        return attrs.evolve(self, request=attrs.evolve(self.request, think=step.think))


def plan_turn(ask: Ask, info: ModelInfo, credentials: Credentials) -> Turn:
    """Builds the request. Raises RequestError with the setting to change."""
    options = options_to_wire(ask.parameters, ask.stop, model_stop=info.stop)
    think = plan_think(
        ThinkChoice(options.think), features.thinker(info, credentials), structured=options.structured, show=options.show_thinking
    )
    window = features.context(info, credentials)
    _require_tools(ask, info, credentials)
    _require_fit(ask.messages, window)
    request = _BUILDERS[credentials.mode](ask, info, credentials, _Shared.of(options, think, window, credentials, ask))
    return Turn(request=request, ask=ask, window=window, show_thinking=think.show, notes=tuple(filter(None, (think.note, window.note))))


@attrs.frozen(slots=True, kw_only=True)
class _Shared:
    """The fields that both routes have in common."""

    format: object | None
    think: Think | None
    options: Mapping[str, Any]
    keep_alive: KeepAlive | None
    truncate: bool | None

    @classmethod
    def of(cls, options: WireOptions, think: ThinkPlan, window: ContextPlan, credentials: Credentials, ask: Ask) -> "_Shared":
        num_ctx = {} if window.num_ctx is None else {"num_ctx": window.num_ctx}
        return cls(
            format=format_to_wire(options.json_schema, options.format_),
            think=think.think,
            options=num_ctx | options.options,
            keep_alive=credentials.keep_alive if options.keep_alive is None else options.keep_alive,
            truncate=_truncate(ask.messages, window),
        )


def _truncate(messages: Sequence[Message], window: ContextPlan) -> bool | None:
    """With older turns the policy decides; a prompt without any has nothing to drop, and the server would cut its middle out silently."""
    turns = [message for message in messages if message.role not in {Role.SYSTEM, Role.DEVELOPER}]
    return False if len(turns) <= 1 else window.truncate


def _require_tools(ask: Ask, info: ModelInfo, credentials: Credentials) -> None:
    if not ask.tools or features.has_tools(info, credentials) is not False:
        return
    raise RequestError.of(
        "tools_missing",
        f'The model "{ask.model}" cannot call tools' + (" in completion mode." if credentials.mode is Mode.COMPLETION else "."),
        "Use a model with the capability tools, or set function calling to Yes (and the mode to Chat) in the model's settings "
        "if it has it after all.",
    )


def _require_fit(messages: Sequence[Message], window: ContextPlan) -> None:
    """Refuses what is certain not to fit even alone; for the rest the server knows better than any estimate."""
    if _characters(messages) * MOST_TOKENS_PER_CHARACTER <= window.size:
        return
    fixed = [message for message in messages[:-1] if message.role in {Role.SYSTEM, Role.DEVELOPER}] + list(messages[-1:])
    require_fit(int(estimate_messages(fixed) * CERTAINLY_TOO_LONG), window)


def _characters(messages: Sequence[Message]) -> int:
    """Characters of all texts, files not counted: a bound that costs nothing."""
    contents = [(TextPart(m.content),) if isinstance(m.content, str) else m.content for m in messages]
    return sum(len(part.text) for content in contents for part in content if isinstance(part, TextPart))


def _media(ask: Ask, info: ModelInfo, credentials: Credentials) -> MediaRules:
    return MediaRules(model=ask.model, sees=features.has_vision(info, credentials), hears=info.audio, fetched=ask.fetched)


def _chat(ask: Ask, info: ModelInfo, credentials: Credentials, shared: _Shared) -> ChatRequest:
    messages = messages_to_wire(ask.messages, _media(ask, info, credentials).to_wire)
    if shared.format is not None and not info.enforces_format:
        messages = _with_instruction(messages, schema_prompt(shared.format))
    return ChatRequest(
        model=ask.model,
        messages=messages,
        tools=tools_to_wire(ask.tools, server=info.version),
        **attrs.asdict(shared, recurse=False),
    )


def _with_instruction(messages: tuple[WireMessage, ...], instruction: str) -> tuple[WireMessage, ...]:
    """Adds a sentence to the first system message, or a system message to the front."""
    first, rest = messages[0], messages[1:]
    if first.role != Role.SYSTEM:
        return (WireMessage(role=Role.SYSTEM.value, content=instruction), *messages)
    return (attrs.evolve(first, content=f"{first.content}\n\n{instruction}".strip()), *rest)


def _generate(ask: Ask, info: ModelInfo, credentials: Credentials, shared: _Shared) -> GenerateRequest:
    text = completion_text(ask.messages, _media(ask, info, credentials).to_wire)
    instruction = schema_prompt(shared.format) if shared.format is not None and not info.enforces_format else ""
    return GenerateRequest(
        model=ask.model,
        prompt=text.prompt,
        system="\n\n".join(filter(None, (text.system, instruction))) or None,
        images=text.images,
        **attrs.asdict(shared, recurse=False),
    )


_BUILDERS: Mapping[Mode, Callable[[Ask, ModelInfo, Credentials, _Shared], ChatRequest | GenerateRequest]] = {
    Mode.CHAT: _chat,
    Mode.COMPLETION: _generate,
}
