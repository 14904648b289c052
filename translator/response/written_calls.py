"""Tool calls that a server did not recognise, so that they come as text, in the words of the families of models.

`read_calls` reads a whole text; `HeldText` keeps the beginning of an answer back as long as it may be such a call. Nothing is guessed:
the whole answer, thinking and blanks aside, has to be calls of declared tools, complete to the last character. A text before them, a
fence around them, or a word after them makes it an answer about calls, which is given as it came (ollama/ollama#15645, #17353).
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import attrs

from translator import codec
from translator.response.calls import declared_name, object_of
from translator.schema.json_data import can_be_sent_back
from translator.shapes.dify import Tool
from translator.shapes.events import Event, State, WireEvent
from translator.shapes.wire import WireFunctionCall, WireToolCall

MOST_HELD = 64 * 1024
"""Characters that are held back; a longer text is no call."""
MOST_CALLS = 64
"""Calls in one text."""
CALL_IN_TEXT = "The model wrote a tool call that the server did not recognise; it was read from the text."

type Call = tuple[str, Any]
"""The name as written, and the arguments."""
type Body = Callable[[str, int], tuple[Any, int]]
"""Reads arguments at a place. Gives them and where they end. Raises ValueError."""

NAME = r"([\w.\-/]+)"
TOKENS = """
    <tool_call> </tool_call> <tool_calls> </tool_calls> <tools> </tools> <function_call> </function_call> <functioncall> </functioncall>
    <function_calls> </function_calls> <minimax:tool_call> </minimax:tool_call> <|tool_calls_section_begin|> <|tool_calls_section_end|>
    <|tool_call_end|> <|tool_call|> <|/tool_call|> <｜tool▁calls▁begin｜> <｜tool▁calls▁end｜> <｜tool▁call▁end｜> <｜end▁of▁sentence｜>
    [TOOL_CALLS] </s> functools <|python_tag|> <|eom_id|> <|eot_id|> <|im_end|> <|call|> <|START_ACTION|> <|END_ACTION|> ; ,
"""
"""What stands around calls and between them."""
AROUND = re.compile("|".join(map(re.escape, TOKENS.split())))
BLANKS = re.compile(r"\s*")
DECODER = json.JSONDecoder()
NAME_KEYS, ARGUMENT_KEYS = ("name", "tool_name", "function"), ("arguments", "parameters")
OTHER_KEYS = frozenset({"type", "id", "index", "tool_call_id"})


def _json_body(closes: re.Pattern[str] | None, text: str, at: int) -> tuple[Any, int]:
    """One JSON value; `closes` must follow."""
    at = _after_blanks(text, at)
    _, end = DECODER.raw_decode(text, at)
    value = codec.loads(text[at:end])
    if closes is None:
        return value, end
    match = closes.match(text, end)
    if match is None:
        raise ValueError("no end of the call")
    return value, match.end()


@attrs.frozen(slots=True)
class TextBody:
    """Arguments as tags, a name and a value each, up to `closes`. The values are texts until the tool's schema says otherwise."""

    pair: re.Pattern[str]
    closes: str

    def __call__(self, text: str, at: int) -> tuple[Any, int]:
        if text.startswith("{", _after_blanks(text, at)):
            return _json_body(re.compile(rf"\s*{re.escape(self.closes)}"), text, at)
        found: dict[str, str] = {}
        while match := self.pair.match(text, at):
            key, value = match.groups()
            if key in found:
                raise ValueError("an argument twice")
            found[key] = value.removeprefix("\n").removesuffix("\n")
            at = match.end()
        at = _after_blanks(text, at)
        if not text.startswith(self.closes, at):
            raise ValueError("no end of the call")
        return TextArguments(found), at + len(self.closes)


@attrs.frozen(slots=True)
class TextArguments:
    """Arguments whose types only the tool's schema tells."""

    values: Mapping[str, str] = attrs.field(repr=False)

    def typed(self, tool: Tool) -> dict[str, Any]:
        """A value is JSON where the schema wants anything but a text."""
        properties = tool.parameters.get("properties")
        known = properties if isinstance(properties, Mapping) else {}
        return {key: _typed(value, known.get(key)) for key, value in self.values.items()}


def _typed(value: str, schema: object) -> Any:
    kind = schema.get("type") if isinstance(schema, Mapping) else None
    if not isinstance(kind, str) or kind == "string":
        return value
    try:
        return codec.loads(value)
    except codec.DecodeError:
        return value


_JSON: Body = partial(_json_body, None)
_FENCED: Body = partial(_json_body, re.compile(r"\s*```"))
_CHANNEL = r"(?:<\|start\|>assistant)?<\|channel\|>commentary"
_COMMENTARY = rf"{_CHANNEL}\s{{1,9}}to={NAME}\s{{0,9}}(?:<\|constrain\|>)?(?:json)?\s{{0,9}}<\|message\|>"

FORMS: tuple[tuple[re.Pattern[str], Body], ...] = (
    (
        re.compile(rf"<function={NAME}>"),  # qwen3-coder; JSON inside: Llama 3
        TextBody(re.compile(r"\s*<parameter=([^<>\n]+)>(.*?)</parameter>", re.S), "</function>"),
    ),
    (
        re.compile(rf'<invoke name="{NAME}">'),  # MiniMax
        TextBody(re.compile(r'\s*<parameter name="([^"\n]+)">(.*?)</parameter>', re.S), "</invoke>"),
    ),
    (
        re.compile(rf"<tool_call>\s*{NAME}(?=\s*<arg_key>|\s*</tool_call>)"),  # GLM
        TextBody(re.compile(r"\s*<arg_key>([^<>]+)</arg_key>\s*<arg_value>(.*?)</arg_value>", re.S), "</tool_call>"),
    ),
    (re.compile(rf"<\|tool_call_begin\|>\s*{NAME}(?::\d+)?\s*<\|tool_call_argument_begin\|>"), _JSON),  # Kimi
    (re.compile(rf"<｜tool▁call▁begin｜>function<｜tool▁sep｜>{NAME}\s*```json"), _FENCED),  # DeepSeek R1, V3
    (re.compile(rf"<｜tool▁call▁begin｜>{NAME}<｜tool▁sep｜>"), _JSON),  # DeepSeek V3.1
    (re.compile(rf"\[TOOL_CALLS\]\s*{NAME}(?:\[CALL_ID\]\w+)?(?:\[ARGS\])?(?=\s*\{{)"), _JSON),  # Mistral
    (re.compile(_COMMENTARY), _JSON),  # gpt-oss
)


def read_calls(text: str, tools: Mapping[str, Tool]) -> tuple[WireToolCall, ...]:
    """The calls that a text is; none when it is anything else, or a call names no tool of `tools`."""
    try:
        return tuple(_checked(call, tools) for call in _calls(text))
    except (TypeError, ValueError, RecursionError):
        return ()


def _calls(text: str) -> Iterator[Call]:
    """Raises ValueError where the text is no call."""
    at, count = _after_blanks(text, 0), 0
    while at < len(text):
        around = None
        for pattern, body in FORMS:
            if match := pattern.match(text, at):
                arguments, at = body(text, match.end())
                yield match.group(1), arguments
                break
        else:
            if around := AROUND.match(text, at):
                at = around.end()
            else:
                value, at = _JSON(text, at)
                yield from map(_call_of, value if isinstance(value, list) else [value])
        count += around is None
        if count > MOST_CALLS:
            raise ValueError("too many calls")
        at = _after_blanks(text, at)


def _call_of(value: object) -> Call:
    """The call that a JSON object describes: `{"name": ..., "parameters": ...}`, or one in `function` as OpenAI's API has it."""
    if not isinstance(value, dict):
        raise TypeError("no call")
    inner = value.get("function")
    if isinstance(inner, dict) and value.keys() - OTHER_KEYS == {"function"}:
        value = inner
    keys = value.keys() - OTHER_KEYS
    names, arguments = keys.intersection(NAME_KEYS), keys.intersection(ARGUMENT_KEYS)
    if len(names) != 1 or len(arguments) != 1 or len(keys) != 2 or value.get("type", "function") != "function":
        raise ValueError("no call")
    return value[names.pop()], value[arguments.pop()]


def _checked(call: Call, tools: Mapping[str, Tool]) -> WireToolCall:
    written, arguments = call
    name = declared_name(written, frozenset(tools)) if isinstance(written, str) else ""
    if not name:
        raise ValueError("no declared tool")
    if isinstance(arguments, TextArguments):
        arguments = arguments.typed(tools[name])
    elif isinstance(arguments, str):
        arguments = object_of(arguments)
    if not isinstance(arguments, dict) or not can_be_sent_back(arguments):
        raise ValueError("no arguments")
    return WireToolCall(function=WireFunctionCall(name=name, arguments=arguments))


def _after_blanks(text: str, at: int) -> int:
    match = BLANKS.match(text, at)
    return at if match is None else match.end()


OPENINGS = """
    <tool_call>{ <tool_call>[{ <tool_call><function= <tool_calls>[{ <tools>{ <tools>[{ <function_call>{ <functioncall>{
    <function_calls><invoke <minimax:tool_call><invoke <|tool_calls_section_begin|> <|tool_call_begin|> <|tool_call|>[{ <|tool_call|>{
    <｜tool▁calls▁begin｜> <｜tool▁call▁begin｜> [TOOL_CALLS][{ [TOOL_CALLS]{ functools[{ <|python_tag|>{ <|START_ACTION|>[{
    <|channel|>commentaryto= <|start|>assistant<|channel|>commentaryto=
"""
OPENINGS_OF_A_TOOL = """
    {"name":"NAME" [{"name":"NAME" {"type":"function","name":"NAME" {"type":"function","function":{"name":"NAME"
    {"function":{"name":"NAME" {"function":"NAME" {"tool_name":"NAME" {"name":"functions.NAME" <function=NAME> <function=functions.NAME>
    <invokename="NAME"> <tool_call>NAME<arg_key> <tool_call>NAME</tool_call> [TOOL_CALLS]NAME
"""
"""How texts of calls begin, without blanks."""
FIRST = frozenset(opening[0] for opening in (*OPENINGS.split(), *OPENINGS_OF_A_TOOL.split()))


def openings(tools: Iterable[str]) -> list[str]:
    """How a text begins that may be calls of these tools, blanks left out."""
    names = ["".join(name.split()) for name in tools]
    return [*OPENINGS.split(), *(opening.replace("NAME", name) for name in names for opening in OPENINGS_OF_A_TOOL.split())]


@attrs.define(slots=True)
class HeldText:
    """The beginning of an answer, held back while it may be calls of `tools`; without tools nothing is.

    What was held and is no call leaves as the events it came in.
    """

    tools: Mapping[str, Tool]
    has_read_calls: bool = attrs.field(default=False, init=False)
    _is_over: bool = attrs.field(init=False)
    """Something was said, so nothing that follows can be a call."""
    _events: list[WireEvent] = attrs.field(factory=list, init=False)
    _length: int = attrs.field(default=0, init=False)
    _begin: str = attrs.field(default="", init=False, repr=False)
    """The beginning without blanks, until it is known to be an opening."""
    _openings: list[str] | None = attrs.field(default=None, init=False)
    """Those that the text may still have; None before it began, and empty when it has one."""

    def __attrs_post_init__(self) -> None:
        self._is_over = not self.tools

    @property
    def is_holding(self) -> bool:
        """True while text is held."""
        return bool(self._events)

    def put(self, event: WireEvent, state: State) -> list[WireEvent]:
        """Takes text or a tag that came where the machine is in `state`. Gives the events that are certain."""
        if self._is_over:
            return [event]
        if event.kind is not Event.TEXT:
            return [*(self.release() if self._events else ()), event]
        if state not in {State.START, State.THINKING} or (not self._events and event.text.isspace()):
            return [event]
        self._events.append(event)
        self._length += len(event.text)
        return [] if self._may_be_calls(event.text) else self.release()

    def release(self) -> list[WireEvent]:
        """Gives what was held, as text: something else than a call follows."""
        self._is_over = True
        events, self._events = self._events, []
        return events

    def end(self) -> list[WireEvent]:
        """The answer is complete: gives the calls that the held text is, after the blanks before them, or the text."""
        events = self.release()
        text = "".join(event.text for event in events)
        calls = read_calls(text, self.tools) if text else ()
        if not calls:
            return events
        self.has_read_calls = True
        blanks = text[: _after_blanks(text, 0)]
        return [*([WireEvent(Event.TEXT, blanks)] if blanks else ()), WireEvent(Event.CALLS, calls=calls)]

    def _may_be_calls(self, text: str) -> bool:
        if self._length > MOST_HELD:
            return False
        begin = "".join(text.split())
        if self._openings is None:
            if begin[0] not in FIRST:
                return False
            self._openings = openings(self.tools)
        if not self._openings or not begin:
            return True
        self._begin += begin
        if any(self._begin.startswith(opening) for opening in self._openings):
            self._openings = []
            return True
        self._openings = [opening for opening in self._openings if opening.startswith(self._begin)]
        return bool(self._openings)
