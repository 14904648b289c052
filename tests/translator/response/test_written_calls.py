"""Calls that come as text: every family is read, once, however it is cut; anything else arrives letter for letter."""

import random

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.recordings import Exchange
from tests.translator.stream_player import Outcome, answers, label, outcome, play
from translator.response.held_text import MOST_HELD
from translator.shapes.dify import FinishReason, Tool

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}, "tags": {"type": "array"}}}
TOOLS = (Tool(name="get_weather", parameters=SCHEMA), Tool(name="now", parameters={"type": "object", "properties": {}}))
END = {"done": True, "done_reason": "stop", "prompt_eval_count": 1, "eval_count": 1}


def line(done: bool = False, **message: object) -> bytes:
    return orjson.dumps({"message": {"content": "", **message}, **(END if done else {"done": False})}) + b"\n"


def streamed(*pieces: str, before: bytes = b"", tools: tuple[Tool, ...] = TOOLS) -> Outcome:
    return outcome(play([before, *(line(content=piece) for piece in pieces), line(done=True)], tools))


def blocking(text: str, tools: tuple[Tool, ...] = TOOLS) -> Outcome:
    return outcome(play([line(done=True, content=text)], tools))


def in_pieces(text: str, dice: random.Random) -> list[str]:
    cuts = sorted(dice.randrange(len(text) + 1) for _ in range(dice.randrange(8)))
    return [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]


PARIS = [("get_weather", '{"city":"Paris"}')]
BOTH = [*PARIS, ("now", "{}")]
J = '{"name": "get_weather", "arguments": {"city": "Paris"}}'
NOW = '{"name": "now", "arguments": {}}'
CALLS = {
    "kimi (ollama/ollama#15645)": (
        "<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0<|tool_call_argument_begin|>"
        '{"city":"Paris"}<|tool_call_end|><|tool_calls_section_end|>',
        PARIS,
    ),
    "qwen3-coder (ollama/ollama#17353)": (
        "<function=get_weather>\n<parameter=city>\nParis\n</parameter>\n</function>\n</tool_call>",
        PARIS,
    ),
    "qwen3-coder, two": (
        "<tool_call>\n<function=get_weather>\n<parameter=city>\nParis\n</parameter>\n</function>\n</tool_call>\n"
        "<tool_call>\n<function=now>\n</function>\n</tool_call>",
        BOTH,
    ),
    "qwen3-coder, types": (
        "<function=get_weather><parameter=city>5</parameter><parameter=days>5</parameter><parameter=tags>[1]</parameter></function>",
        [("get_weather", '{"city":"5","days":5,"tags":[1]}')],
    ),
    "qwen3-coder, lines": (
        "<function=get_weather>\n<parameter=city>\na\n\n b <x> `c`\n</parameter>\n</function>",
        [("get_weather", '{"city":"a\\n\\n b <x> `c`"}')],
    ),
    "llama 3.1": ('{"name": "get_weather", "parameters": {"city": "Paris"}}', PARIS),
    "llama 3.1, typed": ('{"type": "function", "name": "get_weather", "parameters": {"city": "Paris"}}', PARIS),
    "llama 3.1, two": ('{"name": "get_weather", "parameters": {"city": "Paris"}}; {"name": "now", "parameters": {}}', BOTH),
    "llama 3, python tag": ('<|python_tag|>{"name": "get_weather", "parameters": {"city": "Paris"}}<|eom_id|>', PARIS),
    "llama 3, function": ('<function=get_weather>{"city": "Paris"}</function>', PARIS),
    "a list": (f"[{J}, {NOW}]", BOTH),
    "openai": ('{"type":"function","function":{"name":"get_weather","arguments":"{\\"city\\":\\"Paris\\"}"}}', PARIS),
    "hermes": (f"<tool_call>\n{J}\n</tool_call>", PARIS),
    "hermes, other order": ('<tool_call>{"arguments": {"city": "Paris"}, "name": "get_weather"}</tool_call>', PARIS),
    "hermes, two": (f"<tool_call>\n{J}\n</tool_call>\n<tool_call>\n{NOW}\n</tool_call>", BOTH),
    "hermes, not closed": (f"<tool_call>\n{J}", PARIS),
    "mistral": (f"[TOOL_CALLS][{J}]</s>", PARIS),
    "mistral, new": ('[TOOL_CALLS]get_weather[ARGS]{"city": "Paris"}', PARIS),
    "granite": (f"<|tool_call|>[{J}]", PARIS),
    "phi": (f"functools[{J}]", PARIS),
    "glm": ("<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>Paris</arg_value>\n</tool_call>", PARIS),
    "minimax": (
        '<minimax:tool_call>\n<invoke name="get_weather">\n<parameter name="city">Paris</parameter>\n</invoke>\n</minimax:tool_call>',
        PARIS,
    ),
    "deepseek r1": (
        "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n"
        '{"city": "Paris"}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
        PARIS,
    ),
    "deepseek v3.1": (
        '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>{"city": "Paris"}<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
        PARIS,
    ),
    "command r7b": (
        '<|START_ACTION|>[{"tool_call_id": "0", "tool_name": "get_weather", "parameters": {"city": "Paris"}}]<|END_ACTION|>',
        PARIS,
    ),
    "glm, no arguments": ("<tool_call>now\n</tool_call>", [("now", "{}")]),
    "qwen2.5, Python's quotes": ("<tool_call>{'name': 'get_weather', 'arguments': {'city': 'Paris'}}</tool_call>", PARIS),
    "Python's quotes": ("{'name': 'get_weather', 'arguments': {'city': 'Paris'}}", PARIS),
    "tool_calls": (f'{{"tool_calls": [{J}, {NOW}]}}', BOTH),
    "a list of OpenAI's": ('[{"type":"function","function":{"name":"get_weather","arguments":{"city":"Paris"}}}]', PARIS),
    "claude": ('{"name": "get_weather", "input": {"city": "Paris"}}', PARIS),
    "lfm2": ('<|tool_call_start|>[get_weather(city="Paris")]<|tool_call_end|>', PARIS),
    "lfm2, two": ("<|tool_call_start|>[get_weather(city='Paris'), now()]<|tool_call_end|>", BOTH),
    "llama 3.2": ('[get_weather(city="Paris")]', PARIS),
    "llama 4": ("<|python_start|>[get_weather(city='Paris'), now()]<|python_end|>", BOTH),
    "llama 3.1, built in": ('<|python_tag|>get_weather.call(city="Paris")', PARIS),
    "python, values": (
        "[get_weather(city='it\\'s \"é\"\\n', days=-3, tags=[1, 2.5, True, None, {'a': 'b'}, ()])]",
        [("get_weather", '{"city":"it\'s \\"é\\"\\n","days":-3,"tags":[1,2.5,true,null,{"a":"b"},[]]}')],
    ),
    "olmo 3": ('<function_calls>\nget_weather(city="Paris")\nnow()\n</function_calls>', BOTH),
    "gemma 4": ('<|tool_call>call:get_weather{city:<|"|>Paris<|"|>}<tool_call|>', PARIS),
    "functiongemma": ("<start_function_call>call:get_weather{city:<escape>Paris<escape>}<end_function_call>", PARIS),
    "apertus": ('<|tools_prefix|>[{"get_weather": {"city": "Paris"}}, {"now": {}}]<|tools_suffix|>', BOTH),
    "nemotron": (f"<TOOLCALL>[{J}]</TOOLCALL>", PARIS),
    "seed-oss": ("<seed:tool_call>\n<function=get_weather>\n<parameter=city>Paris</parameter>\n</function>\n</seed:tool_call>", PARIS),
    "internlm": (f"<|action_start|><|plugin|>\n{J}<|action_end|>", PARIS),
    "hunyuan": (f"<tool_calls>\n<tool_call>{J}</tool_call>\n</tool_calls>", PARIS),
    "deepseek v3.2": (
        '<｜DSML｜function_calls>\n<｜DSML｜invoke name="get_weather">\n'
        '<｜DSML｜parameter name="city" string="true">Paris</｜DSML｜parameter>\n'
        "</｜DSML｜invoke>\n</｜DSML｜function_calls>",
        PARIS,
    ),
    "mistral, old form with id": ('[TOOL_CALLS]get_weather[CALL_ID]abcdefgh1[ARGS]{"city": "Paris"}', PARIS),
    "gpt-oss, recipient first": (
        '<|start|>assistant to=functions.get_weather<|channel|>commentary json<|message|>{"city": "Paris"}<|call|>',
        PARIS,
    ),
    "gpt-oss, in analysis": ('<|channel|>analysis to=functions.get_weather code<|message|>{"city": "Paris"}<|call|>', PARIS),
    "gpt-oss, without special tokens": ('assistantcommentary to=functions.get_weather json{"city": "Paris"}', PARIS),
    "gpt-oss, recipient alone": ('to=functions.get_weather<|channel|>commentary json<|message|>{"city": "Paris"}<|call|>', PARIS),
    "minicpm": ('<function name="get_weather"><param name="city">Paris</param></function><|im_end|>', PARIS),
    "lm studio": (f"[TOOL_REQUEST]{J}[END_TOOL_REQUEST]", PARIS),
    "parameters first": ('{"parameters": {"city": "Paris"}, "name": "get_weather"}', PARIS),
    "a list, arguments first": ('[{"arguments": {"city": "Paris"}, "name": "get_weather"}]', PARIS),
    "openai, with id": (
        '[{"id":"call_1","type":"function","function":{"name":"get_weather","arguments":"{\\"city\\":\\"Paris\\"}"}}]',
        PARIS,
    ),
    "tokens of the end": (f"<tool_call>{J}</tool_call><|endoftext|>", PARIS),
    "gpt-oss": ('<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>{"city": "Paris"}<|call|>', PARIS),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_in_text_is_read_once(name: str) -> None:
    text, expected = CALLS[name]
    dice = random.Random(name)
    results = [blocking(text), streamed(text), streamed(*text), *(streamed(*in_pieces(text, dice)) for _ in range(20))]
    for result in results:
        assert (result.text, result.call_facts, result.finish_reason, result.error) == ("", expected, FinishReason.TOOL_CALLS, "")


@pytest.mark.parametrize("name", CALLS)
def test_blanks_and_thinking_may_stand_before_it(name: str) -> None:
    text, expected = CALLS[name]
    for pieces in ([f"\n\n{text}\n"], ["\n\n", text, "\n"], list(f"\n\n{text}\n")):
        after_blanks = streamed(*pieces)
        assert (after_blanks.text, after_blanks.call_facts) == ("\n\n", expected)
        thought = streamed(*pieces, before=line(thinking="I call it."))
        assert (thought.text.rstrip("\n"), thought.call_facts) == ("<think>\nI call it.\n</think>", expected)
        tagged = streamed("<think>I call it.</think>", *pieces)
        assert (tagged.text.rstrip("\n"), tagged.call_facts) == ("<think>\nI call it.\n</think>", expected)


@pytest.mark.parametrize("name", CALLS)
def test_nothing_is_read_without_tools_or_from_an_answer_about_calls(name: str) -> None:
    text, _ = CALLS[name]
    assert (blocking(text, ()).text, blocking(text, ()).calls) == (text, ())
    other = (Tool(name="other"),)
    for about in (f"I look.\n\n{text}", f"```\n{text}\n```", f"`{text}`", f"{text}\nThis is how it is done.", text[:-20]):
        for result in (blocking(about), streamed(*about)):
            if result.calls:  # a closing token alone was cut off
                assert about == text[:-20]
            else:
                assert (result.text, result.finish_reason) == (about, FinishReason.STOP)
    assert (blocking(text, other).text, blocking(text, other).calls) == (text, ())


PROSE = {
    "an answer in JSON": '{"name": "Paris", "parameters": {"city": "x"}}',
    "JSON named as a tool": '{"name": "get_weather", "about": "tools"}',
    "no arguments": '{"name": "get_weather"}',
    "arguments that are no object": '{"name": "get_weather", "parameters": "Paris"}',
    "infinity": '{"name": "get_weather", "parameters": {"days": 1e999}}',
    "a tool as it was declared": orjson.dumps({"name": "get_weather", "parameters": SCHEMA}).decode(),
    "tools as OpenAI's API has them": orjson.dumps(
        [{"type": "function", "function": {"name": "get_weather", "parameters": SCHEMA}} for _ in range(2)]
    ).decode(),
    "cut": '{"name": "get_weather", "parameters": {"ci',
    "one call of two is unknown": f'[{J}, {{"name": "x", "arguments": {{}}}}]',
    "deep": '{"name": "get_weather", "parameters": ' + "[" * 20_000,
    "an argument twice": "<function=get_weather><parameter=city>a</parameter><parameter=city>b</parameter></function>",
    "a tag alone": "<tool_call></tool_call>",
    "a think tag in it": '<tool_call>{"name": "get_weather", "arguments": {"city": "<think>"}}</tool_call>',
    "long": '{"name": "get_weather", "parameters": {"city": "' + "x" * MOST_HELD + '"}}',
    "html": "<table><tr><td>1</td></tr></table>",
}


@pytest.mark.parametrize("text", PROSE.values(), ids=PROSE)
def test_what_is_no_call_arrives_letter_for_letter(text: str) -> None:
    for result in (blocking(text), streamed(text[:9], text[9:]), streamed(*text[:200], text[200:])):
        assert (result.text, result.call_facts, result.finish_reason) == (text, [], FinishReason.STOP)


HARMONY = (
    "<|channel|>analysis<|message|>I call it.<|end|><|start|>assistant<|channel|>commentary to=functions.get_weather "
    '<|constrain|>json<|message|>{"city": "Paris"}<|call|>'
)


@pytest.mark.parametrize("text", [HARMONY, f"<|start|>assistant{HARMONY}"])
def test_a_call_of_gpt_oss_may_follow_its_thinking(text: str) -> None:
    for pieces in ([text], list(text)):
        result = streamed(*pieces)
        assert (result.text.rstrip("\n"), result.call_facts) == ("<think>\nI call it.\n</think>", PARIS)


ANSWER = "<|channel|>final<|message|>Yes."


@pytest.mark.parametrize("text", [ANSWER, f"<|start|>assistant{ANSWER}", f"\n{ANSWER}"])
def test_the_header_of_an_answer_of_gpt_oss_is_left_out(text: str) -> None:
    for pieces in ([text], list(text)):
        assert streamed(*pieces).text.lstrip() == "Yes."


WORDS = """
    { } "name" : "get_weather" <tool_call> </tool_call> <function=get_weather> ` ``` <think> </think> [ ] , a <| é < [TOOL_CALLS] [THINK]
    </function> "arguments" {"city":1} <|tool_call_begin|> {"name":"get_weather"
    [get_weather( city= 'a' ) ] <|tool_call_start|> call:now{ <|"|>
"""
PARTS = st.sampled_from([*WORDS.split(), " ", "\n", J])


@given(st.lists(PARTS, max_size=12), st.randoms(use_true_random=False))
def test_any_text_is_a_call_or_what_it_is_without_tools(words: list[str], dice: random.Random) -> None:
    text = "".join(words)
    pieces = in_pieces(text, dice)
    plain, read, whole = streamed(*pieces, tools=()), streamed(*pieces), blocking(text)
    assert (read.text, read.calls, read.error) == (whole.text, whole.calls, whole.error)
    if not read.calls:
        assert read == plain


@pytest.mark.parametrize("exchange", answers(), ids=label)
def test_recordings_are_read_as_they_were(exchange: Exchange) -> None:
    """With tools declared as without; but for the one whose model calls a tool that was not offered."""
    cut = random.Random(exchange.address).randrange(len(exchange.body) + 1)
    with_tools = outcome(play([exchange.body[:cut], exchange.body[cut:]], TOOLS))
    if "tool-none-offered" in exchange.scenario:
        assert with_tools.finish_reason is FinishReason.TOOL_CALLS
    else:
        assert with_tools == outcome(play([exchange.body]))
