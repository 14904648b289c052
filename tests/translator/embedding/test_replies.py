"""Embedding replies: recorded ones, every flaw of a vector, and the line to Dify that must stay short."""

import json
import math
import struct

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.recordings import Exchange, every, having, load
from tests.translator.plan_driver import recorded
from tests.translator.recorded_failures import failure_of
from translator.embedding.replies import (
    Flaw,
    Refused,
    WrittenVector,
    cosine,
    dimensions_of,
    flaw_of,
    normalised,
    read_embed,
    read_legacy,
    refusal_of,
)
from translator.errors import Family, ServerError
from translator.shapes.exchange import HttpReply

ALL_OLLAMA = every(lambda exchange: exchange.path in ("/api/embed", "/api/embeddings"))
FLAWED = {"embed-nan-null": (1, Flaw.ZERO), "embed-huge": (0, Flaw.ZERO)}


@pytest.mark.parametrize(
    "address", [exchange.address for exchange in ALL_OLLAMA if exchange.status == 200 and exchange.path == "/api/embed"]
)
def test_recorded_vectors(address: str) -> None:
    version, scenario = address.split("/")
    exchange = load(version, scenario)
    reply = read_embed(exchange.body)
    sent = exchange.request_body.get("input")
    if not sent:
        assert reply.vectors == ()
        return
    assert len(reply.vectors) == (len(sent) if isinstance(sent, list) else 1)
    flaws = {index: vector for index, vector in enumerate(reply.vectors) if isinstance(vector, Flaw)}
    if scenario == "embed-chat-model":
        assert flaws == {0: Flaw.HOLED}
        return
    assert flaws == (dict([FLAWED[scenario]]) if scenario in FLAWED else {})
    assert reply.tokens == orjson.loads(exchange.body).get("prompt_eval_count")
    if "dimensions" not in exchange.request_body:
        lengths = [math.hypot(*numbers(vector)) for vector in reply.vectors if not isinstance(vector, Flaw)]
        assert lengths == pytest.approx([1] * len(lengths), abs=1e-5)


@pytest.mark.parametrize("version", having("embeddings-legacy", "embed-one"))
def test_legacy_vectors_are_made_equal_to_those_of_the_new_route(version: str) -> None:
    (old,) = read_legacy(load(version, "embeddings-legacy").body).vectors
    (new,) = read_embed(load(version, "embed-one").body).vectors
    assert numbers(old) == pytest.approx(numbers(new), abs=1e-6)
    assert math.hypot(*numbers(old)) == pytest.approx(1, abs=1e-6)


def test_legacy_reply_without_numbers_is_flawed() -> None:
    assert read_legacy(load("0.33.0-rc2", "embeddings-legacy-empty").body).vectors == (Flaw.MISSING,)


def numbers(vector: WrittenVector | Flaw) -> list[float]:
    assert isinstance(vector, WrittenVector)
    found: list[float] = orjson.loads(vector.json)
    assert len(found) == vector.length
    return found


GOOD = [0.5] * 64
VECTORS: dict[str, tuple[object, Flaw]] = {
    "null (0.6.0)": (None, Flaw.MISSING),
    "empty": ([], Flaw.MISSING),
    "no list": ({"0": 1}, Flaw.MISSING),
    "null inside": ([None, *GOOD], Flaw.NOT_NUMBERS),
    "text inside": (["1", *GOOD], Flaw.NOT_NUMBERS),
    "list inside": ([GOOD], Flaw.NOT_NUMBERS),
    "NaN": ([math.nan, *GOOD], Flaw.NOT_FINITE),
    "infinity": ([math.inf, *GOOD], Flaw.NOT_FINITE),
    "both infinities": ([math.inf, -math.inf, *GOOD], Flaw.NOT_FINITE),
    "overflow": ([1e200, *GOOD], Flaw.NOT_FINITE),
    "an integer without bounds": ([10**400, *GOOD], Flaw.NOT_FINITE),
    "zeros": ([0, -0.0, 0.0], Flaw.ZERO),
    "two zeros of 64": ([*GOOD[:62], 0, 0.0], Flaw.HOLED),
    "half zeros": ([0.0] * 32 + GOOD[:32], Flaw.HOLED),
}


@pytest.mark.parametrize(("vector", "flaw"), VECTORS.values(), ids=VECTORS.keys())
def test_flaws(vector: object, flaw: Flaw) -> None:
    assert flaw_of(vector) is flaw


@pytest.mark.parametrize(
    "vector", [GOOD, [*GOOD, 0.0], [0.1] * 200 + [0.0, 0.0], [1], [0.0, 1.0]], ids=["plain", "one zero", "two of 202", "one", "two"]
)
def test_vectors_without_flaws(vector: list[float]) -> None:
    assert flaw_of(vector) is None


SPELLINGS: dict[str, tuple[bytes, list[bytes | Flaw]]] = {
    "as Go spells it": (b"[[0.1,-2e-05],[1,0.5]]", [b"[0.1,-2e-05]", b"[1,0.5]"]),
    "pretty": (b"[ [\n 0.1,\n\t2 ],\r\n [3, 4]\n]", [b"[  0.1, \t2 ]", b"[3, 4]"]),
    "null between": (b"[null,[1,2],null,[3,4],null]", [Flaw.MISSING, b"[1,2]", Flaw.MISSING, b"[3,4]", Flaw.MISSING]),
    "empty between": (b"[[1,2],[],[3,4]]", [b"[1,2]", Flaw.MISSING, b"[3,4]"]),
    "booleans": (b"[[true,1],[1,false],[1,1]]", [Flaw.NOT_NUMBERS, Flaw.NOT_NUMBERS, b"[1,1]"]),
    "texts": (b'[["1",2],[1,2]]', [Flaw.NOT_NUMBERS, b"[1,2]"]),
    "a text behind": (b'[[1,2],["a"]]', [b"[1,2]", Flaw.NOT_NUMBERS]),
    "lists in lists": (b"[[1,2],[[3,4]]]", [b"[1,2]", Flaw.NOT_NUMBERS]),
    "an object": (b'[[1,2],{"index":1}]', [b"[1,2]", Flaw.MISSING]),
    "no number of JSON": (b"[[1,2],[NaN,1]]", [b"[1,2]", Flaw.NOT_FINITE]),
    "numbers without lists": (b"[1,2]", [Flaw.MISSING, Flaw.MISSING]),
    "nothing": (b"[]", []),
}


@pytest.mark.parametrize(("listed", "read"), SPELLINGS.values(), ids=SPELLINGS.keys())
@pytest.mark.parametrize(
    "document",
    [
        b'{"model":"m","embeddings":%b,"prompt_eval_count":2}',
        b'{"embeddings" : %b}',
        b'{"model":"\\"embeddings\\":[[1]]","embeddings":%b}',
        b'{"embeddings":%b,"of":{"embeddings":[[9]]}}',
    ],
    ids=["whole", "alone", "a name like the key", "the same key deeper"],
)
def test_every_vector_keeps_the_spelling_of_the_server(document: bytes, listed: bytes, read: list[bytes | Flaw]) -> None:
    vectors = read_embed(document % listed).vectors
    assert [vector if isinstance(vector, Flaw) else vector.json for vector in vectors] == read


@pytest.mark.parametrize("listed", [b"[[1,2]", b"[[1 2]]", b"[[1,2]]]", b"[[1,2],[3", b"[01]"])
def test_lists_that_are_no_json_are_an_error(listed: bytes) -> None:
    with pytest.raises(ServerError, match="something else than vectors"):
        read_embed(b'{"model":"m","embeddings":%b,"prompt_eval_count":2}' % listed)


VALUES = st.none() | st.lists(st.floats(allow_nan=False, width=32) | st.integers(-5, 5), max_size=4)


@given(st.lists(VALUES, max_size=5), st.text(max_size=20), st.none() | st.integers(0, 3), st.booleans())
def test_any_reply_is_read_as_json(values: list[list[float] | None], name: str, indent: int | None, is_last: bool) -> None:
    fields: dict[str, object] = (
        {"embeddings": values, "prompt_eval_count": 2} if not is_last else {"prompt_eval_count": 2, "embeddings": values}
    )
    read = read_embed(json.dumps({"model": name, **fields}, indent=indent).encode())
    for value, vector in zip(values, read.vectors, strict=True):
        assert flaw_of(value) is vector if isinstance(vector, Flaw) else numbers(vector) == value
        assert isinstance(vector, Flaw) or b"\n" not in vector.json
    assert read.tokens == 2


def test_the_same_key_deeper_in_the_reply_is_not_the_list() -> None:
    (vector,) = read_embed(b'{"of":{"embeddings":[[9]]},"embeddings":[[1,2]]}').vectors
    assert numbers(vector) == [1, 2]


def test_very_many_lists_are_not_read() -> None:
    with pytest.raises(ServerError, match="it is no JSON"):
        read_embed(b'{"embeddings":[%b]}' % b",".join([b"[]"] * 100_001))


@pytest.mark.parametrize("body", [b"", b"<html></html>", b"[]", b'{"model":"m"}', b'{"embeddings":null}', b'{"embeddings":{}}'])
def test_what_is_no_embedding_reply_is_an_error(body: bytes) -> None:
    with pytest.raises(ServerError) as caught:
        read_embed(body)
    assert (caught.value.code, caught.value.family) == ("embed_reply_unreadable", Family.UNAVAILABLE)


def test_an_error_with_status_200_is_told_as_the_server_says_it() -> None:
    with pytest.raises(ServerError) as caught:
        read_embed(b'{"error":"model runner has unexpectedly stopped"}')
    assert caught.value.code == "runner_crashed"


def test_nan_literals_are_read_and_found() -> None:
    assert read_embed(b'{"embeddings":[[NaN,1,2]]}').vectors == (Flaw.NOT_FINITE,)


@pytest.mark.parametrize(("count", "tokens"), [("7", 7), ("0", None), ("null", None), ("true", None), ('"7"', None)])
def test_token_counts(count: str, tokens: int | None) -> None:
    assert read_embed(f'{{"embeddings":[],"prompt_eval_count":{count}}}'.encode()).tokens == tokens


@given(st.lists(st.floats(-1e3, 1e3, width=32), min_size=1, max_size=40).filter(lambda vector: math.hypot(*vector) > 1e-3))
def test_normalised_vectors_have_length_one_and_survive_32_bits(vector: list[float]) -> None:
    found = normalised(vector)
    assert math.hypot(*found) == pytest.approx(1, abs=1e-6)
    assert cosine(found, vector) == pytest.approx(1, abs=1e-6)
    assert struct.unpack(f"{len(found)}f", struct.pack(f"{len(found)}f", *found)) == pytest.approx(found, rel=1e-6, abs=1e-30)


def test_cosine() -> None:
    assert cosine([1.0, 0.0], [0.0, 5.0]) == 0
    assert cosine([3.0, 4.0], [-3.0, -4.0]) == -1


# --- the line to Dify -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "numbers"),
    [
        (b'{"model":"m","embeddings":[[1,2,3],[4,5,6]]}', 3),
        (b'{"embeddings":[[1]]}', 1),
        (b'{"embeddings":[]}', 0),
        (b"[[1,2", 0),
        (b"", 0),
    ],
)
def test_numbers_are_counted_without_parsing(body: bytes, numbers: int) -> None:
    assert dimensions_of(body) == numbers


# --- refusals ---------------------------------------------------------------------------------------------------------------------

KINDS: dict[str, Refused] = {
    "embed_nameless": Refused.OPAQUE,
    "text_too_long": Refused.OVERLONG,
    "embed_empty_text": Refused.OVERLONG,
    "embed_not_finite": Refused.TEXT,
    "runner_crashed": Refused.OPAQUE,
    "compute_failed": Refused.TEXT,
}
"""What the rows of the error catalogue mean for a batch; every other refusal is of no single text."""


@pytest.mark.parametrize("exchange", [each for each in ALL_OLLAMA if each.status != 200], ids=lambda exchange: exchange.address)
def test_recorded_refusals(exchange: Exchange) -> None:
    assert refusal_of(recorded(exchange)).kind is KINDS.get(failure_of(exchange).code, Refused.FATAL)


def test_every_kind_of_refusal_was_recorded() -> None:
    assert {failure_of(exchange).code for exchange in ALL_OLLAMA if exchange.status != 200} >= KINDS.keys()


TEXTS: dict[str, tuple[int, str, Refused]] = {
    "0.12 wording": (400, "input exceeds maximum context length", Refused.OVERLONG),
    "limit too small": (400, "input after truncation exceeds maximum context length", Refused.OVERLONG),
    "NaN before 0.14": (500, "json: unsupported value: NaN", Refused.TEXT),
    "NaN since 0.14": (400, "embedding contains NaN or Inf values", Refused.TEXT),
    "crash": (500, "an error was encountered while running the model: unexpected EOF", Refused.OPAQUE),
    "crash, newer": (500, "model runner has unexpectedly stopped, this may be due to resource limitations", Refused.TEXT),
    "chat model, 0.6 to 0.29": (500, "this model does not support embeddings", Refused.FATAL),
    "memory": (500, "model requires more system memory (9 GiB) than is available (2 GiB)", Refused.FATAL),
    "old runner": (500, "llama runner process has terminated: exit status 2", Refused.FATAL),
    "keep_alive": (400, 'time: missing unit in duration "300"', Refused.FATAL),
    "option": (500, 'option "num_ctx" must be of type integer', Refused.FATAL),
    "busy": (503, "server busy, please try again.  maximum pending requests exceeded", Refused.FATAL),
    "key": (401, "unauthorized", Refused.FATAL),
    "model": (404, 'model "x" not found, try pulling it first', Refused.FATAL),
}


@pytest.mark.parametrize(("status", "text", "kind"), TEXTS.values(), ids=TEXTS.keys())
def test_refusals_by_their_words(status: int, text: str, kind: Refused) -> None:
    assert refusal_of(HttpReply(status=status, body=orjson.dumps({"error": text}))).kind is kind


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (404, b"404 page not found", Refused.NO_ROUTE),
        (405, b"405 method not allowed", Refused.NO_ROUTE),
        (404, b"", Refused.FATAL),
        (413, b"<html><title>413 Request Entity Too Large</title></html>", Refused.TOO_LARGE),
        (500, b"<html><title>500 Internal Server Error</title></html>", Refused.FATAL),
        (500, b"", Refused.OPAQUE),
        (500, b'{"error":{}}', Refused.OPAQUE),
        (302, b"", Refused.FATAL),
    ],
)
def test_refusals_without_json_words(status: int, body: bytes, kind: Refused) -> None:
    assert refusal_of(HttpReply(status=status, body=body)).kind is kind
