"""Proxies by the headers of their replies: their part, a name that is fit for showing, and what users read of them."""

import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.translator.failures.proxied_replies import PROXIED_REPLIES
from translator.diagnosis.server_kinds import MODELS, TAGS, VERSION
from translator.diagnosis.unanswered import why_not_ollama
from translator.embedding.replies import not_vectors
from translator.errors import ServerError
from translator.failures.build import cut_short, failure_from_reply, failure_in_stream, naming_proxy, only_loaded, with_proxy
from translator.failures.proxies import NO_PROXY, SIGNS, SYSTEM, SYSTEM_PROXY, Part, Proxy, proxy_in
from translator.rerank.refusals import rerank_refusal
from translator.rerank.replies import not_scores
from translator.shapes.exchange import HttpReply

PASSED, WROTE = Part.PASSED, Part.WROTE

type Seen = tuple[str, str, Part, str]
"""Header, its value, part, name."""

HEADERS: tuple[Seen, ...] = (
    ("Via", "1.1 squid", PASSED, "squid"),
    ("Via", "1.1 edge (Squid/5.7)", PASSED, "squid"),
    ("Via", "HTTP/1.1 forward.example:3128", PASSED, "forward.example"),
    ("Via", "2 gate", PASSED, "gate"),
    ("Via", "1.1 kong/3.4.0", PASSED, "kong"),
    ("Via", "1.0 fred, 1.1 p.example.net", PASSED, "p.example.net"),
    ("Via", "1.1 near.example, 1.1 192.168.0.7:3128", PASSED, "near.example"),
    ("Via", "1.1 a (one, two), 1.1 b (three, four)", PASSED, "b"),
    ("Via", "1.1 1234.cloudfront.net (CloudFront)", PASSED, "cloudfront"),
    ("Via", f"1.1 {SYSTEM}", PASSED, ""),
    ("Via", "", Part.NONE, ""),
    ("Via", "  ", Part.NONE, ""),
    ("Via", "1.1 10.0.0.5:3128", PASSED, ""),
    ("Via", "1.1 203.0.113.9", PASSED, ""),
    ("Via", "1.1 [fe80::1]:3128", PASSED, ""),
    ("Via", "1.1 user:secret@gate.example", PASSED, ""),
    ("Via", "1.1 http://gate.example/?key=secret", PASSED, ""),
    ("Via", "1.1 localhost:8080", PASSED, ""),
    ("Via", "1.1 sk-0123456789abcdef", PASSED, ""),
    ("Via", "1.1 eyJhbGciOiJIUzI1NiJ9.x", PASSED, ""),
    ("Via", "1.1 " + "a" * 41, PASSED, ""),
    ("Via", "Bearer secretsecret", PASSED, ""),
    ("Via", "<script>alert(1)</script>", PASSED, ""),
    ("Via", "1.1 \u202egate", PASSED, ""),
    ("Via", "1.1 gate\x1b[31m", PASSED, ""),
    ("X-Squid-Error", "ERR_DNS_FAIL 0", WROTE, "squid"),
    ("Server", "squid/5.7", WROTE, "squid"),
    ("Server", "nginx/1.25", PASSED, "nginx"),
    ("Server", "istio-envoy", PASSED, "envoy"),
    ("Server", "uvicorn", Part.NONE, ""),
    ("Server", "llama.cpp", Part.NONE, ""),
    ("Proxy-Authenticate", 'Basic realm="secret words"', WROTE, ""),
    ("Proxy-Authenticate", 'Basic realm="Tinyproxy"', WROTE, "tinyproxy"),
    ("Proxy-Status", "edge.example; error=dns_error, next.example", WROTE, "edge.example"),
    ("Proxy-Status", '"first.example", second.example; received-status=503', PASSED, "second.example"),
    ("X-Cache", "MISS from cache7.example", PASSED, "cache7.example"),
    ("X-Cache", "Error from cloudfront", PASSED, "cloudfront"),
    ("X-Cache", "HIT", Part.NONE, ""),
    ("X-Cache-Lookup", "NONE from cache7.example:3128", PASSED, "cache7.example"),
    ("CF-RAY", "8a1b2c3d4e5f-FRA", PASSED, "cloudflare"),
    ("X-Amz-Cf-Id", "abc==", PASSED, "cloudfront"),
    ("X-Varnish", "32770", PASSED, "varnish"),
    ("X-Envoy-Upstream-Service-Time", "12", PASSED, "envoy"),
    ("X-Request-Id", "squid", Part.NONE, ""),
)


@pytest.mark.parametrize(("header", "value", "part", "name"), HEADERS)
@pytest.mark.parametrize("spelled", [str, str.lower, str.upper], ids=["as sent", "lower", "upper"])
def test_header_tells_part_and_name(header: str, value: str, part: Part, name: str, spelled: type[str]) -> None:
    seen = proxy_in({spelled(header): value})
    assert (seen.part, seen.name) == (part, name)


def test_every_sign_is_tested() -> None:
    assert {sign.header for sign in SIGNS} <= {header.lower() for header, *_ in HEADERS}


def test_the_strongest_sign_decides_the_part_and_any_gives_the_name() -> None:
    headers = {"Via": "1.1 gate.example", "Proxy-Authenticate": "Negotiate"}
    assert proxy_in(headers) == Proxy(part=WROTE, name="gate.example")


@pytest.mark.parametrize(
    ("proxy", "shown"),
    [
        (NO_PROXY, "a proxy or gateway"),
        (SYSTEM_PROXY, "the system proxy"),
        (Proxy(part=PASSED, name="caddy"), "a proxy (caddy)"),
        (Proxy(part=PASSED, name="caddy", is_system=True), "a proxy (caddy, or the system proxy)"),
    ],
)
def test_proxy_is_called(proxy: Proxy, shown: str) -> None:
    assert proxy.shown == shown


@pytest.mark.parametrize("name", PROXIED_REPLIES)
def test_refusal_that_a_proxy_had_a_part_in_reads(name: str) -> None:
    row = PROXIED_REPLIES[name]
    error = failure_from_reply(row.status, row.body, headers=row.headers)
    assert (error.code, str(error)) == (row.code, row.text)


@pytest.mark.parametrize("name", PROXIED_REPLIES)
def test_refusal_of_a_rerank_service_that_a_proxy_had_a_part_in(name: str) -> None:
    row = PROXIED_REPLIES[name]
    error = rerank_refusal(HttpReply(status=row.status, headers=row.headers, body=row.body), route="/v1/rerank").error
    shown = proxy_in(row.headers).shown
    says_proxy = shown in str(error).replace("A proxy", "a proxy").replace("The system", "the system")
    assert error.code == row.service_code
    assert says_proxy == (row.service_code not in {"rerank_unauthorized", "rerank_model_unknown"}), str(error)


@pytest.mark.parametrize("status", [*range(400, 432), 451, *range(500, 512)])
@pytest.mark.parametrize("body", [b'{"error":"something new"}', b"something new", b"", b"{}", b"<html><title>x</title>", b'{"error":"cut'])
def test_no_refusal_without_known_words_hides_the_proxy(status: int, body: bytes) -> None:
    reply = HttpReply(status=status, headers={"Via": "1.1 gate.example"}, body=body)
    for error in (failure_from_reply(status, body, headers=reply.headers), rerank_refusal(reply, route="/v1/rerank").error):
        assert "a proxy (gate.example)" in str(error).replace("A proxy", "a proxy"), error.code


def test_answer_that_broke_off_names_the_proxy_in_between() -> None:
    assert str(with_proxy(cut_short(3, "m"), Proxy(part=PASSED, name="squid"))) == (
        'The answer of the model "m" broke off after 3 lines, before the server said that it is done. A proxy (squid) in between may have '
        "ended it: raise its time limit for answers. Most often the model crashed, the server was restarted, or a proxy closed the "
        "connection: look into the server's log."
    )


def test_only_what_a_proxy_can_do_names_it() -> None:
    proxy = Proxy(part=PASSED, name="squid")
    assert [str(with_proxy(error, proxy)) == str(error) for error in (cut_short(3), only_loaded())] == [False, True]
    assert str(with_proxy(cut_short(3), NO_PROXY)) == str(cut_short(3))


PAGE = b"<!DOCTYPE html><html><head><title>Sign in</title></head></html>"
WROTE_IT = "A proxy (squid) in between may have made this reply itself."


def test_page_instead_of_an_answer_names_the_proxy_once() -> None:
    page = failure_in_stream(PAGE.decode())
    squid = with_proxy(page, Proxy(part=PASSED, name="squid"))
    assert WROTE_IT in str(squid)
    assert with_proxy(squid, SYSTEM_PROXY) is squid


@pytest.mark.parametrize("kind", [b"text/html", b"application/json"])
def test_page_instead_of_ollama_names_the_proxy(kind: bytes) -> None:
    headers = {"Via": "1.1 cache7 (squid/5.7)", "Content-Type": kind.decode()}
    reply = HttpReply(status=200, headers=headers, body=PAGE if kind == b"text/html" else b'{"object":"list","data":[]}')
    error = why_not_ollama({VERSION: reply, TAGS: reply, MODELS: reply}, "http://x:1")
    assert error is not None
    assert (WROTE_IT in str(error)) is (kind == b"text/html")


@pytest.mark.parametrize("error", [not_vectors("no JSON"), not_scores("no JSON")], ids=lambda error: error.code)
def test_document_that_is_none_names_the_proxy(error: ServerError) -> None:
    with (
        pytest.raises(ServerError, match=r"A proxy \(squid\) in between may have cut or changed the reply\."),
        naming_proxy({"Via": "1.1 squid"}),
    ):
        raise error


@given(secret=st.text(string.ascii_letters + string.digits + "._~+/-", min_size=12, max_size=60).map(lambda text: f"{text}7Q"))
def test_credentials_in_a_header_are_never_shown(secret: str) -> None:
    assume(len(secret) > 12)
    for written in (f"1.1 me:{secret}@gate.example", f"Bearer {secret}", f"1.1 https://x/?k={secret}", f"1.1 gate.example ({secret})"):
        for header in ("Via", "Server", "Proxy-Authenticate", "X-Cache", "X-Squid-Error"):
            assert secret not in str(failure_from_reply(502, b"", headers={header: written}))


@given(header=st.sampled_from([sign.header for sign in SIGNS]), value=st.text(max_size=200))
def test_any_header_gives_a_short_printable_name(header: str, value: str) -> None:
    name = proxy_in({header: value}).name
    assert len(name) <= 40
    assert name.isascii()
    assert name.isprintable()
