"""Rerank requests: the URL rule, both bodies, and how much of a document is kept."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from translator.errors import RequestError
from translator.rerank.requests import (
    Dialect,
    RerankServiceSettings,
    candidate_urls,
    path_of,
    rerank_request,
    rerank_url,
    service_place,
    shortened,
)

KEPT = {
    "as users know it": "http://h:8080/api/rerank",
    "llama.cpp": "http://h:8080/v1/reranking",
    "with a query": "https://h/v1/rerank?key=1&b=2",
    "capitals": "http://h/V1/Rerank",
}


@pytest.mark.parametrize("url", KEPT.values(), ids=KEPT.keys())
def test_url_of_a_route_is_used_as_it_is(url: str) -> None:
    assert candidate_urls(url) == (url,)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://h/rerank/", ("http://h/rerank",)),
        (" http://h/rerank ", ("http://h/rerank",)),
        ("http://h:1", ("http://h:1/api/rerank", "http://h:1/v1/rerank", "http://h:1/rerank")),
        ("http://h/", ("http://h/api/rerank", "http://h/v1/rerank", "http://h/rerank")),
        ("http://h/v1", ("http://h/v1/api/rerank", "http://h/v1/v1/rerank", "http://h/v1/rerank")),
        ("http://h/x?a=b#c", ("http://h/x/api/rerank?a=b", "http://h/x/v1/rerank?a=b", "http://h/x/rerank?a=b")),
        ("http://u:p@h/prerank", ("http://u:p@h/prerank/api/rerank", "http://u:p@h/prerank/v1/rerank", "http://u:p@h/prerank/rerank")),
    ],
)
def test_candidate_urls(url: str, expected: tuple[str, ...]) -> None:
    assert candidate_urls(url) == expected
    assert rerank_url(url) == expected[0]


@pytest.mark.parametrize("url", ["", "h:8080/rerank", "ftp://h/rerank", "http://", "http://[::1/rerank", "rerank"])
def test_what_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(RequestError, match="not a web address") as caught:
        rerank_url(url)
    assert caught.value.code == "rerank_url_invalid"


def test_shown_path_has_no_secrets() -> None:
    assert path_of("https://user:secret@h/v1/rerank?key=secret") == "/v1/rerank"
    assert "secret" not in repr(RerankServiceSettings(url="https://user:secret@h/rerank", api_key="secret"))
    assert "secret" not in repr(
        rerank_request("http://u:secret@h/rerank", Dialect.TEI, "secret", ["secret"], RerankServiceSettings(url="", api_key="secret"))
    )


BODIES = {
    "jina": (
        "http://h/v1/rerank",
        Dialect.JINA,
        {"query": "q", "documents": ["a", "b"], "top_n": 2, "model": "m", "return_documents": False},
    ),
    "cohere 2": ("http://h/v2/rerank", Dialect.JINA, {"query": "q", "documents": ["a", "b"], "top_n": 2, "model": "m"}),
    "tei": ("http://h/rerank", Dialect.TEI, {"query": "q", "texts": ["a", "b"], "truncate": True}),
}


@pytest.mark.parametrize(("url", "dialect", "body"), BODIES.values(), ids=BODIES.keys())
def test_bodies(url: str, dialect: Dialect, body: dict[str, object]) -> None:
    request = rerank_request(url, dialect, "q", ["a", "b"], RerankServiceSettings(url=url, model="m"))
    assert (request.method, request.url, orjson.loads(request.body)) == ("POST", url, body)
    assert "Authorization" not in request.headers


def test_key_is_sent_as_bearer_and_an_empty_model_not_at_all() -> None:
    request = rerank_request("http://h/rerank", Dialect.JINA, "q", ["a"], RerankServiceSettings(url="", api_key="k"))
    assert request.headers["Authorization"] == "Bearer k"
    assert "model" not in orjson.loads(request.body)


def test_shortened_keeps_the_head_within_the_limit() -> None:
    document = "word " * 300
    head = shortened("a query", document, given=310, limit=64)
    assert document.startswith(head)
    assert 40 < len(head) / 5 < 60


def test_nothing_is_left_when_the_query_fills_the_limit() -> None:
    assert shortened("q" * 1000, "document", given=400, limit=64) == ""


@given(query=st.text(max_size=50), document=st.text(min_size=1, max_size=500), given_=st.integers(1, 5000), limit=st.integers(1, 5000))
def test_shortened_is_always_a_head(query: str, document: str, given_: int, limit: int) -> None:
    head = shortened(query, document, given=given_, limit=limit)
    assert document.startswith(head)
    if given_ > limit:
        assert len(head) < len(document)


@pytest.mark.parametrize(
    ("typed", "url", "origin"),
    [
        ("http://h:8080/v1/rerank", "http://h:8080/v1/rerank", "http://h:8080"),
        (" h:8080/rerank ", "http://h:8080/rerank", "http://h:8080"),
        ("https://u:p@h/rerank?k=a@b://c#x", "https://h/rerank?k=a@b://c", "https://u:p@h"),
        ("h/rerank?next=http://x@y", "http://h/rerank?next=http://x@y", "http://h"),
        ("HTTP://[::1]:80", "http://[::1]:80", "http://[::1]:80"),
    ],
)
def test_address_as_typed_is_taken_apart(typed: str, url: str, origin: str) -> None:
    place = service_place(typed)
    assert (place.url, place.origin) == (url, origin)
    assert "p@" not in repr(place)


@pytest.mark.parametrize("typed", ["", "ftp://h", "http://", "http://h:0", "http://h:x", "http://u:p/w@h", "http://[::1"])
def test_what_is_no_address_is_refused_without_its_text(typed: str) -> None:
    with pytest.raises(RequestError) as caught:
        service_place(typed)
    assert "p/w" not in str(caught.value)
