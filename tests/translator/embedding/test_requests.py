"""Embedding requests: what becomes of a text, how texts are grouped, and the two bodies."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from translator.embedding.requests import EmbedSettings, Overlong, batches, check_dimensions, check_sizes, embed_request, legacy_request
from translator.embedding.texts import (
    BLANK_STAND_IN,
    NO_PREFIXES,
    InputKind,
    Prefixes,
    family_prefixes,
    is_blank,
    milder,
    sendable,
)
from translator.errors import RequestError
from translator.versions import NEWEST, ServerVersion

PLAIN = EmbedSettings(model="m")


@pytest.mark.parametrize("text", ["", " ", "\n\t", "\u00a0", "\u200b\ufeff", "\x00", "\u2003 \u2028"])
def test_blank_texts_get_a_stand_in(text: str) -> None:
    assert is_blank(text)
    assert sendable(text) == BLANK_STAND_IN
    assert sendable(text, "query: ") == f"query: {BLANK_STAND_IN}"


@pytest.mark.parametrize("text", [".", " a ", "\u200ba", "😀", "中"])
def test_other_texts_are_sent_as_they_are(text: str) -> None:
    assert sendable(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("„Řekl“ – ano…", '"Řekl" - ano...'),
        ("a  b\n\n c ", "a b c"),
        ("a\x00\u200bb", "a b"),
        ("‘it’s’", "'it's'"),
        ("already plain.", "already plain"),
        ("plain", "plain"),
        ("...", BLANK_STAND_IN),
        ("\u2026", "..."),
    ],
)
def test_milder_form(text: str, expected: str) -> None:
    assert milder(text) == expected


@given(st.text())
def test_milder_form_is_never_blank(text: str) -> None:
    assert not is_blank(milder(text))


FAMILIES: dict[str, Prefixes | None] = {
    "nomic-embed-text:v1.5": Prefixes(query="search_query: ", document="search_document: "),
    "nomic-embed-text-v2-moe": Prefixes(query="search_query: ", document="search_document: "),
    "embeddinggemma:300m": Prefixes(query="task: search result | query: ", document="title: none | text: "),
    "hf.co/Qwen/Qwen3-Embedding-0.6B-GGUF:Q8_0": Prefixes(
        query="Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:"
    ),
    "jeffh/intfloat-multilingual-e5-large-instruct:f16": Prefixes(
        query="Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery: "
    ),
    "jeffh/intfloat-multilingual-e5-large:f16": Prefixes(query="query: ", document="passage: "),
    "mxbai-embed-large": Prefixes(query="Represent this sentence for searching relevant passages: "),
    "snowflake-arctic-embed:22m": Prefixes(query="Represent this sentence for searching relevant passages: "),
    "snowflake-arctic-embed2": Prefixes(query="query: "),
    "bge-large": Prefixes(query="Represent this sentence for searching relevant passages: "),
    "quentinz/bge-large-zh-v1.5": Prefixes(query="为这个句子生成表示以用于检索相关文章："),
    "bge-m3": NO_PREFIXES,
    "all-minilm": NO_PREFIXES,
    "my-own-model": None,
}


@pytest.mark.parametrize(("model", "prefixes"), FAMILIES.items(), ids=FAMILIES.keys())
def test_prefixes_by_family(model: str, prefixes: Prefixes | None) -> None:
    assert family_prefixes(model) == prefixes


@pytest.mark.parametrize(
    ("names", "architecture", "prefixes"),
    [
        (("notes",), "gemma-embedding", family_prefixes("embeddinggemma")),
        (("notes",), "gemma3", family_prefixes("embeddinggemma")),
        (("notes",), "nomic-bert", family_prefixes("nomic-embed-text")),
        (("notes",), "nomic-bert-moe", family_prefixes("nomic-embed-text")),
        (("notes",), "qwen3", family_prefixes("qwen3-embedding")),
        (("Multilingual E5 Large", "notes"), "bert", family_prefixes("multilingual-e5-large")),
        (("snowflake-arctic-embed-m-long", "notes"), "nomic-bert", family_prefixes("snowflake-arctic-embed")),
        (("notes",), "bert", None),
        (("notes",), "", None),
    ],
)
def test_a_copy_under_another_name_has_its_family(names: tuple[str, ...], architecture: str, prefixes: Prefixes | None) -> None:
    assert family_prefixes(*names, architecture=architecture) == prefixes


def test_prefix_follows_the_kind_of_input() -> None:
    prefixes = Prefixes(query="q: ", document="d: ")
    assert (prefixes.of(InputKind.QUERY), prefixes.of(InputKind.DOCUMENT)) == ("q: ", "d: ")


@pytest.mark.parametrize(
    ("sizes", "longest", "code"),
    [
        ({"dimensions": 769}, 768, "embed_dimensions_invalid"),
        ({"num_ctx": 1}, None, "embed_window_too_small"),
        ({"num_ctx": 15}, 768, "embed_window_too_small"),
    ],
)
def test_sizes_that_no_text_can_have(sizes: dict[str, Any], longest: int | None, code: str) -> None:
    with pytest.raises(RequestError) as caught:
        check_sizes(EmbedSettings(model="m", **sizes), longest)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("sizes", "longest"),
    [({}, None), ({"dimensions": 768}, 768), ({"dimensions": 4096}, None), ({"num_ctx": 16}, 768), ({"num_ctx": None}, 8)],
)
def test_sizes_that_a_model_can_have(sizes: dict[str, Any], longest: int | None) -> None:
    check_sizes(EmbedSettings(model="m", **sizes), longest)


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [
        ([], ()),
        ([1] * 5, ((0, 1), (2, 3), (4,))),
        ([6, 5], ((0,), (1,))),
        ([5, 5], ((0, 1),)),
        ([50, 1, 1], ((0,), (1, 2))),
        ([1, 50, 1], ((0,), (1,), (2,))),
    ],
    ids=["none", "by count", "by characters", "exactly full", "over budget first", "over budget between"],
)
def test_batches(lengths: list[int], expected: tuple[tuple[int, ...], ...]) -> None:
    settings = EmbedSettings(model="m", max_texts=2, max_chars=10)
    assert batches(["x" * length for length in lengths], settings) == expected


@given(st.lists(st.text(max_size=30), max_size=60), st.integers(1, 10), st.integers(1, 60))
def test_batches_keep_order_and_bounds(texts: list[str], max_texts: int, max_chars: int) -> None:
    found = batches(texts, EmbedSettings(model="m", max_texts=max_texts, max_chars=max_chars))
    assert [position for batch in found for position in batch] == list(range(len(texts)))
    assert all(len(batch) <= max_texts for batch in found)
    assert all(len(batch) == 1 or sum(len(texts[position]) for position in batch) <= max_chars for batch in found)


def test_bounds_must_be_positive() -> None:
    with pytest.raises(ValueError, match="max_texts"):
        EmbedSettings(model="m", max_texts=0)
    with pytest.raises(ValueError, match="max_chars"):
        EmbedSettings(model="m", max_chars=0)


BODIES: dict[str, tuple[EmbedSettings, dict[str, Any]]] = {
    "plain": (PLAIN, {}),
    "window": (EmbedSettings(model="m", num_ctx=8192), {"options": {"num_ctx": 8192, "num_batch": 8192}}),
    "window and batch": (EmbedSettings(model="m", num_ctx=32768, num_batch=4096), {"options": {"num_ctx": 32768, "num_batch": 4096}}),
    "options win": (EmbedSettings(model="m", num_ctx=512, options={"num_batch": 64}), {"options": {"num_ctx": 512, "num_batch": 64}}),
    "keep_alive 0": (EmbedSettings(model="m", keep_alive=0), {"keep_alive": 0}),
    "dimensions": (EmbedSettings(model="m", dimensions=256), {"dimensions": 256}),
    "refuse": (EmbedSettings(model="m", overlong=Overlong.ERROR), {"truncate": False}),
}


@pytest.mark.parametrize(("settings", "extra"), BODIES.values(), ids=BODIES.keys())
def test_embed_body(settings: EmbedSettings, extra: dict[str, Any]) -> None:
    request = embed_request(["a", "b"], settings)
    assert (request.method, request.url) == ("POST", "/api/embed")
    assert orjson.loads(request.body) == {"model": "m", "input": ["a", "b"], "truncate": True} | extra


def test_legacy_body() -> None:
    request = legacy_request("a", EmbedSettings(model="m", num_ctx=512, keep_alive="5m", dimensions=8))
    assert request.url == "/api/embeddings"
    assert orjson.loads(request.body) == {"model": "m", "prompt": "a", "options": {"num_ctx": 512, "num_batch": 512}, "keep_alive": "5m"}


def test_lone_surrogates_can_be_sent() -> None:
    assert orjson.loads(embed_request(["a\ud800b"], PLAIN).body)["input"] == ["a\ufffdb"]


@pytest.mark.parametrize(
    ("dimensions", "version", "code"),
    [
        (8, "0.11.10", "embed_dimensions_unsupported"),
        (8, "0.9.6", "embed_dimensions_unsupported"),
        (0, "0.33.0", "embed_dimensions_invalid"),
        (-1, "0.33.0", "embed_dimensions_invalid"),
    ],
)
def test_dimensions_that_cannot_be_had(dimensions: int, version: str, code: str) -> None:
    with pytest.raises(RequestError) as caught:
        check_dimensions(EmbedSettings(model="m", dimensions=dimensions), ServerVersion.parse(version))
    assert caught.value.code == code


@pytest.mark.parametrize("version", [ServerVersion.parse("0.11.11"), NEWEST])
def test_dimensions_that_can_be_had(version: ServerVersion) -> None:
    check_dimensions(EmbedSettings(model="m", dimensions=8), version)
    check_dimensions(PLAIN, ServerVersion.parse("0.1.0"))
