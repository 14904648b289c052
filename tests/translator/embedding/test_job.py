"""Embedding calls against a played server: every text gets its own vector or is named, at the cost of few requests."""

import math
from collections.abc import Sequence
from typing import Any

import attrs
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.recordings import load
from tests.translator.plans import Driver, always, json_reply, no_server, recorded
from translator.embedding.job import embedding_plan, vectors_plan
from translator.embedding.replies import Adjustment, Change, Embedded
from translator.embedding.requests import EmbedSettings, Overlong
from translator.embedding.texts import InputKind, Prefixes
from translator.errors import Family, RequestError, ServerError
from translator.limits import FRAME_BYTES
from translator.shapes.exchange import HttpReply, HttpRequest
from translator.versions import ServerVersion

PLAIN = EmbedSettings(model="m", max_texts=64)
NAN = json_reply({"error": "embedding contains NaN or Inf values"}, 400)
TOO_LONG = recorded(load("0.24.0", "embed-too-long-no-truncate"))
LOG_32 = 5


def vector_of(text: str, dimensions: int = 4) -> list[float]:
    """A vector that tells its text."""
    return [len(text) + 1.0, sum(map(ord, text)) % 997 + 1.0, *([0.5] * (dimensions - 2))]


@attrs.frozen(kw_only=True)
class Ollama:
    """A server with a hidden limit of characters; texts with a word of `poison` fail their batch, texts with one of `holes` get zeros."""

    limit: int = 10**9
    poison: tuple[str, ...] = ()
    holes: tuple[str, ...] = ()
    too_long: HttpReply = TOO_LONG
    poisoned: HttpReply = NAN
    dimensions: int = 4
    most_bytes: int = 10**9

    def __call__(self, request: HttpRequest) -> HttpReply:
        texts = orjson.loads(request.body)["input"]
        if len(request.body) > self.most_bytes:
            return HttpReply(status=413, body=b"<html><title>413 Request Entity Too Large</title></html>")
        if any(word in text for text in texts for word in self.poison):
            return self.poisoned
        if any(len(text) > self.limit for text in texts):
            return self.too_long
        vectors = [
            [0.0] * self.dimensions if any(word in text for word in self.holes) else vector_of(text, self.dimensions) for text in texts
        ]
        return json_reply({"embeddings": vectors, "prompt_eval_count": len(texts)})


def embed(driver: Driver, texts: Sequence[str], how: EmbedSettings = PLAIN, **extra: Any) -> Embedded:
    return driver.run(embedding_plan(texts, how, **extra))


def texts_of(count: int) -> list[str]:
    return [f"text number {index}" for index in range(count)]


def assert_embedded(result: Embedded, sent: Sequence[str]) -> None:
    assert list(result.vectors) == [vector_of(text) for text in sent]


def test_no_texts_need_no_request() -> None:
    assert embed(Driver(no_server), []) == Embedded(vectors=())


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
        Adjustment(index=index, change=Change.STAND_IN, length=length, length_sent=4) for index, length in ((1, 1), (2, 0))
    )


def test_recorded_batch_comes_out_as_it_is() -> None:
    exchange = load("0.33.0-rc2", "embed-batch")
    result = embed(Driver(always(recorded(exchange))), exchange.request_body["input"])
    assert orjson.dumps(result.vectors) == orjson.dumps(orjson.loads(exchange.body)["embeddings"])
    assert (result.tokens, result.estimated) == (19, False)


# --- texts that fail --------------------------------------------------------------------------------------------------------------

WORDINGS: dict[str, HttpReply] = {
    "NaN since 0.14": NAN,
    "NaN before": json_reply({"error": "json: unsupported value: NaN"}, 500),
    "NaN literal": recorded(load("0.33.0-rc2", "embed-nan-literal")),
    "overflow": recorded(load("0.33.0-rc2", "embed-overflow")),
    "crash": recorded(load("0.33.0-rc2", "embed-runner-crash")),
    "decode error": recorded(load("0.33.0-rc2", "embed-runner-error")),
}


@pytest.mark.parametrize("refusal", WORDINGS.values(), ids=WORDINGS.keys())
@pytest.mark.parametrize("place", [0, 13, 31])
def test_bad_text_is_rescued_by_plain_punctuation(refusal: HttpReply, place: int) -> None:
    driver, texts = Driver(Ollama(poison=("„",), poisoned=refusal)), texts_of(32)
    texts[place] = "„quoted“ text"
    result = embed(driver, texts)
    assert_embedded(result, [*texts[:place], '"quoted" text', *texts[place + 1 :]])
    assert result.adjustments == (Adjustment(index=place, change=Change.MILDER, length=13, length_sent=13),)
    assert len(driver.requests) == 1 + 2 * LOG_32 + 1


@pytest.mark.parametrize("refusal", WORDINGS.values(), ids=WORDINGS.keys())
def test_hopeless_text_is_named_by_number_and_length_only(refusal: HttpReply) -> None:
    driver, texts = Driver(Ollama(poison=("tulip",), poisoned=refusal)), texts_of(32)
    texts[13] = "tulip ..."
    with pytest.raises(ServerError) as caught:
        embed(driver, texts)
    assert "Text 14 of 32 (9 characters)" in str(caught.value)
    assert "tulip" not in str(caught.value)
    assert "127.0.0.1" not in str(caught.value)
    assert len(driver.requests) == 1 + 2 * LOG_32 + 1


def test_fault_of_all_texts_is_told_after_few_requests() -> None:
    driver = Driver(always(NAN))
    with pytest.raises(ServerError, match="Text 1 of 32"):
        embed(driver, texts_of(32))
    assert len(driver.requests) == 1 + 2 * LOG_32 + 1


def test_zero_vector_costs_one_request_alone_and_one_milder() -> None:
    driver, texts = Driver(Ollama(holes=("„",))), texts_of(32)
    texts[5] = "„quoted“"
    result = embed(driver, texts)
    assert_embedded(result, [*texts[:5], '"quoted"', *texts[6:]])
    assert [len(body["input"]) for body in driver.bodies] == [32, 1, 1]


def test_zero_vector_that_was_a_neighbours_fault_is_not_changed() -> None:
    def server(request: HttpRequest) -> HttpReply:
        return Ollama(holes=("number 3",) if b"number 4" in request.body else ())(request)

    result = embed(Driver(server), texts_of(8))
    assert_embedded(result, texts_of(8))
    assert result.adjustments == ()


@pytest.mark.parametrize("scenario", ["embed-nan-null", "embed-huge"])
def test_recorded_zero_vectors_fail_clearly(scenario: str) -> None:
    exchange = load("0.33.0-rc2", scenario)
    texts = exchange.request_body["input"]
    zero = orjson.loads(exchange.body)["embeddings"][-1]

    def server(request: HttpRequest) -> HttpReply:
        sent = orjson.loads(request.body)["input"]
        return recorded(exchange) if sent == texts else json_reply({"embeddings": [zero] * len(sent)})

    with pytest.raises(ServerError, match=r"Text \d of \d .* a vector of zeros") as caught:
        embed(Driver(server), texts)
    assert (caught.value.code, caught.value.family) == ("embed_vector_flawed", Family.BAD_REQUEST)


@pytest.mark.parametrize("vectors", [[], [[1.0, 2.0]] * 3, [None, None], None], ids=["none", "too many", "null", "no list"])
def test_wrong_number_of_vectors_never_leaves(vectors: object) -> None:
    driver = Driver(always(json_reply({"embeddings": vectors})))
    with pytest.raises(ServerError):
        embed(driver, ["a", "b"])
    assert len(driver.requests) <= 4


def test_wrong_number_in_a_batch_is_rescued_alone() -> None:
    def server(request: HttpRequest) -> HttpReply:
        sent = orjson.loads(request.body)["input"]
        return json_reply({"embeddings": [vector_of(text) for text in sent[:1]], "prompt_eval_count": 1})

    assert_embedded(embed(Driver(server), texts_of(4)), texts_of(4))


def test_vectors_of_different_lengths_are_an_error() -> None:
    with pytest.raises(ServerError) as caught:
        embed(Driver(always(json_reply({"embeddings": [[1.0, 2.0], [1.0, 2.0, 3.0]]}))), ["a", "b"])
    assert caught.value.code == "embed_lengths_differ"


def test_body_too_large_for_a_proxy_is_halved() -> None:
    driver = Driver(Ollama(most_bytes=400))
    assert_embedded(embed(driver, texts_of(64)), texts_of(64))
    with pytest.raises(ServerError, match="Text 1 of 1"):
        embed(Driver(Ollama(most_bytes=10)), ["long enough"])


FATAL: dict[str, tuple[HttpReply, Family]] = {
    "no such model": (recorded(load("0.33.0-rc2", "error-unknown-model-embed")), Family.BAD_REQUEST),
    "chat model": (recorded(load("0.33.0-rc2", "embed-chat-model")), Family.BAD_REQUEST),
    "cannot load": (recorded(load("0.33.0-rc2", "embed-load-failure")), Family.UNAVAILABLE),
    "queue full": (recorded(load("0.33.0-rc2", "error-queue-full-embed")), Family.UNAVAILABLE),
    "key": (json_reply({"error": "unauthorized"}, 401), Family.AUTHORIZATION),
}


@pytest.mark.parametrize(("reply", "family"), FATAL.values(), ids=FATAL.keys())
def test_what_no_text_is_to_blame_for_is_told_at_once(reply: HttpReply, family: Family) -> None:
    driver = Driver(always(reply))
    with pytest.raises(ServerError) as caught:
        embed(driver, texts_of(32))
    assert "Text" not in str(caught.value)
    assert len(driver.requests) == 1
    if family is not Family.UNAVAILABLE:
        assert caught.value.family is family


# --- texts that are too long ------------------------------------------------------------------------------------------------------

LENGTH_WORDS: dict[str, HttpReply] = {
    "0.5.13": recorded(load("0.5.13", "embed-too-long-no-truncate")),
    "0.5.13 without words": recorded(load("0.5.13", "embed-too-long")),
    "0.9.6": recorded(load("0.9.6", "embed-too-long-no-truncate")),
    "0.24.0": TOO_LONG,
    "0.33.0-rc2": recorded(load("0.33.0-rc2", "embed-2048-no-truncate")),
}


@pytest.mark.parametrize("refusal", LENGTH_WORDS.values(), ids=LENGTH_WORDS.keys())
@pytest.mark.parametrize("overlong", [Overlong.SERVER_CUTS, Overlong.CUT_HERE])
def test_only_the_long_text_is_shortened(refusal: HttpReply, overlong: Overlong) -> None:
    driver, texts = Driver(Ollama(limit=1000, too_long=refusal)), texts_of(32)
    texts[20] = "".join(map(str, range(2000)))
    result = embed(driver, texts, EmbedSettings(model="m", overlong=overlong))
    (cut,) = result.adjustments
    assert (cut.index, cut.change, cut.length) == (20, Change.SHORTENED, len(texts[20]))
    assert 1000 * 0.9 <= cut.length_sent <= 1000
    assert_embedded(result, [*texts[:20], texts[20][: cut.length_sent], *texts[21:]])
    assert len(driver.requests) <= 1 + 2 * LOG_32 + 1 + math.ceil(math.log2(len(texts[20]) / 1000)) + 3


def test_numbers_of_a_refusal_are_used() -> None:
    def server(request: HttpRequest) -> HttpReply:
        (text,) = orjson.loads(request.body)["input"]
        error = {"code": 400, "message": "x exceeds the available context size", "n_prompt_tokens": len(text) // 4, "n_ctx": 512}
        return Ollama(limit=2048, too_long=json_reply({"error": orjson.dumps({"error": error}).decode()}, 400))(request)

    driver = Driver(server)
    (cut,) = embed(driver, ["x" * 100_000]).adjustments
    assert 1900 < cut.length_sent <= 2048
    assert len(driver.requests) == 2


def test_long_text_is_an_error_when_cutting_is_forbidden() -> None:
    driver, texts = Driver(Ollama(limit=1000)), texts_of(32)
    texts[2] = "y" * 1234
    with pytest.raises(ServerError, match=r"Text 3 of 32 \(1,234 characters\) is longer than the window") as caught:
        embed(driver, texts, EmbedSettings(model="m", overlong=Overlong.REFUSE))
    assert (caught.value.code, caught.value.family) == ("embed_text_too_long", Family.BAD_REQUEST)
    assert all(body["truncate"] is False for body in driver.bodies)
    assert len(driver.requests) <= 1 + 2 * LOG_32


def test_short_text_that_is_called_too_long_ends() -> None:
    driver = Driver(always(recorded(load("0.33.0-rc2", "embed-empty-item-bare"))))
    with pytest.raises(ServerError, match="Text 1 of 1"):
        embed(driver, ["x" * 4000])
    assert len(driver.requests) <= 12


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


@pytest.mark.parametrize("version", ["0.24.0", "0.33.0-rc2"])
def test_dimensions_of_servers_that_know_them(version: str) -> None:
    driver = Driver(always(recorded(load(version, "embed-dimensions"))))
    (vector,) = embed(driver, ["the cat"], EmbedSettings(model="m", dimensions=8), version=ServerVersion.parse(version)).vectors
    assert (len(vector), driver.bodies[0]["dimensions"]) == (8, 8)


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
