"""What holds for every turn: what is refused before it is sent, what recordings say, and that the server's decoder takes it all."""

import json

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.recordings import Exchange, every, having, load
from tests.go.go_decoder import CHECKS, Refused
from tests.plugin_entry.cli.packaging.plugin_files import FORM
from tests.translator.recorded_failures import is_misspelled
from tests.translator.sample_turns import (
    ABLE,
    CLOUD,
    COMPLETING,
    GPT_OSS,
    MLX,
    OLD,
    PLAIN,
    SCHEMA_TEXT,
    THINKER,
    WAV,
    WEATHER,
    ask,
    checked,
    part,
    picture,
    saved,
    says,
    sent,
    user,
)
from translator.errors import RequestError
from translator.features import context
from translator.request.messages import messages_to_wire
from translator.response.capabilities import ModelInfo, model_info
from translator.settings.credentials import Credentials
from translator.shapes.dify import MediaKind, Message, Mode, Role, TextPart
from translator.turn import NUM_CTX_IS_REMOTE, Ask, plan_turn
from translator.versions import ServerVersion


def nested(depth: int) -> dict[str, object]:
    schema: dict[str, object] = {"type": "string"}
    for _ in range(depth):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


SETTINGS = {field["label"]["en_US"] for field in FORM}

REFUSED: dict[str, tuple[Ask, ModelInfo, Credentials, str, str]] = {
    "tools": (ask(tools=(WEATHER,)), PLAIN, saved(), "tools_missing", "Tools (function calling)"),
    "tools, by the user's word": (
        ask(tools=(WEATHER,)),
        ABLE,
        saved(function_call_support="false"),
        "tools_missing",
        "Tools (function calling)",
    ),
    "tools in completion mode": (ask(tools=(WEATHER,)), ABLE, COMPLETING, "tools_missing", "Mode"),
    "image": (ask(user(picture())), PLAIN, saved(), "vision_missing", "Images (vision)"),
    "image in completion mode": (ask(user(picture())), PLAIN, COMPLETING, "vision_missing", "Images (vision)"),
    "sound": (ask(user(part(MediaKind.AUDIO, WAV))), PLAIN, saved(), "audio_missing", ""),
    "document": (ask(user(part(MediaKind.DOCUMENT, "JVBERi0="))), ABLE, saved(), "document_not_supported", ""),
    "video": (ask(user(part(MediaKind.VIDEO, "AAAA"))), ABLE, saved(), "video_not_supported", ""),
    "relative link": (ask(user(picture("", url="/files/1?sign=secret"))), ABLE, saved(), "media-url-relative", ""),
    "link without bytes": (ask(user(picture("", url="http://dify/files/1"))), ABLE, saved(), "media_not_fetched", ""),
    "page instead of a picture": (
        ask(user(picture("", url="http://dify/1")), fetched={"http://dify/1": b"<!DOCTYPE html><html></html>"}),
        ABLE,
        saved(),
        "image-format",
        "",
    ),
    "a tool that is too deep": (ask(tools=(attrs.evolve(WEATHER, parameters=nested(2_000)),)), ABLE, saved(), "json_too_deep", ""),
    "suffix in chat mode": (ask(suffix="x"), ABLE, saved(), "suffix_in_chat", ""),
    "suffix without insert": (ask(suffix="x"), PLAIN, COMPLETING, "insert_missing", ""),
    "empty prompt": (ask(user("")), PLAIN, COMPLETING, "prompt_empty", ""),
    "blank prompt": (ask(user("  \n")), PLAIN, COMPLETING, "prompt_empty", ""),
    "only a system prompt": (ask(says(Role.SYSTEM, "x")), PLAIN, COMPLETING, "prompt_empty", ""),
    "hot": (ask(parameters={"temperature": "hot"}), PLAIN, saved(), "parameter_type", ""),
    "stop": (ask(parameters={"stop": [1]}), PLAIN, saved(), "parameter_type", ""),
    "keep_alive": (ask(parameters={"keep_alive": "1d"}), PLAIN, saved(), "keep_alive_invalid", ""),
    "think": (ask(parameters={"think": "very"}), PLAIN, saved(), "parameter_choice", ""),
    "format": (ask(parameters={"format": "yaml"}), PLAIN, saved(), "parameter_choice", ""),
    "schema": (ask(parameters={"json_schema": "{"}), PLAIN, saved(), "schema_malformed", ""),
    "schema that is no object": (ask(parameters={"json_schema": "[1]"}), PLAIN, saved(), "schema_not_object", ""),
    "too long alone": (ask(user("word " * 15_000)), PLAIN, saved(), "context_too_long", ""),
    "too long alone, older turns": (ask(user("a"), user("word " * 15_000)), PLAIN, saved(), "context_too_long", ""),
    "too long alone, policy error": (ask(user("word " * 15_000)), PLAIN, saved(overflow="error"), "context_too_long", ""),
    "too long prompt": (ask(user("word " * 8_000), user("word " * 8_000)), PLAIN, COMPLETING, "context_too_long", ""),
}


@pytest.mark.parametrize(("asked", "info", "credentials", "code", "setting"), REFUSED.values(), ids=REFUSED)
def test_refused_before_sending(asked: Ask, info: ModelInfo, credentials: Credentials, code: str, setting: str) -> None:
    with pytest.raises(RequestError) as caught:
        plan_turn(asked, info, credentials)
    assert caught.value.code == code
    assert caught.value.problem.remedy or code == "media_not_fetched"
    assert "secret" not in str(caught.value)
    if setting:
        assert f'"{setting}"' in str(caught.value)
        assert setting in SETTINGS


def test_too_long_names_three_numbers() -> None:
    with pytest.raises(RequestError, match=r"prompt of about \d+ tokens, context size 512 tokens, model maximum 4096 tokens"):
        plan_turn(ask(user("word " * 15_000)), PLAIN, saved(context_size="512"))


def test_a_window_of_the_app_counts() -> None:
    long = ask(user("word " * 15_000), parameters={"num_ctx": 32768})
    assert sent(long, ABLE, saved(context_size="512"))["options"]["num_ctx"] == 32768


def test_pictures_are_no_text() -> None:
    """Gemma 3 takes 256 tokens per picture, other models 4000: what only the server can count is left to it."""
    many = ask(user(*(picture() for _ in range(12)), "word " * 500))
    assert sent(many, attrs.evolve(ABLE, context_length=4096))["truncate"] is False


CAREFUL: dict[str, tuple[Ask, bool]] = {
    "a short question after a long history": (ask(user("word " * 9000), says(Role.ASSISTANT, "yes"), user("hi")), True),
    "a last message that may not fit": (ask(user("a"), says(Role.ASSISTANT, "yes"), user("word " * 2500)), False),
    "a system prompt that may not fit": (ask(says(Role.SYSTEM, "word " * 2500), user("a"), user("b")), False),
    "pictures that may not fit": (ask(user("a"), user(*(picture() for _ in range(4)))), False),
    "tools that may not fit": (ask(user("a"), user("b"), tools=(attrs.evolve(WEATHER, description="word " * 2500),)), False),
}


@pytest.mark.parametrize(("asked", "drops"), CAREFUL.values(), ids=CAREFUL)
def test_the_server_may_drop_turns_but_not_cut_messages(asked: Ask, drops: bool) -> None:
    body = sent(asked, attrs.evolve(ABLE, context_length=4096))
    assert ("truncate" not in body) is drops


def test_notes_say_what_was_changed() -> None:
    noted = {
        "num_ctx": plan_turn(ask(parameters={"num_ctx": 2048}), CLOUD, saved()),
        "cut": plan_turn(ask(), PLAIN, saved(context_size="99999")),
        "gpt-oss": plan_turn(ask(parameters={"think": "off"}), GPT_OSS, saved()),
        "tools and format": plan_turn(ask(tools=(WEATHER,), parameters={"format": "json"}), ABLE, saved()),
        "old server": plan_turn(ask(), OLD, saved(overflow="error")),
    }
    assert noted["num_ctx"].notes == (NUM_CTX_IS_REMOTE,)
    assert "4096 is used" in noted["cut"].notes[0]
    assert "cannot stop thinking" in noted["gpt-oss"].notes[0]
    assert "can hardly call tools" in noted["tools and format"].notes[-1]
    assert "cannot refuse" in noted["old server"].notes[0]
    assert plan_turn(ask(), PLAIN, saved()).notes == ()


SHOWN: dict[str, tuple[dict[str, object], ModelInfo, bool]] = {
    "shown": ({}, THINKER, True),
    "hidden by wish": ({"show_thinking": False}, THINKER, False),
    "hidden, as the answer has a schema": ({"json_schema": SCHEMA_TEXT}, THINKER, False),
    "hidden, though it must think": ({"json_schema": SCHEMA_TEXT, "show_thinking": True}, GPT_OSS, False),
    "hidden, as the answer is JSON": ({"format": "json"}, THINKER, False),
}


@pytest.mark.parametrize(("parameters", "info", "shown"), SHOWN.values(), ids=SHOWN)
def test_show_thinking(parameters: dict[str, object], info: ModelInfo, shown: bool) -> None:
    assert plan_turn(ask(parameters=parameters), info, saved()).show_thinking is shown


# --- against recordings ------------------------------------------------------------------------------------------------------


def described(version: str, scenario: str) -> ModelInfo:
    return model_info(load(version, scenario).body, json.dumps({"version": version}))


TAKEN: dict[str, tuple[str, str, Ask, str]] = {
    "plain": ("chat-plain", "show-chat", ask(), ""),
    "thinking": ("think-true", "show-think", ask(parameters={"think": "on"}), ""),
    "level": ("think-high", "show-think", ask(parameters={"think": "high"}), ""),
    "stop": ("chat-stop-sequence", "show-chat", ask(stop=(" because",)), ""),
    "length": ("chat-length", "show-chat", ask(parameters={"max_tokens": 5}), ""),
    "tool": ("tool-one", "show-tool-one", ask(tools=(WEATHER,)), ""),
    "schema": ("format-schema", "show-chat", ask(parameters={"json_schema": SCHEMA_TEXT}), ""),
    "keep_alive": ("keep-alive-duration", "show-chat", ask(parameters={"keep_alive": "5m"}), ""),
    "completion": ("generate-plain", "show-chat", ask(), "completion"),
    "completion that thinks": ("generate-think", "show-think", ask(parameters={"think": "on"}), "completion"),
}
DIFFER = {"model", "options", "truncate", "tools", "format", "stream"}
"""Window and truncation are ours, and we always stream; names and schemas of the recordings are their own."""


@pytest.mark.parametrize(
    ("version", "scenario", "show", "asked", "mode"),
    [
        pytest.param(version, *case, id=f"{name}-{version}")
        for name, case in TAKEN.items()
        for version in having(*case[:2], since="0.24.0")
        if load(version, case[0]).request_body["model"] == load(version, case[1]).request_body["model"]
    ],
)
def test_the_server_took_the_same(version: str, scenario: str, show: str, asked: Ask, mode: str) -> None:
    exchange = load(version, scenario)
    recorded = exchange.request_body
    turn = plan_turn(asked, described(version, show), saved(mode=mode))
    body = checked(turn)
    assert exchange.status == 200
    assert turn.route == exchange.path
    assert {k: v for k, v in body.items() if k not in DIFFER} == {k: v for k, v in recorded.items() if k not in DIFFER}
    assert body.keys() - {"options", "truncate"} == recorded.keys() - {"options", "truncate"}
    assert body["options"].keys() >= (recorded.get("options") or {}).keys()


def wrongs() -> list[Exchange]:
    """Everything that servers since 0.24 refused for how a request was spelled, not for what the model is."""
    found = every(lambda each: each.path in CHECKS and isinstance(each.request_body, dict) and is_misspelled(each))
    return [each for each in found if ServerVersion.parse(each.server) >= ServerVersion(0, 24, 0)]


def test_there_is_something_to_refuse() -> None:
    assert {each.scenario for each in wrongs()} >= {
        "error-arguments-string",
        "error-image-data-url",
        "error-option-type",
        "error-stop-string",
    }


@pytest.mark.parametrize("exchange", [pytest.param(each, id=each.address) for each in wrongs()])
def test_the_double_refuses_what_servers_refuse(exchange: Exchange) -> None:
    """So that passing it means something."""
    with pytest.raises(Refused):
        CHECKS[exchange.path](exchange.request_body)


# --- whatever goes in --------------------------------------------------------------------------------------------------------

TEXTS = st.text(max_size=20)
PARTS = st.one_of(TEXTS.map(TextPart), st.just(picture()))
CONTENTS = st.one_of(TEXTS, st.lists(PARTS, max_size=3).map(tuple))
SOME_MESSAGES = st.lists(st.builds(Message, role=st.sampled_from(Role), content=CONTENTS), max_size=5).map(tuple)
SOME_PARAMETERS = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.floats(0, 2),
        "top_k": st.integers(0, 100),
        "seed": st.integers(-(2**31), 2**31),
        "max_tokens": st.integers(-2, 10_000),
        "think": st.sampled_from(["default", "off", "on", "low", "medium", "high", "max"]),
        "json_schema": st.just(SCHEMA_TEXT),
        "keep_alive": st.sampled_from(["300", 300, "5m", "-1", "forever", "0"]),
        "num_ctx": st.integers(64, 100_000),
        "show_thinking": st.booleans(),
    },
)
INFOS = st.sampled_from([PLAIN, ABLE, THINKER, GPT_OSS, CLOUD, MLX, OLD, ModelInfo()])
SAVED = st.builds(
    saved,
    mode=st.sampled_from(["chat", "completion", ""]),
    context_size=st.sampled_from(["", "auto", "2048", "1000000"]),
    overflow=st.sampled_from(["", "drop", "error"]),
    thinking_support=st.sampled_from(["", "auto", "yes", "no"]),
    vision_support=st.just("yes"),
)


def says_something(messages: tuple[Message, ...]) -> bool:
    """Completion mode needs a text or a picture, and a text that is not the system's; what was thought before is no text."""
    wire = messages_to_wire(messages, lambda part: part.base64)
    return any(message.images for message in wire) or any(message.content.strip() for message in wire if message.role != "system")


@given(SOME_MESSAGES, SOME_PARAMETERS, INFOS, SAVED, st.lists(st.text(min_size=1, max_size=3), max_size=3))
def test_the_decoder_takes_every_request(
    messages: tuple[Message, ...], parameters: dict[str, object], info: ModelInfo, credentials: Credentials, stop: list[str]
) -> None:
    asked = Ask(model="m", messages=messages, parameters=parameters, stop=tuple(stop))
    if credentials.mode is Mode.COMPLETION and not says_something(messages):
        with pytest.raises(RequestError, match="prompt is empty"):
            sent(asked, info, credentials)
        return
    body = sent(asked, info, credentials)
    if "messages" in body:
        assert any(message["role"] != "system" for message in body["messages"])
    num_ctx = body.get("options", {}).get("num_ctx")
    assert num_ctx is None if info.remote else num_ctx is not None
    if not info.remote and "num_ctx" not in parameters:
        assert num_ctx == context(info, credentials).size


@given(INFOS, SAVED, SOME_PARAMETERS)
def test_one_number_for_both_sides(info: ModelInfo, credentials: Credentials, parameters: dict[str, object]) -> None:
    """The schema's context size is the `num_ctx` of every request, whatever the prompt: another would load the model again."""
    parameters.pop("num_ctx", None)
    numbers = {
        sent(ask(user(text), parameters=parameters), info, credentials).get("options", {}).get("num_ctx") for text in ("hi", "word " * 99)
    }
    assert numbers == ({None} if info.remote else {context(info, credentials).size})
