"""Reads tool calls that the server did not recognise and gave as text, in the formats of the families of models.

Nothing is guessed: the whole text has to be calls of declared tools, complete to the last character. A text before them, a fence around
them, or a word after them makes it an answer about calls, which is given as it came (ollama/ollama#15645, #17353).
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import attrs

from translator import codec
from translator.response.calls import declared_name, object_of
from translator.response.literals import after_blanks, read_pairs, read_value
from translator.schema.json_data import can_be_sent_back
from translator.schema.walk import properties_of
from translator.shapes.dify import Tool
from translator.shapes.wire import WireFunctionCall, WireToolCall

MOST_CALLS, MOST_STEPS = 64, 512
"""Calls in one text, also those that the log looks for; calls and what stands around them."""
NEAR = 200
"""Characters behind an opening in which a call names its tool."""

type WrittenCall = tuple[str, Any]
"""The name as written, and the arguments."""
type Body = Callable[[str, int], tuple[Any, int]]
"""Reads arguments at a place. Gives them and where they end. Raises ValueError."""

NAME = r"([\w.\-/]{1,256})"
OPENERS = """
    <tool_call> <tool_calls> <tools> <function_call> <functioncall> <function_calls> <minimax:tool_call> <seed:tool_call> <TOOLCALL>
    <|tool_calls_section_begin|> <|tool_call|> <|tool_call> <|tool_call_start|> <|tools_prefix|> <|python_tag|> <|python_start|>
    <｜tool▁calls▁begin｜> <｜DSML｜function_calls> <start_function_call> <|action_start|><|plugin|> <|START_ACTION|> [TOOL_CALLS]
    [TOOL_REQUEST] functools
"""
"""What families write before calls; what follows is in one of the `FORMS`."""
CLOSERS = """
    </tool_call> </tool_calls> </tools> </function_call> </functioncall> </function_calls> </minimax:tool_call> </seed:tool_call>
    </TOOLCALL> <|tool_calls_section_end|> <|/tool_call|> <tool_call|> <|tool_call_end|> <|tools_suffix|> <|python_end|>
    <｜tool▁calls▁end｜> <｜tool▁call▁end｜> <｜end▁of▁sentence｜> </｜DSML｜function_calls> <end_function_call> <|action_end|>
    <|END_ACTION|> [END_TOOL_REQUEST] </s> <|eom_id|> <|eot_id|> <|im_end|> <|call|> <|endoftext|> <|end_of_text|> <end_of_turn> <|end|>
    <|return|> <|observation|> ; ,
"""
_OPENER_LIST = OPENERS.split()
_OPENERS, _CLOSERS = ("|".join(map(re.escape, words.split())) for words in (OPENERS, CLOSERS))
AROUND = re.compile(rf"{_OPENERS}|(?:{_CLOSERS}|\s)+|\[(?=\s*{NAME}\()|\]")
"""What stands around calls and between them; a list in Python's notation has brackets."""
DECODER = json.JSONDecoder()
NAME_KEYS = ("name", "tool_name", "function", "function_name", "tool")
ARGUMENT_KEYS = ("arguments", "parameters", "args", "input")
OTHER_KEYS = frozenset({"type", "id", "index", "tool_call_id"})


def _json_value(text: str, at: int) -> tuple[Any, int]:
    """One JSON value, or one with Python's quotes."""
    at = after_blanks(text, at)
    try:
        _, end = DECODER.raw_decode(text, at)
    except ValueError:
        return read_value(text, at)
    return codec.loads(text[at:end]), end


def _fenced_value(text: str, at: int) -> tuple[Any, int]:
    value, at = _json_value(text, at)
    return value, _after(text, at, "```")


def _after(text: str, at: int, closes: str) -> int:
    at = after_blanks(text, at)
    if not text.startswith(closes, at):
        raise ValueError("no end of the call")
    return at + len(closes)


@attrs.frozen(slots=True)
class TextBody:
    """Arguments as tags, a name and a value each, up to `closes`. The values are texts until the tool's schema says otherwise."""

    pair: re.Pattern[str]
    closes: str

    def __call__(self, text: str, at: int) -> tuple[Any, int]:
        if text.startswith("{", after_blanks(text, at)):
            value, at = _json_value(text, at)
            return value, _after(text, at, self.closes)
        found: dict[str, str] = {}
        while match := self.pair.match(text, at):
            key, value = match.groups()
            if key in found:
                raise ValueError("an argument twice")
            found[key] = value.removeprefix("\n").removesuffix("\n")
            at = match.end()
        return TextArguments(found), _after(text, at, self.closes)


@attrs.frozen(slots=True)
class TextArguments:
    """Arguments whose types only the tool's schema tells."""

    values: Mapping[str, str] = attrs.field(repr=False)

    def typed(self, tool: Tool) -> dict[str, Any]:
        """A value is JSON where the schema wants anything but a text."""
        known = properties_of(tool.parameters)
        return {key: _typed(value, known.get(key)) for key, value in self.values.items()}


def _typed(value: str, schema: object) -> Any:
    kind = schema.get("type") if isinstance(schema, Mapping) else None
    if not isinstance(kind, str) or kind == "string":
        return value
    try:
        return codec.loads(value)
    except codec.DecodeError:
        return value


@attrs.frozen(slots=True)
class Form:
    """How a family writes a call: its beginnings, blanks left out, with NAME for the tool's; a pattern for them; what reads the rest.

    `is_wrapped`: an opener stands before it.
    """

    begins: tuple[str, ...]
    pattern: re.Pattern[str]
    body: Body
    is_wrapped: bool = False


def _tags(begin: str, opens: str, pair: str, closes: str, *, is_wrapped: bool = False) -> Form:
    return Form((begin,), re.compile(opens.replace("NAME", NAME)), TextBody(re.compile(pair, re.S), closes), is_wrapped)


def _form(pattern: str, body: Body, *begins: str, is_wrapped: bool = False) -> Form:
    return Form(begins, re.compile(pattern.replace("NAME", NAME)), body, is_wrapped)


_GAP = r"\s{0,9}"
_SECTION = rf"(?:<\|channel\|>)?(?:commentary|analysis)?{_GAP}"
_MESSAGE = rf"(?:<\|constrain\|>)?(?:json|code)?{_GAP}(?:<\|message\|>)?(?=\s*\{{)"
_HARMONY = rf"(?:<\|start\|>)?(?:assistant)?{_GAP}{_SECTION}to=NAME{_GAP}{_SECTION}{_MESSAGE}"

FORMS: tuple[Form, ...] = (
    _tags("<function=NAME>", "<function=NAME>", r"\s*<parameter=([^<>\n]+)>(.*?)</parameter>", "</function>"),  # Qwen3-coder, Llama 3
    _tags(
        '<functionname="NAME">',
        '<function name="NAME">',
        r'\s*<param(?:eter)? name="([^"\n]+)">(.*?)</param(?:eter)?>',
        "</function>",
    ),  # MiniCPM
    _tags('<invokename="NAME">', '<invoke name="NAME">', r'\s*<parameter name="([^"\n]+)">(.*?)</parameter>', "</invoke>"),  # MiniMax
    _tags(
        '<｜DSML｜invokename="NAME">',
        '<｜DSML｜invoke name="NAME">',
        r'\s*<｜DSML｜parameter name="([^"\n]+)"(?: string="\w+")?>(.*?)</｜DSML｜parameter>',
        "</｜DSML｜invoke>",
    ),  # DeepSeek V3.2
    _tags(
        "NAME<",
        r"<tool_call>\s*NAME(?=\s*<arg_key>|\s*</tool_call>)",
        r"\s*<arg_key>([^<>]+)</arg_key>\s*<arg_value>(.*?)</arg_value>",
        "</tool_call>",
        is_wrapped=True,
    ),  # GLM
    _form(r"<\|tool_call_begin\|>\s*NAME(?::\d+)?\s*<\|tool_call_argument_begin\|>", _json_value, "<|tool_call_begin|>"),  # Kimi
    _form("<｜tool▁call▁begin｜>function<｜tool▁sep｜>NAME\\s*```json", _fenced_value, "<｜tool▁call▁begin｜>"),  # DeepSeek R1, V3
    _form("<｜tool▁call▁begin｜>NAME<｜tool▁sep｜>", _json_value),  # DeepSeek V3.1
    _form(r"\[TOOL_CALLS\]\s*NAME(?:\[CALL_ID\]\w+)?(?:\[ARGS\])?(?=\s*\{)", _json_value, "NAME[", "NAME{", is_wrapped=True),  # Mistral
    _form(r"call:NAME(?=\{)", read_value, "call:NAME{", is_wrapped=True),  # Gemma 4, FunctionGemma
    _form(
        r"([\w.\-/]{1,256}?)(?:\.call)?\(", partial(read_pairs, sign="=", closes=")"), "NAME(", "NAME.call(", "[NAME(", is_wrapped=True
    ),  # LFM2, Llama 3.2 and 4, OLMo 3
    _form(
        _HARMONY,
        _json_value,
        *(f"{before}to=functions.NAME" for before in ("", "<|start|>assistant", "commentary", "assistantcommentary")),
        *(f"{before}<|channel|>{kind}to=" for before in ("", "<|start|>assistant") for kind in ("commentary", "analysis")),
    ),  # gpt-oss, also without its special tokens
)
PLAIN = """
    {"name":"NAME" {"type":"function","name":"NAME" {"type":"function","function":{"name":"NAME" {"function":{"name":"NAME"
    {"function":"NAME" {"tool_name":"NAME" {"name":"functions.NAME" {"tool_calls":[{ {"tool":"NAME" {"function_name":"NAME"
    {"arguments":{ {"parameters":{ {"id":"call
"""
"""How JSON begins that may be a call, or a list of calls. Behind an opener any JSON may be one."""


def read_calls(text: str, tools: Mapping[str, Tool]) -> tuple[WireToolCall, ...]:
    """The calls that a text is; none when it is anything else, or a call names no tool of `tools`."""
    try:
        return tuple(_checked(call, tools) for call in _calls(text))
    except (TypeError, ValueError, RecursionError):
        return ()


def _calls(text: str) -> Iterator[WrittenCall]:
    """Raises ValueError where the text is no call."""
    at, count, steps = after_blanks(text, 0), 0, 0
    while at < len(text):
        around = None
        for form in FORMS:
            if match := form.pattern.match(text, at):
                arguments, at = form.body(text, match.end())
                yield match.group(1), arguments
                break
        else:
            if around := AROUND.match(text, at):
                at = around.end()
            else:
                value, at = _json_value(text, at)
                yield from _calls_of(value)
        count, steps = count + (around is None), steps + 1
        if count > MOST_CALLS or steps > MOST_STEPS:
            raise ValueError("too many calls")
        at = after_blanks(text, at)


def _calls_of(value: object) -> Iterator[WrittenCall]:
    """The calls that a JSON value describes: a call, a list of them, or `{"tool_calls": [...]}`."""
    if isinstance(value, dict) and value.keys() == {"tool_calls"}:
        value = value["tool_calls"]
    yield from map(_call_of, value if isinstance(value, list) else [value])


def _call_of(value: object) -> WrittenCall:
    """The call that a JSON object describes.

    `{"name": ..., "parameters": ...}`, the same in `function` as OpenAI's API has it, or `{name: arguments}` (Apertus).
    """
    if not isinstance(value, dict):
        raise TypeError("no call")
    inner = value.get("function")
    if isinstance(inner, dict) and value.keys() - OTHER_KEYS == {"function"}:
        value = inner
    keys = value.keys() - OTHER_KEYS
    if len(keys) == len(value) == 1:
        return next(iter(value.items()))
    names, arguments = keys & set(NAME_KEYS), keys & set(ARGUMENT_KEYS)
    if len(names) != 1 or len(arguments) != 1 or len(keys) != 2 or value.get("type", "function") != "function":
        raise ValueError("no call")
    return value[names.pop()], value[arguments.pop()]


def _checked(call: WrittenCall, tools: Mapping[str, Tool]) -> WireToolCall:
    written, arguments = call
    name = declared_name(written, tools) if isinstance(written, str) else ""
    if not name:
        raise ValueError("no declared tool")
    if isinstance(arguments, TextArguments):
        arguments = arguments.typed(tools[name])
    elif isinstance(arguments, str):
        arguments = object_of(arguments)
    if not isinstance(arguments, dict) or not can_be_sent_back(arguments):
        raise ValueError("no arguments")
    if (
        arguments.get("type") == "object"
        and isinstance(arguments.get("properties"), dict)
        and "properties" not in properties_of(tools[name].parameters)
    ):
        raise ValueError("a tool's declaration")
    return WireToolCall(function=WireFunctionCall(name=name, arguments=arguments))


@attrs.frozen(slots=True)
class Beginnings:
    """The beginnings, blanks left out, of texts that may be calls of some tools: alone, or after an opener."""

    plain: tuple[str, ...]
    wrapped: tuple[str, ...]

    @classmethod
    def of(cls, tools: Iterable[str]) -> "Beginnings":
        """Those of the tools with these names."""
        names = ["".join(name.split()) for name in tools]
        json_calls = PLAIN.split()
        forms = [begin for form in FORMS if not form.is_wrapped for begin in form.begins]
        plain = [*json_calls, *(f"[{begin}" for begin in json_calls), "[NAME(", *forms]
        wrapped = [begin for form in FORMS for begin in form.begins]
        named = [tuple(begin.replace("NAME", name) for begin in begins for name in names) for begins in (plain, wrapped)]
        return cls(named[0], (*named[1], "{", "[{"))

    def fits(self, text: str) -> bool | None:
        """Whether a text without blanks begins so; None while more of it has to be seen."""
        text = text.replace("'", '"')
        is_wrapped = False
        while opener := next((opener for opener in _OPENER_LIST if text.startswith(opener)), ""):
            text, is_wrapped = text[len(opener) :], True
        begins = self.wrapped if is_wrapped else self.plain
        if text and text.startswith(begins):
            return True
        return None if any(begin.startswith(text) for begin in (*_OPENER_LIST, *begins)) else False


FIRST = frozenset(begin[0] for begin in (*_OPENER_LIST, *Beginnings.of(["["]).plain)) | {"["}
"""The characters that such a text may begin with."""
QUOTES = "\"'"
_MARKS = (*_OPENER_LIST, "<function=", "<function name=", "<invoke name=", "<|tool_call_begin|>", "to=functions.")
MARK = re.compile("|".join(map(re.escape, _MARKS)) + r"""|["']name["']\s*:""")
ARGUMENTS = re.compile(rf"""["'](?:{"|".join(ARGUMENT_KEYS)})["']\s*:""")


def holds_call(text: str, tools: Iterable[str]) -> bool:
    """Whether a text seems to hold a call of one of the tools somewhere."""
    marks = list(MARK.finditer(text))[-MOST_CALLS:]
    if not marks:
        return False
    names = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, tools))})(?!\w)")
    return any(
        names.search(text, mark.end(), mark.end() + NEAR)
        and (mark[0][0] not in QUOTES or ARGUMENTS.search(text, max(0, mark.start() - NEAR), mark.end() + NEAR))
        for mark in marks
    )
