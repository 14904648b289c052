"""The proxy on the way of an exchange, and the failures that name it."""

import pytest

from plugin_entry.network.error_rows import ROWS
from plugin_entry.network.errors import Phase, describe_transport_error
from plugin_entry.network.proxies import MAY_BE_WHY, proxy_between, with_own_proxy, with_proxy_named
from plugin_entry.network.server import Server
from translator.errors import ServerError
from translator.failures.proxies import NO_PROXY, SYSTEM_PROXY, Part, Proxy, proxy_in
from translator.settings.base_url import parse_base_url
from translator.shapes.headers import as_headers

PASSED = Part.PASSED
VIA, SYSTEM_VIA, NONE = {"via": "1.1 caddy"}, {"Via": "1.1 system-proxy"}, {"Date": "today"}
DIRECT, PROXIED = None, "http://user:secret@proxy.example:3128"


def server(url: str, proxy: str | None) -> Server:
    return Server(base_url=parse_base_url(url), proxy=proxy)


@pytest.mark.parametrize(
    ("url", "proxy", "headers", "between"),
    [
        ("http://gpu.lan", DIRECT, NONE, NO_PROXY),
        ("http://gpu.lan", DIRECT, VIA, Proxy(part=PASSED, name="caddy")),
        ("http://gpu.lan", PROXIED, NONE, SYSTEM_PROXY),
        ("http://gpu.lan", PROXIED, SYSTEM_VIA, SYSTEM_PROXY),
        ("http://gpu.lan", PROXIED, VIA, Proxy(part=PASSED, name="caddy")),
        ("https://gpu.lan", PROXIED, NONE, SYSTEM_PROXY),
        ("https://gpu.lan", PROXIED, VIA, Proxy(part=PASSED, name="caddy", is_system=True)),
        ("http://gpu.lan", DIRECT, as_headers([("Via", "1.1 far"), ("VIA", "1.1 near")]), Proxy(part=PASSED, name="near")),
    ],
)
def test_proxy_between(url: str, proxy: str | None, headers: dict[str, str], between: Proxy) -> None:
    assert proxy_between(server(url, proxy), headers) == between


@pytest.mark.parametrize(
    ("url", "proxy", "headers", "via"),
    [
        ("http://gpu.lan", PROXIED, NONE, "1.1 system-proxy"),
        ("http://gpu.lan", PROXIED, VIA, "1.1 caddy"),
        ("http://gpu.lan", DIRECT, NONE, ""),
        ("https://gpu.lan", PROXIED, NONE, ""),
    ],
    ids=["a proxy that does not tell", "one that does", "none", "a tunnel"],
)
def test_proxy_that_was_asked_is_among_the_headers(url: str, proxy: str | None, headers: dict[str, str], via: str) -> None:
    noted = with_own_proxy(as_headers(headers), server(url, proxy))
    assert noted.get("via", "") == via
    assert proxy_in(noted) == (NO_PROXY if not via else proxy_in({"via": via}))
    assert set(noted.pairs) >= set(headers.items())


def test_every_sentence_belongs_to_a_failure() -> None:
    assert MAY_BE_WHY.keys() <= ROWS.keys()


@pytest.mark.parametrize("code", MAY_BE_WHY)
def test_failure_names_the_proxy_and_nothing_else_changes(code: str) -> None:
    plain = ServerError.of(code, "It failed.", "Repair it.")
    told = with_proxy_named(plain, SYSTEM_PROXY)
    assert (told.code, told.family, told.problem.remedy) == (plain.code, plain.family, plain.problem.remedy)
    assert told.problem.cause.startswith("It failed. The system proxy in between ")
    assert with_proxy_named(plain, NO_PROXY) is plain


@pytest.mark.parametrize("code", sorted(ROWS.keys() - MAY_BE_WHY.keys()))
def test_other_failures_stay_as_they_are(code: str) -> None:
    plain = ServerError.of(code, "It failed.")
    assert with_proxy_named(plain, SYSTEM_PROXY) is plain


def test_stream_that_was_cut_reads() -> None:
    cut = describe_transport_error(ConnectionResetError(), "http://gpu.lan:11434", phase=Phase.BODY)
    assert with_proxy_named(cut, Proxy(part=PASSED, name="squid")).problem.cause == (
        "The connection to http://gpu.lan:11434 ended in the middle of the answer. A proxy (squid) in between may have ended it: raise its "
        "time limit for answers."
    )


def test_nothing_of_the_address_of_a_proxy_is_told() -> None:
    told = str(with_proxy_named(ServerError.of("stalled", "It stopped."), proxy_between(server("http://gpu.lan", PROXIED))))
    assert [part for part in ("user", "secret", "proxy.example", "3128") if part in told] == []
