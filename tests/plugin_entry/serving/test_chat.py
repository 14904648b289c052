"""Whole calls through the class that Dify loads, over real HTTP, in this process."""

import math
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import gevent
import orjson
import pytest
from dify_plugin.entities.model.llm import LLMResultChunk, LLMUsage
from dify_plugin.entities.model.message import (
    AssistantPromptMessage,
    ImagePromptMessageContent,
    PromptMessage,
    PromptMessageTool,
    SystemPromptMessage,
    TextPromptMessageContent,
    UserPromptMessage,
)
from dify_plugin.errors.model import InvokeBadRequestError, InvokeConnectionError, InvokeError

from fixtures.recordings import every, having, load
from fixtures.replay import ThreadedReplayServer
from plugin_entry.models.llm import OllamaLargeLanguageModel
from plugin_entry.network.link_rules import VARIABLE
from tests.go.go_decoder import CHECKS
from tests.sdk_chunks import as_models
from tests.servers.routes_server import Asked, RoutesServer, Speak, json_reply, reply

pytestmark = pytest.mark.usefixtures("_plugin_rests")

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgAAACAAAB4iG8MwAAAABJRU5ErkJggg=="
PNG_BYTES = b64decode(PNG)
HI: list[PromptMessage] = [UserPromptMessage(content="hi")]
WEATHER = PromptMessageTool(name="get_weather", description="Weather of a city", parameters={"type": "object", "properties": {}})


@pytest.fixture(scope="module")
def replay() -> Iterator[ThreadedReplayServer]:
    with ThreadedReplayServer(every()) as server:
        yield server


def invoke(url: str, model: str = "m", messages: list[PromptMessage] | None = None, **values: Any) -> list[LLMResultChunk]:
    """As the SDK's executor calls it; `saved` are further settings."""
    saved = {"base_url": url, **values.pop("saved", {})}
    model_class = OllamaLargeLanguageModel([])
    return list(as_models(model_class.invoke(model, saved, messages or HI, values.pop("parameters", {}), **values)))


def text(chunks: list[LLMResultChunk]) -> str:
    return "".join(str(chunk.delta.message.content) for chunk in chunks)


def usage(chunks: list[LLMResultChunk]) -> LLMUsage:
    (found,) = [chunk.delta.usage for chunk in chunks if chunk.delta.usage is not None]
    return found


def recorded(version: str, scenario: str) -> Speak:
    exchange = load(version, scenario)
    return reply(exchange.status, exchange.body, Content_Type=exchange.content_type)


def answers(*speaks: Speak, show: dict[str, Any] | None = None, route: str = "/api/chat", version: str = "0.33.0") -> dict[str, Any]:
    return {route: list(speaks), "/api/show": json_reply(show or {}), "/api/version": json_reply({"version": version})}


def bodies(server: RoutesServer) -> list[dict[str, Any]]:
    """Of every request for an answer; each one is what a server's decoder takes."""
    asked: list[Asked] = [each for each in server.asked if each.path in CHECKS]
    for each in asked:
        CHECKS[each.path](each.json)
    return [each.json for each in asked]


GOOD = recorded("0.33.0-rc2", "chat-plain")
PLAIN = {"capabilities": ["completion"], "model_info": {"general.architecture": "llama", "llama.context_length": 4096}}


# --- recordings ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", having("chat-plain", since="0.24.0"))
@pytest.mark.parametrize("stream", [True, False])
def test_chat(replay: ThreadedReplayServer, version: str, stream: bool) -> None:
    chunks = invoke(replay.url_of(f"{version}/chat-plain"), "chat", stream=stream)
    said = "".join(orjson.loads(line)["message"]["content"] for line in load(version, "chat-plain").body.splitlines())
    final = orjson.loads(load(version, "chat-plain").body.splitlines()[-1])
    assert text(chunks) == said
    assert usage(chunks).prompt_tokens == final["prompt_eval_count"]
    assert usage(chunks).completion_tokens == final["eval_count"]
    assert math.isfinite(usage(chunks).latency)
    assert usage(chunks).latency > 0
    assert [chunk.delta.index for chunk in chunks] == list(range(len(chunks)))


@pytest.mark.parametrize("version", having("generate-plain", since="0.24.0"))
def test_completion(replay: ThreadedReplayServer, version: str) -> None:
    before = len(replay.requests)
    chunks = invoke(replay.url_of(f"{version}/generate-plain"), "chat", saved={"mode": "completion"})
    assert text(chunks) == "".join(orjson.loads(line)["response"] for line in load(version, "generate-plain").body.splitlines())
    asked = [each for each in replay.requests[before:] if each.path in CHECKS]
    assert [each.path for each in asked] == ["/api/generate"]
    assert (asked[0].body["prompt"], asked[0].body["truncate"], asked[0].body["options"]) == ("hi", False, {"num_ctx": 4096})
    assert usage(chunks).prompt_tokens > 0


@pytest.mark.parametrize("version", having("generate-think", since="0.24.0"))
def test_completion_that_thinks(replay: ThreadedReplayServer, version: str) -> None:
    lines = [orjson.loads(line) for line in load(version, "generate-think").body.splitlines()]
    thinking, said = "".join(line.get("thinking", "") for line in lines), "".join(line["response"] for line in lines)
    url = replay.url_of(f"{version}/generate-think")
    saved = {"mode": "completion"}
    shown = text(invoke(url, "think", saved=saved, parameters={"think": "on"}))
    assert shown == f"<think>\n{thinking.lstrip()}\n</think>\n{said}"
    hidden = text(invoke(url, "think", saved=saved, parameters={"think": "on", "show_thinking": False}))
    assert hidden == said
    sent = [each.body for each in replay.requests if each.path == "/api/generate" and each.address == f"{version}/generate-think"]
    assert [body["think"] for body in sent[-2:]] == [True, True]


@pytest.mark.parametrize("version", having("think-with-schema", since="0.24.0"))
def test_no_thinking_in_a_structured_answer(replay: ThreadedReplayServer, version: str) -> None:
    schema = '{"type":"object","properties":{"answer":{"type":"string"}}}'
    said = text(invoke(replay.url_of(f"{version}/think-with-schema"), "think", parameters={"json_schema": schema}))
    assert "<think>" not in said
    assert isinstance(orjson.loads(said), dict)


def test_tools(replay: ThreadedReplayServer) -> None:
    chunks = invoke(replay.url_of("0.33.0-rc2/tool-two"), "tool-two", tools=[WEATHER])
    with_calls = [chunk for chunk in chunks if chunk.delta.message.tool_calls]
    assert len(with_calls) == 1
    assert len({call.id for call in with_calls[0].delta.message.tool_calls}) == 2


def test_usage_of_a_server_that_does_not_count(replay: ThreadedReplayServer) -> None:
    """The repeat abort has no counters."""
    chunks = invoke(replay.url_of("0.24.0/chat-repeat-abort"), "repeat")
    assert usage(chunks).prompt_tokens > 0
    assert usage(chunks).completion_tokens > 0


# --- refusals ------------------------------------------------------------------------------------------------------------------


def test_one_step_down_over_the_wire() -> None:
    """First the recorded refusal, then a good answer."""
    with ThreadedReplayServer(every()) as server:
        server.serve("/api/chat", load("0.24.0", "error-no-thinking"), load("0.24.0", "chat-plain"))
        chunks = invoke(server.url, "chat", parameters={"think": "on"}, saved={"thinking_support": "yes"})
        asked = [each.body for each in server.requests if each.path == "/api/chat"]
    assert "sky" in text(chunks)
    assert [body.get("think") for body in asked] == [True, None]
    assert asked[0] | {"think": None} == asked[1] | {"think": None}


def test_not_more_than_one_step_down() -> None:
    refusal = recorded("0.24.0", "error-no-thinking")
    with RoutesServer(answers(refusal)) as server:
        with pytest.raises(InvokeBadRequestError):
            invoke(server.url, parameters={"think": "on"})
        assert [body.get("think") for body in bodies(server)] == [True, None]


def test_older_turns_are_left_out_where_the_server_does_not() -> None:
    history: list[PromptMessage] = [SystemPromptMessage(content="s")]
    for number in range(4):
        history += [UserPromptMessage(content=f"u{number}"), AssistantPromptMessage(content=f"a{number}", tool_calls=[])]
    refusal = recorded("0.33.0-rc2", "error-too-long")
    with RoutesServer(answers(refusal, refusal, GOOD, show=PLAIN)) as server:
        chunks = invoke(server.url, messages=[*history, UserPromptMessage(content="u4")])
        sent = ["".join(message["content"] for message in body["messages"]) for body in bodies(server)]
        assert [body.get("truncate") for body in bodies(server)] == [None, False, False]
    assert sent == ["su0a0u1a1u2a2u3a3u4", "su2a2u3a3u4", "su3a3u4"]
    assert text(chunks)


def test_a_form_that_helped_is_right_at_once_the_next_time() -> None:
    """First the words of a template of Qwen 3.5, then a good answer, then the next request."""
    says = "While executing CallExpression at line 85\nError: Jinja Exception: System message must be at the beginning."
    refusal = reply(500, orjson.dumps({"error": says}), Content_Type="application/json")
    history = [UserPromptMessage(content="u"), AssistantPromptMessage(content="a", tool_calls=[]), SystemPromptMessage(content="s")]
    with RoutesServer(answers(refusal, GOOD, GOOD, show=PLAIN)) as server:
        for _ in range(2):
            assert text(invoke(server.url, messages=[*history, UserPromptMessage(content="v")]))
        sent = ["".join(message["role"][0] for message in body["messages"]) for body in bodies(server)]
    assert sent == ["uasu", "suau", "suau"]


def test_a_form_is_tried_once() -> None:
    refusal = reply(500, orjson.dumps({"error": "Jinja Exception: System message must be at the beginning."}))
    told = pytest.raises(InvokeBadRequestError, match="one system message, at the beginning")
    with RoutesServer(answers(refusal, show=PLAIN)) as server:
        with told:
            invoke(server.url, messages=[UserPromptMessage(content="u"), SystemPromptMessage(content="s"), UserPromptMessage(content="v")])
        assert len(bodies(server)) == 2


@pytest.mark.parametrize(("version", "number"), [("0.33.0-rc2", "prompt 15001 tokens"), ("0.24.0", r"prompt of about \d+ tokens")])
def test_an_overflow_names_three_numbers(version: str, number: str) -> None:
    message = rf"{number}, context size 512 tokens, model maximum 4096 tokens"
    with RoutesServer(answers(recorded(version, "error-too-long"), show=PLAIN)) as server:
        with pytest.raises(InvokeBadRequestError, match=message):
            invoke(server.url, saved={"overflow": "error", "context_size": "512"})
        assert [body["truncate"] for body in bodies(server)] == [False]


def test_an_overflow_inside_the_stream_too() -> None:
    line = load("0.24.0", "error-too-long").body + b"\n"
    told = pytest.raises(InvokeBadRequestError, match="model maximum 4096 tokens")
    with RoutesServer(answers(reply(200, line, Content_Type="application/x-ndjson"), show=PLAIN)) as server, told:
        invoke(server.url)


def test_errors_come_before_the_generator_where_the_sdk_still_sees_them(replay: ThreadedReplayServer) -> None:
    with pytest.raises(InvokeBadRequestError, match="nope"):
        OllamaLargeLanguageModel([])._invoke("nope", {"base_url": replay.url_of("0.24.0/error-unknown-model")}, HI, {})


def test_a_server_that_is_away() -> None:
    with pytest.raises(InvokeConnectionError, match=r"Nothing accepts connections at http://127\.0\.0\.1:1"):
        invoke("http://127.0.0.1:1")


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "settings": ({"saved": {"context_size": "many"}}, "context_size is not valid"),
    "tools": ({"tools": [WEATHER]}, "Tools \\(function calling\\)"),
    "schema": ({"parameters": {"json_schema": "{"}}, "JSON schema is not valid JSON"),
    "parameter": ({"parameters": {"temperature": 9.0}}, "temperature"),
    "mode": ({"saved": {"mode": "completion"}, "tools": [WEATHER]}, '"Mode" to Chat'),
}


@pytest.mark.parametrize(("values", "message"), BAD.values(), ids=BAD)
def test_what_is_wrong_is_said_before_anything_is_asked(values: dict[str, Any], message: str) -> None:
    with RoutesServer(answers(GOOD, show=PLAIN)) as server:
        with pytest.raises(InvokeBadRequestError, match=message):
            invoke(server.url, **values)
        assert bodies(server) == []


# --- pictures by link ------------------------------------------------------------------------------------------------------------


def with_picture(url: str) -> list[PromptMessage]:
    picture = ImagePromptMessageContent(format="png", url=url, mime_type="image/png")
    return [UserPromptMessage(content=[picture, TextPromptMessageContent(data="look")])]


SEES = {**PLAIN, "capabilities": ["completion", "vision"]}


@pytest.fixture
def _links_to_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "127.0.0.1")


@pytest.mark.usefixtures("_links_to_this_machine")
def test_a_picture_by_link() -> None:
    files = {"/files/1": reply(200, PNG_BYTES)}
    with RoutesServer(answers(GOOD, show=SEES) | files) as server:
        invoke(server.url, messages=with_picture(f"{server.url}/files/1?sign=x"))
        (body,) = bodies(server)
    assert body["messages"] == [{"role": "user", "content": "look", "images": [PNG]}]


LINKS: dict[str, tuple[str, dict[str, Any], str]] = {
    "expired": ("{}/files/gone", SEES, "cannot be downloaded.*FILES_ACCESS_TIMEOUT"),
    "a login page": ("{}/files/page", SEES, "a web page \\(HTML\\)"),
    "relative": ("/files/1", SEES, "FILES_URL"),
    "no vision": ("{}/files/1", PLAIN, "cannot read pictures"),
}


@pytest.mark.usefixtures("_links_to_this_machine")
@pytest.mark.parametrize(("url", "show", "message"), LINKS.values(), ids=LINKS)
def test_links_that_lead_to_no_picture(url: str, show: dict[str, Any], message: str) -> None:
    page = reply(200, b"<!DOCTYPE html><html><body>Please log in</body></html>", Content_Type="text/html")
    with RoutesServer(answers(GOOD, show=show) | {"/files/1": reply(200, PNG_BYTES), "/files/page": page}) as server:
        with pytest.raises(InvokeBadRequestError, match=message):
            invoke(server.url, messages=with_picture(url.format(server.url)))
        assert bodies(server) == []
        assert "/files/1" not in server.paths(), "nothing is downloaded in vain"


# --- facts ---------------------------------------------------------------------------------------------------------------------


def test_the_description_is_read_once() -> None:
    """For a hundred requests at the same time, their schemas included."""
    with RoutesServer(answers(GOOD, show=PLAIN)) as server:
        asking = [gevent.spawn(invoke, server.url) for _ in range(100)]
        gevent.joinall(asking, timeout=60, raise_error=True)
        assert server.paths().count("/api/show") == 1
        assert len(bodies(server)) == 100


def test_one_num_ctx_for_everything() -> None:
    """Chat, completion and their parameters; the check of the credentials generates nothing, so it sends none."""
    with RoutesServer(answers(GOOD, show=PLAIN) | {"/api/generate": recorded("0.33.0-rc2", "generate-plain")}) as server:
        saved: dict[str, Any] = {"base_url": server.url}
        OllamaLargeLanguageModel([]).validate_credentials("m", saved)
        assert bodies(server) == []
        for mode in ("chat", "completion"):
            for parameters in ({}, {"temperature": 0.0}, {"think": "on"}, {"json_schema": "{}"}):
                invoke(server.url, saved=saved | {"mode": mode}, parameters=parameters)
        sent = bodies(server)
    assert len(sent) == 8
    assert {body["options"]["num_ctx"] for body in sent} == {4096}
    assert not any("shift" in body for body in sent)


def test_the_server_cannot_describe_the_model_but_answers() -> None:
    """What was written back by the last good check is used."""
    with RoutesServer({**answers(GOOD), "/api/show": reply(500)}) as server:
        assert text(invoke(server.url, saved={"detected_context_length": "2048"}))
        assert [body["options"]["num_ctx"] for body in bodies(server)] == [2048]


def counting(tokens: int) -> Speak:
    """An answer to a prompt of so many tokens."""
    counts = {"prompt_eval_count": tokens, "eval_count": 1}
    line = orjson.dumps({"message": {"content": "x"}, "done": True, "done_reason": "stop", **counts}) + b"\n"
    return reply(200, line, Content_Type="application/x-ndjson")


def test_the_estimator_learns_from_real_counts() -> None:
    model = "learns"
    messages: list[PromptMessage] = [UserPromptMessage(content="word " * 200)]
    class_ = OllamaLargeLanguageModel([])
    with RoutesServer(answers(counting(400))) as server:
        saved, other = {"base_url": server.url}, {"base_url": server.url, "api_key": "another"}
        before = class_.get_num_tokens(model, saved, messages)
        for _ in range(5):
            invoke(server.url, model, messages=messages)
        after = class_.get_num_tokens(model, saved, messages)
        assert abs(after - 400) < abs(before - 400)
        assert class_.get_num_tokens(model, other, messages) == before, "who has another key may be asking another server behind a gateway"
        invoke(server.url, model, messages=[*with_picture(f"data:image/png;base64,{PNG}"), *messages])
        assert class_.get_num_tokens(model, saved, messages) == after, "pictures teach nothing about words"
    for other in ({"base_url": "http://127.0.0.1:9"}, {"base_url": "htp://x"}, {}):
        assert class_.get_num_tokens(model, other, messages) == before, "another server, or none that could be asked"


def test_a_model_that_taught_enough_teaches_now_and_then() -> None:
    model = "settled"
    messages: list[PromptMessage] = [UserPromptMessage(content="word " * 200)]
    class_ = OllamaLargeLanguageModel([])
    counts = [400] * 15 + [601] * 5 + [600] * 12
    estimates = []
    with RoutesServer(answers(*map(counting, counts))) as server:
        for _ in counts:
            invoke(server.url, model, messages=messages)
            estimates.append(class_.get_num_tokens(model, {"base_url": server.url}, messages))
    assert 350 < estimates[14] == estimates[19] < 410
    assert estimates[-1] > 500


def test_everything_that_goes_wrong_is_one_of_five_classes() -> None:
    """Over every recorded refusal of a chat: readable text, never an exception of another kind."""
    refused = every(lambda each: each.path == "/api/chat" and each.status >= 400 and isinstance(each.request_body, dict))
    for exchange in refused:
        with RoutesServer(answers(reply(exchange.status, exchange.body, Content_Type=exchange.content_type), show=PLAIN)) as server:
            with pytest.raises(InvokeError) as caught:
                invoke(server.url, "m")
            assert type(caught.value) is not InvokeError
            assert str(caught.value)
            assert "{" not in str(caught.value)
