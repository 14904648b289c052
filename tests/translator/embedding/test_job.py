"""Embedding calls against a played server: every text gets its own vector or is named, at the cost of few requests."""

import math

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.recordings import having, load
from tests.translator.embedding.embedder import PLAIN, Ollama, assert_embedded, embed, texts_of, vector_of
from tests.translator.plan_driver import Driver, always, json_reply, no_server, recorded
from translator.embedding.isolation import Adjustment, AdjustmentKind
from translator.embedding.job import Embedded, vectors_plan
from translator.embedding.requests import EmbedSettings
from translator.embedding.texts import InputKind, Prefixes
from translator.errors import RequestError, ServerError
from translator.limits import FRAME_BYTES
from translator.shapes.exchange import HttpReply, HttpRequest
from translator.versions import ServerVersion


def test_no_texts_need_no_request() -> None:
    assert embed(Driver(no_server), []) == Embedded()


def test_one_round_for_all_batches() -> None:
    driver, texts = Driver(Ollama()), texts_of(70)
    result = embed(driver, texts, EmbedSettings(model="m", max_texts=32))
    assert_embedded(result, texts)
    assert (driver.rounds, result.tokens, result.estimated, result.adjustments) == ([3], 70, False, ())


def test_blank_texts_and_prefixes() -> None:
    driver = Driver(Ollama())
    result = embed(driver, ["a", " ", ""], prefixes=Prefixes(query="q: ", document="d: "), kind=InputKind.QUERY)
    assert driver.bodies[0]["input"] == ["q: a", "q: .", "q: ."]
    assert result.adjustments == tuple(
        Adjustment(index=index, change=AdjustmentKind.STAND_IN, length=length, length_sent=1) for index, length in ((1, 1), (2, 0))
    )


def test_recorded_batch_comes_out_as_it_is() -> None:
    exchange = load("0.33.0-rc2", "embed-batch")
    result = embed(Driver(always(recorded(exchange))), exchange.request_body["input"])
    assert orjson.dumps(result.vectors) == orjson.dumps(orjson.loads(exchange.body)["embeddings"])
    assert (result.tokens, result.estimated) == (19, False)


# --- servers ----------------------------------------------------------------------------------------------------------------------


def legacy(request: HttpRequest) -> HttpReply:
    if request.url == "/api/embed":
        return HttpReply(status=404, headers={"Content-Type": "text/plain"}, body=b"404 page not found")
    return json_reply({"embedding": vector_of(orjson.loads(request.body)["prompt"])})


def test_legacy_route_is_taken_when_there_is_no_other() -> None:
    driver, texts = Driver(legacy), texts_of(10)
    result = embed(driver, texts)
    assert driver.rounds == [1, 1, 9]
    for vector, text in zip(result.vectors, texts, strict=True):
        length = math.hypot(*vector_of(text))
        assert vector == pytest.approx([number / length for number in vector_of(text)])
    assert result.estimated
    assert 10 <= result.tokens <= 100


def test_legacy_refusals_are_rescued_too() -> None:
    def server(request: HttpRequest) -> HttpReply:
        if request.url == "/api/embeddings" and len(orjson.loads(request.body)["prompt"]) > 500:
            return recorded(load("0.33.0-rc2", "embeddings-legacy-too-long"))
        return legacy(request)

    result = embed(Driver(server), ["a", "b" * 2000])
    assert [adjustment.index for adjustment in result.adjustments] == [1]


def test_server_without_any_embedding_route_costs_two_requests() -> None:
    driver = Driver(always(HttpReply(status=404, body=b"404 page not found")))
    with pytest.raises(ServerError):
        embed(driver, texts_of(20))
    assert [request.url for request in driver.requests] == ["/api/embed", "/api/embeddings"]


def test_dimensions_and_the_legacy_route_exclude_each_other() -> None:
    with pytest.raises(RequestError) as caught:
        embed(Driver(legacy), ["a"], EmbedSettings(model="m", dimensions=8))
    assert caught.value.code == "embed_dimensions_unsupported"


@pytest.mark.parametrize(
    ("version", "scenario", "got", "wanted"), [("0.33.0-rc2", "embed-dimensions-larger", 32, 4096), ("0.9.6", "embed-dimensions", 32, 8)]
)
def test_vectors_of_another_length_than_asked_for(version: str, scenario: str, got: int, wanted: int) -> None:
    with pytest.raises(ServerError, match=f"vectors of {got} numbers although {wanted:,} were asked for") as caught:
        embed(Driver(always(recorded(load(version, scenario)))), ["the cat"], EmbedSettings(model="m", dimensions=wanted))
    assert caught.value.code == "embed_dimensions_wrong"


@pytest.mark.parametrize("version", having("embed-dimensions", since="0.11.11"))
def test_dimensions_of_servers_that_know_them(version: str) -> None:
    exchange = load(version, "embed-dimensions")
    wanted = exchange.request_body["dimensions"]
    driver = Driver(always(recorded(exchange)))
    settings = EmbedSettings(model="m", dimensions=wanted)
    (vector,) = embed(driver, ["the cat"], settings, version=ServerVersion.parse(exchange.server)).vectors
    assert (len(vector), driver.bodies[0]["dimensions"]) == (wanted, wanted)


@pytest.mark.parametrize(
    ("scenario", "wanted", "version", "advice"),
    [
        ("embed-dimensions-larger", 4096, "", "Leave the vector length empty, or give at most 32."),
        ("embed-dimensions-larger", 4096, "0.33.0", "Leave the vector length empty, or give at most 32."),
        ("embed-dimensions", 4, "", "Leave the vector length empty, or update Ollama to 0.11.11 or newer, which can shorten vectors."),
        ("embed-dimensions", 4, "0.33.0", "Leave the vector length empty."),
    ],
)
def test_an_update_is_advised_where_the_version_does_not_say_that_it_is_new(scenario: str, wanted: int, version: str, advice: str) -> None:
    how, reply = EmbedSettings(model="m", dimensions=wanted), recorded(load("0.33.0-rc2", scenario))
    with pytest.raises(ServerError) as caught:
        embed(Driver(always(reply)), ["the cat"], how, version=ServerVersion.parse(version))
    assert caught.value.problem.remedy == advice


@pytest.mark.parametrize("version", ["0.24.0-real", "0.33.0-rc2-real"])
@pytest.mark.parametrize(("scenario", "is_named"), [("embeddinggemma-too-long", True), ("embeddinggemma-one", False)])
def test_a_text_that_the_server_cut_leaves_a_trace(version: str, scenario: str, is_named: bool) -> None:
    """It answers 200 and counts what it read: 2,048 tokens of 2,048."""
    exchange = load(version, scenario)
    texts = exchange.request_body["input"]
    texts = [texts] if isinstance(texts, str) else texts
    result = embed(Driver(always(recorded(exchange))), texts, EmbedSettings(model="m", num_ctx=8192, max_ctx=2048))
    assert [(each.index, each.change, each.length) for each in result.adjustments] == (
        [(0, AdjustmentKind.AT_WINDOW, len(texts[0]))] if is_named else []
    )


def test_of_a_batch_the_long_text_is_named() -> None:
    texts = ["short", "a few words more. " * 300, "short, too"]
    reply = json_reply({"embeddings": [[1.0, float(number)] for number in range(3)], "prompt_eval_count": 1036})
    result = embed(Driver(always(reply)), texts, EmbedSettings(model="m", num_ctx=1024, max_ctx=2048), prefixes=Prefixes(document="d: "))
    assert [(each.index, each.length) for each in result.adjustments] == [(1, len(texts[1]))]


def test_old_server_and_dimensions_need_no_request() -> None:
    with pytest.raises(RequestError):
        embed(Driver(no_server), ["a"], EmbedSettings(model="m", dimensions=8), version=ServerVersion.parse("0.9.6"))


# --- the line to Dify -------------------------------------------------------------------------------------------------------------


def test_line_of_5_mib_is_never_produced() -> None:
    server = Ollama(dimensions=4096)
    with pytest.raises(RequestError, match="256 vectors of 4,096 numbers") as caught:
        embed(Driver(server), texts_of(256), EmbedSettings(model="m"))
    assert caught.value.code == "embed_frame_too_large"
    assert len(embed(Driver(server), texts_of(63), EmbedSettings(model="m")).vectors) == 63


def test_a_huge_reply_is_refused_before_it_is_parsed() -> None:
    """It could not be: it breaks off after its first vector."""
    body = b'{"embeddings":[[' + b",".join([b"0.12345678"] * 4096) + b"]," + b" " * FRAME_BYTES
    with pytest.raises(RequestError, match="256 vectors of 4,096 numbers"):
        embed(Driver(lambda request: HttpReply(status=200, body=body)), texts_of(256), EmbedSettings(model="m", max_texts=256))


def test_vectors_for_inner_use_have_no_such_limit() -> None:
    assert len(Driver(Ollama(dimensions=4096)).run(vectors_plan(texts_of(256), PLAIN)).vectors) == 256


# --- properties -------------------------------------------------------------------------------------------------------------------

KINDS = st.sampled_from(["plain", "blank", "quoted", "zero", "long"])


def text_of(kind: str, index: int) -> str:
    return {
        "plain": f"text {index}",
        "blank": " " * (index % 3),
        "quoted": f"„{index}“",
        "zero": f"‚zero‘ {index}",
        "long": f"{index} " * 700,
    }[kind]


@settings(deadline=None, max_examples=80)
@given(kinds=st.lists(KINDS, max_size=70), max_texts=st.integers(1, 40))
def test_order_and_count_always_equal_the_input(kinds: list[str], max_texts: int) -> None:
    texts = [text_of(kind, index) for index, kind in enumerate(kinds)]
    driver = Driver(Ollama(limit=900, poison=("„",), holes=("‚",)))
    result = embed(driver, texts, EmbedSettings(model="m", max_texts=max_texts))
    assert len(result.vectors) == len(texts)
    changed = {adjustment.index: adjustment for adjustment in result.adjustments}
    for index, (kind, text, vector) in enumerate(zip(kinds, texts, result.vectors, strict=True)):
        sent = {
            "plain": text,
            "blank": ".",
            "quoted": f'"{index}"',
            "zero": f"'zero' {index}",
            "long": text[: changed[index].length_sent] if index in changed else text,
        }[kind]
        assert vector == vector_of(sent)
        assert (index in changed) == (sent != text)
    bad = sum(kind in ("quoted", "long", "zero") for kind in kinds)
    assert len(driver.requests) <= math.ceil(len(texts) / max_texts) + bad * (2 * math.ceil(math.log2(max_texts + 1)) + 8)
