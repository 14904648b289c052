"""What the LLM source module does, as plain functions: SDK objects in, SDK objects out.

Enters: messages, tools and parameters as the SDK hands them over, and the saved credentials. Leaves: the SDK's chunks or its one result;
an error is one of its five.
"""

import time
from collections.abc import Generator, Mapping, Sequence
from typing import Any

from dify_plugin.entities.model.llm import LLMResult, LLMResultChunk
from dify_plugin.entities.model.message import PromptMessage, PromptMessageTool

from plugin_entry.dify.errors import readable, to_invoke_error
from plugin_entry.dify.objects import messages_from_sdk, tools_from_sdk
from plugin_entry.dify.sdk_chunks import answer_to_sdk, chunks_to_sdk
from plugin_entry.network.connect import place_of
from plugin_entry.serving.chat import Answer, Answerer
from plugin_entry.serving.runtime import BRIDGE, CALIBRATION, FACTS
from plugin_entry.threads import OF_A_MESSAGE, apart, weight_of_prompt
from translator.response.collect import collect
from translator.shapes.dify import Message
from translator.tokens import estimate_messages
from translator.turn import Ask

BEGUN = LLMResultChunk.model_construct()
"""What the generator of an answer gives to `stream`, before Dify has it."""

ANSWERER = Answerer(bridge=BRIDGE, facts=FACTS, calibration=CALIBRATION)


@readable
def stream(ask: Ask, credentials: Mapping[str, Any]) -> Generator[LLMResultChunk, None, None]:
    """Connects, checks the status, and only then gives the generator of chunks. Raises InvokeError."""
    started = time.perf_counter()
    chunks = _generate(ask.model, ANSWERER.begin(ask, credentials), started)
    next(chunks)  # one that was never started would not give its connection up when it is closed
    return chunks


@readable
def answer(ask: Ask, credentials: Mapping[str, Any]) -> LLMResult:
    """The whole answer at once, read from the same wire stream. Raises InvokeError."""
    started = time.perf_counter()
    return answer_to_sdk(ask.model, collect(ANSWERER.begin(ask, credentials).chunks()), started)


@readable
def count(model: str, credentials: Mapping[str, Any], messages: Sequence[PromptMessage], tools: Sequence[PromptMessageTool] | None) -> int:
    """Tokens of a prompt, estimated offline and corrected by what this model's server counted before."""
    own, offered = _own_messages(messages), tools_from_sdk(tools)
    estimated = apart(weight_of_prompt(own, offered), lambda: estimate_messages(own, offered))
    return CALIBRATION.apply(model, estimated, place_of(credentials))


@readable
def ask_of(
    model: str,
    messages: Sequence[PromptMessage],
    parameters: Mapping[str, Any],
    tools: Sequence[PromptMessageTool] | None,
    stop: Sequence[str] | None,
) -> Ask:
    """What Dify asked, in our own words. Raises InvokeError."""
    return Ask(model=model, messages=_own_messages(messages), tools=tools_from_sdk(tools), parameters=parameters, stop=tuple(stop or ()))


def _own_messages(messages: Sequence[PromptMessage]) -> tuple[Message, ...]:
    return apart(OF_A_MESSAGE * len(messages), lambda: messages_from_sdk(messages))


def _generate(model: str, begun: Answer, started: float) -> Generator[LLMResultChunk, None, None]:
    """Errors inside a generator reach Dify as they are, outside the SDK's own translation: they must be of its five classes already."""
    try:
        yield BEGUN
        yield from chunks_to_sdk(model, begun.chunks(), started)
    except Exception as error:  # noqa: BLE001  # told as one of the five, without causes that may quote anything
        raise to_invoke_error(error) from None
    finally:
        begun.close()
