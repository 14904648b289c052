"""Everything a chat or completion request can say: what Dify gives, and the exact JSON that the server is sent.

Every body passes the server's own decoder (`tests/go/go_decoder.py`); requests a server took are compared with the recorded ones.
"""

import json
from base64 import b64decode
from typing import Any

import attrs
import pytest

from tests.translator.sample_turns import (
    ABLE,
    CLOUD,
    COMPLETING,
    GPT_OSS,
    HI,
    LOOP,
    MLX,
    PLAIN,
    PNG,
    SCHEMA,
    SCHEMA_TEXT,
    SCHEMA_WORDS,
    THINKER,
    WAV,
    WEATHER,
    WIRE_CALL,
    WIRE_RESULT,
    WIRE_WEATHER,
    ask,
    chat,
    part,
    picture,
    saved,
    says,
    sent,
    system,
    user,
    without_truncate,
)
from translator.response.capabilities import ModelInfo
from translator.settings.credentials import Credentials
from translator.shapes.dify import MediaKind, Message, Role, TextPart
from translator.turn import Ask
from translator.versions import ServerVersion

type Row = tuple[Ask, ModelInfo, Credentials, dict[str, Any]]

CONTEXT: dict[str, Row] = {
    "automatic": (ask(), ABLE, saved(), chat(num_ctx=8192)),
    "automatic, small model": (ask(), PLAIN, saved(), chat(num_ctx=4096)),
    "automatic, Modelfile": (ask(), attrs.evolve(ABLE, num_ctx=16384), saved(), chat(num_ctx=16384)),
    "a number": (ask(), ABLE, saved(context_size="32768"), chat(num_ctx=32768)),
    "a number above the model": (ask(), PLAIN, saved(context_size="32768"), chat(num_ctx=4096)),
    "nothing known": (ask(), ModelInfo(), saved(), chat(num_ctx=8192)),
    "the app's own number": (ask(parameters={"num_ctx": 2048}), ABLE, saved(), chat(num_ctx=2048)),
    "the app's own number above the model": (ask(parameters={"num_ctx": 2**20}), PLAIN, saved(), chat(num_ctx=4096)),
    "cloud: nothing": (ask(), CLOUD, saved(context_size="4096"), chat(num_ctx=None)),
    "cloud: not even the app's number": (ask(parameters={"num_ctx": 2048}), CLOUD, saved(), chat(num_ctx=None)),
    "older turns may be dropped": (
        ask(user("a"), says(Role.ASSISTANT, "b"), user("c")),
        PLAIN,
        saved(),
        without_truncate(chat({"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"})),
    ),
    "older turns shall not be dropped": (
        ask(user("a"), says(Role.ASSISTANT, "b"), user("c")),
        PLAIN,
        saved(overflow="error"),
        chat({"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}),
    ),
    "an answer begun is no older turn": (
        ask(user("a"), says(Role.ASSISTANT, "b")),
        PLAIN,
        saved(),
        chat({"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}),
    ),
    "an empty answer is no turn": (ask(user("hi"), says(Role.ASSISTANT)), PLAIN, saved(), chat()),
}

PARAMETERS: dict[str, Row] = {
    "none": (ask(), PLAIN, saved(), chat()),
    "zeros arrive": (
        ask(parameters={"temperature": 0, "top_k": 0, "top_p": 0.0, "seed": 0, "num_gpu": 0, "use_mmap": False, "min_p": 0}),
        PLAIN,
        saved(),
        chat(options={"temperature": 0.0, "top_k": 0, "top_p": 0.0, "seed": 0, "num_gpu": 0, "use_mmap": False, "min_p": 0.0}),
    ),
    "the hottest": (ask(parameters={"temperature": 2.0}), PLAIN, saved(), chat(options={"temperature": 2.0})),
    "max_tokens": (ask(parameters={"max_tokens": 100}), PLAIN, saved(), chat(options={"num_predict": 100})),
    "num_predict": (ask(parameters={"num_predict": 100}), PLAIN, saved(), chat(options={"num_predict": 100})),
    "texts from a workflow": (
        ask(parameters={"temperature": "0.3", "seed": "7"}),
        PLAIN,
        saved(),
        chat(options={"temperature": 0.3, "seed": 7}),
    ),
    "every other option": (
        ask(
            parameters={
                "typical_p": 0.7,
                "repeat_last_n": -1,
                "repeat_penalty": 1.1,
                "presence_penalty": -2,
                "frequency_penalty": 2,
                "num_keep": 8,
                "num_batch": 256,
                "num_thread": 4,
                "main_gpu": 1,
                "draft_num_predict": 2,
            }
        ),
        PLAIN,
        saved(),
        chat(
            options={
                "typical_p": 0.7,
                "repeat_last_n": 4096,
                "repeat_penalty": 1.1,
                "presence_penalty": -2.0,
                "frequency_penalty": 2.0,
                "num_keep": 8,
                "num_batch": 256,
                "num_thread": 4,
                "main_gpu": 1,
                "draft_num_predict": 2,
            }
        ),
    ),
    "retired options": (ask(parameters={"mirostat": 1, "tfs_z": 1.0, "penalize_newline": True, "num_gqa": 8}), PLAIN, saved(), chat()),
    "Dify's stop": (ask(stop=("Observation:",)), PLAIN, saved(), chat(options={"stop": ["Observation:"]})),
    "stop from both": (ask(stop=("a", "b"), parameters={"stop": ["b", "c"]}), PLAIN, saved(), chat(options={"stop": ["a", "b", "c"]})),
    "the Modelfile's stop stays": (
        ask(stop=("a",)),
        attrs.evolve(PLAIN, stop=("<|im_end|>",)),
        saved(),
        chat(options={"stop": ["a", "<|im_end|>"]}),
    ),
    "keep_alive of the settings": (ask(), PLAIN, saved(keep_alive="300"), chat(keep_alive=300)),
    "keep_alive of the app": (ask(parameters={"keep_alive": "5m"}), PLAIN, saved(keep_alive="300"), chat(keep_alive="5m")),
    "keep_alive for ever": (ask(parameters={"keep_alive": "-1"}), PLAIN, saved(), chat(keep_alive=-1)),
    "keep_alive in a word": (ask(), PLAIN, saved(keep_alive="forever"), chat(keep_alive=-1)),
    "keep_alive zero": (ask(parameters={"keep_alive": "0"}), PLAIN, saved(keep_alive="5m"), chat(keep_alive=0)),
}

THINKING: dict[str, Row] = {
    "default": (ask(), THINKER, saved(), chat()),
    "off": (ask(parameters={"think": "off"}), THINKER, saved(), chat(think=False)),
    "on": (ask(parameters={"think": "on"}), THINKER, saved(), chat(think=True)),
    "low": (ask(parameters={"think": "low"}), THINKER, saved(), chat(think="low")),
    "max": (ask(parameters={"think": "max"}), THINKER, saved(), chat(think="max")),
    "max before 0.22": (
        ask(parameters={"think": "max"}),
        attrs.evolve(THINKER, version=ServerVersion(0, 20, 0)),
        saved(),
        chat(think="high"),
    ),
    "level before 0.11": (
        ask(parameters={"think": "high"}),
        attrs.evolve(THINKER, version=ServerVersion(0, 9, 6)),
        saved(),
        chat(think=True),
    ),
    "before 0.9": (ask(parameters={"think": "on"}), attrs.evolve(THINKER, version=ServerVersion(0, 8, 0)), saved(), chat()),
    "model does not think": (ask(parameters={"think": "high"}), PLAIN, saved(), chat()),
    "model does not think, off": (ask(parameters={"think": "off"}), PLAIN, saved(), chat()),
    "nobody knows": (ask(parameters={"think": "on"}), ModelInfo(), saved(), chat(num_ctx=8192, think=True)),
    "user says it thinks": (ask(parameters={"think": "on"}), PLAIN, saved(thinking_support="yes"), chat(think=True)),
    "user says it shall not": (ask(), THINKER, saved(thinking_support="no"), chat(think=False)),
    "user says it shall not, app says on": (ask(parameters={"think": "on"}), THINKER, saved(thinking_support="no"), chat(think=False)),
    "user says it cannot, nor does the server": (ask(parameters={"think": "on"}), PLAIN, saved(thinking_support="no"), chat()),
    "gpt-oss off": (ask(parameters={"think": "off"}), GPT_OSS, saved(), chat(num_ctx=8192, think="low")),
    "gpt-oss on": (ask(parameters={"think": "on"}), GPT_OSS, saved(), chat(num_ctx=8192, think=True)),
    "older apps": (ask(parameters={"think": True, "think_level": "high"}), THINKER, saved(), chat(think="high")),
}

FORMATS: dict[str, Row] = {
    "schema as Dify sends it": (ask(parameters={"json_schema": SCHEMA_TEXT}), PLAIN, saved(), chat(format=SCHEMA)),
    "schema in its wrapper": (
        ask(parameters={"json_schema": json.dumps({"schema": SCHEMA, "name": "llm_response", "strict": True})}),
        PLAIN,
        saved(),
        chat(format=SCHEMA),
    ),
    "json": (ask(parameters={"format": "json"}), PLAIN, saved(), chat(format="json")),
    "references": (
        ask(
            parameters={
                "json_schema": {
                    "$schema": "https://json-schema.org/draft/2020-12/schema",
                    "type": "object",
                    "properties": {"a": {"$ref": "#/$defs/A"}},
                    "$defs": {"A": {"type": "integer"}},
                }
            }
        ),
        PLAIN,
        saved(),
        chat(format={"type": "object", "properties": {"a": {"type": "integer"}}}),
    ),
    "a model that thinks is switched off": (
        ask(parameters={"json_schema": SCHEMA_TEXT}),
        THINKER,
        saved(),
        chat(think=False, format=SCHEMA),
    ),
    "told to think: it does, hidden; in words too, as the format holds only after thinking": (
        ask(parameters={"json_schema": SCHEMA_TEXT, "think": "high"}),
        THINKER,
        saved(),
        chat(system(SCHEMA_WORDS), HI, think="high", format=SCHEMA),
    ),
    "gpt-oss thinks a little, hidden": (
        ask(parameters={"json_schema": SCHEMA_TEXT}),
        GPT_OSS,
        saved(),
        chat(num_ctx=8192, think="low", format=SCHEMA),
    ),
    "built-in parser before 0.31.2: in words too": (
        ask(parameters={"json_schema": SCHEMA_TEXT}),
        attrs.evolve(THINKER, parser="qwen3", version=ServerVersion(0, 24, 0)),
        saved(),
        chat(system(SCHEMA_WORDS), HI, format=SCHEMA),
    ),
    "cloud: in words too": (
        ask(parameters={"json_schema": SCHEMA_TEXT}),
        CLOUD,
        saved(),
        chat(system(SCHEMA_WORDS), HI, num_ctx=None, think="low", format=SCHEMA),
    ),
    "safetensors: in words too": (
        ask(says(Role.SYSTEM, "Be brief."), user("hi"), parameters={"json_schema": SCHEMA_TEXT}),
        MLX,
        saved(),
        chat(system(f"Be brief.\n\n{SCHEMA_WORDS}"), HI, format=SCHEMA),
    ),
    "user says it does not obey: in words too": (
        ask(parameters={"format": "json"}),
        PLAIN,
        saved(structured_output_support="no"),
        chat(system("Answer with one valid JSON value and nothing else: no explanation, no Markdown."), HI, format="json"),
    ),
}

MESSAGES: dict[str, Row] = {
    "system only": (ask(says(Role.SYSTEM, "Be brief.")), PLAIN, saved(), chat(system("Be brief."), {"role": "user", "content": ""})),
    "nothing at all": (Ask(model="m", messages=()), PLAIN, saved(), chat({"role": "user", "content": ""})),
    "empty system": (ask(says(Role.SYSTEM), user("hi")), PLAIN, saved(), chat()),
    "several systems stay in order": (
        ask(says(Role.SYSTEM, "1"), says(Role.SYSTEM, "2"), user("hi"), says(Role.SYSTEM, "3")),
        PLAIN,
        saved(),
        chat(system("1"), system("2"), HI, system("3")),
    ),
    "developer": (ask(says(Role.DEVELOPER, "1"), user("hi")), PLAIN, saved(), chat(system("1"), HI)),
    "users in a row": (ask(user("hi"), user("hi")), PLAIN, saved(), without_truncate(chat(HI, HI))),
    "placeholders": (ask(user("[image]\nwhat is it?")), PLAIN, saved(), chat({"role": "user", "content": "[image]\nwhat is it?"})),
    "past thinking": (
        ask(user("hi"), says(Role.ASSISTANT, "<think>\nhm\n</think>\n\nyes"), user("hi")),
        PLAIN,
        saved(),
        without_truncate(chat(HI, {"role": "assistant", "content": "yes", "thinking": "hm"}, HI)),
    ),
    "tools": (
        ask(*LOOP, tools=(WEATHER,)),
        ABLE,
        saved(),
        chat({"role": "user", "content": "weather?"}, WIRE_CALL, WIRE_RESULT, num_ctx=8192, tools=[WIRE_WEATHER]),
    ),
    "tools, and nobody knows": (ask(tools=(WEATHER,)), ModelInfo(), saved(), chat(num_ctx=8192, tools=[WIRE_WEATHER])),
    "tools, by the user's word": (ask(tools=(WEATHER,)), PLAIN, saved(function_call_support="true"), chat(tools=[WIRE_WEATHER])),
}

IMAGES: dict[str, Row] = {
    "base64": (ask(user(picture(), "look")), ABLE, saved(), chat({"role": "user", "content": "look", "images": [PNG]}, num_ctx=8192)),
    "data URL": (
        ask(user(picture(f"data:image/png;base64,{PNG}"), "look")),
        ABLE,
        saved(),
        chat({"role": "user", "content": "look", "images": [PNG]}, num_ctx=8192),
    ),
    "data URL as URL": (
        ask(user(picture("", url=f"data:image/png;base64,{PNG}"), "look")),
        ABLE,
        saved(),
        chat({"role": "user", "content": "look", "images": [PNG]}, num_ctx=8192),
    ),
    "downloaded": (
        ask(user(picture("", url="http://dify/files/1"), "look"), fetched={"http://dify/files/1": b64decode(PNG)}),
        ABLE,
        saved(),
        chat({"role": "user", "content": "look", "images": [PNG]}, num_ctx=8192),
    ),
    "order of texts and of files": (
        ask(user("one ", picture(), "two ", part(MediaKind.AUDIO, WAV), "three")),
        ABLE,
        saved(),
        chat({"role": "user", "content": "one two three", "images": [PNG, WAV]}, num_ctx=8192),
    ),
    "in every role": (
        ask(
            Message(role=Role.SYSTEM, content=(TextPart("s"), picture())),
            user("u", picture()),
            Message(role=Role.ASSISTANT, content=(TextPart("a"), picture())),
            Message(role=Role.TOOL, content=(TextPart("t"), picture()), name="f", tool_call_id="1"),
        ),
        ABLE,
        saved(),
        chat(
            {"role": "system", "content": "s", "images": [PNG]},
            {"role": "user", "content": "u", "images": [PNG]},
            {"role": "assistant", "content": "a", "images": [PNG]},
            {"role": "tool", "content": "t", "images": [PNG], "tool_name": "f", "tool_call_id": "1"},
            num_ctx=8192,
        ),
    ),
    "by the user's word": (
        ask(user(picture())),
        PLAIN,
        saved(vision_support="true"),
        chat({"role": "user", "content": "", "images": [PNG]}),
    ),
    "nobody knows": (ask(user(picture())), ModelInfo(), saved(), chat({"role": "user", "content": "", "images": [PNG]}, num_ctx=8192)),
}


def generate(prompt: str, num_ctx: int | None = 8192, **fields: Any) -> dict[str, Any]:
    return {"model": "m", "prompt": prompt, "stream": True, "truncate": False, "options": {"num_ctx": num_ctx}} | fields


COMPLETIONS: dict[str, Row] = {
    "prompt": (ask(user("Once upon")), ABLE, COMPLETING, generate("Once upon")),
    "prompt with its white space": (ask(user("  def f(x):\n")), ABLE, COMPLETING, generate("  def f(x):\n")),
    "system": (ask(says(Role.SYSTEM, "Be brief."), user("hi")), ABLE, COMPLETING, generate("hi", system="Be brief.")),
    "several of both": (
        ask(says(Role.SYSTEM, "1"), user("a"), says(Role.ASSISTANT, "b"), says(Role.SYSTEM, "2"), user("c")),
        ABLE,
        COMPLETING,
        generate("a\n\nb\n\nc", system="1\n\n2"),
    ),
    "images": (ask(user("look", picture())), ABLE, COMPLETING, generate("look", images=[PNG])),
    "only an image": (ask(user(picture())), ABLE, COMPLETING, generate("", images=[PNG])),
    "thinking": (ask(parameters={"think": "high"}), ABLE, COMPLETING, generate("hi", think="high")),
    "schema": (ask(parameters={"json_schema": SCHEMA_TEXT}), ABLE, COMPLETING, generate("hi", think=False, format=SCHEMA)),
    "schema, not enforced": (
        ask(parameters={"json_schema": SCHEMA_TEXT}),
        MLX,
        COMPLETING,
        generate("hi", 4096, system=SCHEMA_WORDS, format=SCHEMA),
    ),
    "suffix": (ask(user("def f("), suffix="return x"), ABLE, COMPLETING, generate("def f(", suffix="return x")),
    "suffix, and nobody knows": (ask(user("def f("), suffix="return x"), ModelInfo(), COMPLETING, generate("def f(", suffix="return x")),
    "options": (
        ask(parameters={"max_tokens": 5}, stop=("X",)),
        ABLE,
        COMPLETING,
        generate("hi", options={"num_ctx": 8192, "num_predict": 5, "stop": ["X"]}),
    ),
    "keep_alive": (ask(), ABLE, saved(mode="completion", keep_alive="5m"), generate("hi", keep_alive="5m")),
}

TABLES = {
    f"{table}: {name}": row
    for table, rows in {
        "context": CONTEXT,
        "parameters": PARAMETERS,
        "thinking": THINKING,
        "format": FORMATS,
        "messages": MESSAGES,
        "images": IMAGES,
        "completion": COMPLETIONS,
    }.items()
    for name, row in rows.items()
}


@pytest.mark.parametrize(("asked", "info", "credentials", "body"), TABLES.values(), ids=TABLES)
def test_exact_request(asked: Ask, info: ModelInfo, credentials: Credentials, body: dict[str, Any]) -> None:
    assert sent(asked, info, credentials) == body
