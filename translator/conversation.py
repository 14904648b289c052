"""A conversation with tools, step by step, and what reads the reply to a turn. Sending is up to the caller."""

from collections.abc import Callable, Iterator, Mapping

import attrs

from translator.limits import DEFAULT_LIMITS, Limits
from translator.response.capabilities import ModelInfo
from translator.response.chunks import Answer
from translator.response.machine import counted_ids
from translator.response.stream import ReplyStream
from translator.settings.credentials import Credentials
from translator.shapes.dify import MediaPart, Message, Role, TextPart, Tool, ToolCall
from translator.turn import DEFAULT_SETTINGS, UNKNOWN_MODEL, Ask, Turn, plan_turn


def reply_stream(
    turn: Turn,
    *,
    new_id: Callable[[], str] | None = None,
    estimate_prompt: Callable[[], int] | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> ReplyStream:
    """What reads the reply to a turn: it knows the model, its tools, and whether thinking is shown.

    `estimate_prompt` gives prompt tokens when the server does not count; by default the turn's own estimate.
    """
    return ReplyStream(
        model=turn.ask.model,
        new_id=new_id or counted_ids(),
        estimate_prompt=estimate_prompt or turn.estimate_prompt,
        thinks=turn.thinks,
        show_thinking=turn.show_thinking,
        tools=turn.ask.tools,
        limits=limits,
    )


@attrs.define(slots=True, kw_only=True)
class Conversation:
    """The messages of one conversation, and the turn that comes next.

    `say` gives the turn to send. `take` takes its answer and gives the calls to run. `give` takes the result of a call; once all calls have
    one, `turn` gives the turn to send. An answer without calls ends the loop. After a failure, `turn` gives the same turn
    again. A call that comes without an id gets one that no earlier call of the conversation has.
    """

    model: str
    system: str = attrs.field(default="", repr=False)
    tools: tuple[Tool, ...] = ()
    parameters: Mapping[str, object] = attrs.field(factory=dict)
    info: ModelInfo = UNKNOWN_MODEL
    settings: Credentials = DEFAULT_SETTINGS
    messages: list[Message] = attrs.field(factory=list)
    """All that was said, without the system's text; may be saved and given again, also while calls wait for their results."""
    _ids: Iterator[str] = attrs.field(factory=lambda: iter(counted_ids(), ""), init=False)

    def say(self, text: str, *files: MediaPart) -> Turn:
        """Adds what the user says. Raises RequestError for what cannot be sent, and ValueError while calls wait for their results."""
        said = Message(role=Role.USER, content=(TextPart(text), *files) if files else text)
        turn = self._planned(*self.messages, said)
        self.messages.append(said)
        return turn

    def turn(self) -> Turn:
        """The turn to send now. Raises as `say` does."""
        return self._planned(*self.messages)

    def _planned(self, *messages: Message) -> Turn:
        self._require_results()
        system = (Message(role=Role.SYSTEM, content=self.system),) if self.system else ()
        ask = Ask(model=self.model, messages=(*system, *messages), tools=self.tools, parameters=self.parameters)
        return plan_turn(ask, self.info, self.settings)

    def stream(self, turn: Turn) -> ReplyStream:
        """What reads the reply to a turn."""
        used = {call.id for message in self.messages for call in message.tool_calls}
        unused = (identity for identity in self._ids if identity not in used)
        return reply_stream(turn, new_id=unused.__next__, limits=self.settings.limits)

    def take(self, answer: Answer) -> tuple[ToolCall, ...]:
        """Adds an answer; gives its calls. Raises ValueError while calls of an earlier one wait for their results."""
        self._require_results()
        self.messages.append(Message(role=Role.ASSISTANT, content=answer.text, tool_calls=answer.tool_calls))
        return answer.tool_calls

    def give(self, call: ToolCall, result: str) -> None:
        """Adds the result of a call. Raises ValueError for a call that the last answer did not make, or that has its result."""
        if call.id not in (waiting.id for waiting in self._waiting()):
            raise ValueError(f"No result of {call.name} ({call.id}) is awaited. Give one result for each call of the last answer.")
        self.messages.append(Message(role=Role.TOOL, content=result, name=call.name, tool_call_id=call.id))

    def _waiting(self) -> list[ToolCall]:
        """The calls of the last answer that have no result yet."""
        results = set[str]()
        for message in reversed(self.messages):
            if message.role is not Role.TOOL:
                return [call for call in message.tool_calls if call.id not in results]
            results.add(message.tool_call_id)
        return []

    def _require_results(self) -> None:
        if waiting := self._waiting():
            names = ", ".join(f"{call.name} ({call.id})" for call in waiting)
            raise ValueError(f"The last answer called tools that have no result yet: {names}. Use give(call, result) first.")
