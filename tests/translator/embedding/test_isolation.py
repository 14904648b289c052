"""Texts that a server cannot embed are found, rescued or named; none is lost and no vector is made up."""

import math
from typing import Any

import orjson
import pytest

from fixtures.recordings import load
from tests.translator.embedding.embedder import LOG_32, NAN, TOO_LONG, Ollama, assert_embedded, embed, texts_of, vector_of
from tests.translator.plan_driver import Driver, always, json_reply, recorded
from translator.embedding.isolation import Adjustment, AdjustmentKind
from translator.embedding.requests import EmbedSettings, Overlong
from translator.embedding.texts import Prefixes
from translator.errors import Family, ServerError
from translator.shapes.exchange import HttpReply, HttpRequest

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
    assert result.adjustments == (Adjustment(index=place, change=AdjustmentKind.MILDER, length=13, length_sent=13),)
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
def test_only_the_long_text_is_shortened(refusal: HttpReply) -> None:
    driver, texts = Driver(Ollama(limit=1000, too_long=refusal)), texts_of(32)
    texts[20] = "".join(map(str, range(2000)))
    result = embed(driver, texts, EmbedSettings(model="m"))
    (cut,) = result.adjustments
    assert (cut.index, cut.change, cut.length) == (20, AdjustmentKind.SHORTENED, len(texts[20]))
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
        embed(driver, texts, EmbedSettings(model="m", overlong=Overlong.ERROR))
    assert (caught.value.code, caught.value.family) == ("embed_text_too_long", Family.BAD_REQUEST)
    assert all(body["truncate"] is False for body in driver.bodies)
    assert len(driver.requests) <= 1 + 2 * LOG_32


def test_lengths_are_those_of_the_texts_without_their_prefix() -> None:
    driver = Driver(Ollama(limit=1000))
    with pytest.raises(ServerError, match=r"Text 1 of 1 \(1,234 characters\)"):
        embed(driver, ["y" * 1234], EmbedSettings(model="m", overlong=Overlong.ERROR), prefixes=Prefixes(document="passage: "))
    (cut,) = embed(driver, ["y" * 1234], prefixes=Prefixes(document="passage: ")).adjustments
    assert (cut.length, cut.length_sent <= 1000 - len("passage: ")) == (1234, True)


ADVICE: dict[str, tuple[dict[str, int | None], Overlong, str]] = {
    "the window may grow": (
        {"num_ctx": 512, "max_ctx": 8192},
        Overlong.ERROR,
        "smaller chunks, raise the context size, or allow long texts",
    ),
    "the window is the largest": ({"num_ctx": 8192, "max_ctx": 8192}, Overlong.ERROR, "Use smaller chunks, or allow long texts to be cut."),
    "nobody knows the largest": (
        {"num_ctx": 512},
        Overlong.ERROR,
        "smaller chunks, raise the context size, or allow long texts to be cut.",
    ),
    "cutting did not help": ({"num_ctx": 8192, "max_ctx": 8192}, Overlong.CUT, "Use smaller chunks."),
}


@pytest.mark.parametrize(("sizes", "overlong", "advice"), ADVICE.values(), ids=ADVICE)
def test_a_text_that_is_too_long_gets_advice_that_can_help(sizes: dict[str, Any], overlong: Overlong, advice: str) -> None:
    with pytest.raises(ServerError) as caught:
        embed(Driver(always(TOO_LONG)), ["x" * 4000], EmbedSettings(model="m", overlong=overlong, **sizes))
    assert f"({sizes['num_ctx']:,} tokens)" in str(caught.value)
    assert advice in str(caught.value)


ENDED_AT_WORK: dict[str, HttpReply] = {
    "0.33": recorded(load("0.33.0-rc2", "embed-runner-crash")),
    "older": json_reply({"error": 'do embedding request: Post "http://127.0.0.1:1/embedding": EOF'}, 500),
    "bare": json_reply({"error": "EOF"}, 500),
    "reset": json_reply({"error": "read tcp 127.0.0.1:1->127.0.0.1:2: read: connection reset by peer"}, 500),
    "on Windows": json_reply({"error": "wsarecv: An existing connection was forcibly closed by the remote host."}, 500),
    "gone": json_reply({"error": "llama runner process no longer running: -1 "}, 500),
    "pipe": json_reply({"error": "write tcp 127.0.0.1:1->127.0.0.1:2: write: broken pipe"}, 500),
    "decoding": json_reply({"error": "failed to decode batch"}, 500),
    "a batch": json_reply({"error": "caching disabled but unable to fit entire input in a batch"}, 500),
    "an assertion": json_reply({"error": "GGML_ASSERT(n_tokens_all <= n_ubatch) failed"}, 500),
    "unexpected": json_reply({"error": "an error was encountered while running the model: unexpected EOF"}, 500),
}


@pytest.mark.parametrize("refusal", ENDED_AT_WORK.values(), ids=ENDED_AT_WORK)
def test_a_text_at_which_the_process_ends_is_shortened(refusal: HttpReply) -> None:
    texts = texts_of(8)
    texts[5] = "".join(map(str, range(2000)))
    (cut,) = embed(Driver(Ollama(limit=1000, too_long=refusal)), texts).adjustments
    assert (cut.index, cut.change) == (5, AdjustmentKind.SHORTENED)
    assert 800 <= cut.length_sent <= 1000


def test_a_short_text_at_which_the_process_ends_keeps_the_reason() -> None:
    with pytest.raises(ServerError, match=r"Text 1 of 1 \(4 characters\) could not be embedded. The process that runs"):
        embed(Driver(always(ENDED_AT_WORK["unexpected"])), ["text"])


def test_short_text_that_is_called_too_long_ends() -> None:
    driver = Driver(always(recorded(load("0.33.0-rc2", "embed-empty-item-bare"))))
    with pytest.raises(ServerError, match="Text 1 of 1"):
        embed(driver, ["x" * 4000])
    assert len(driver.requests) <= 12
