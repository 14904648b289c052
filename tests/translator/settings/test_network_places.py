"""Near and far hosts, and the proxy and key rules that depend on it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translator.errors import RequestError
from translator.settings.base_url import parse_base_url
from translator.settings.network_places import ProxyMode, is_private_place, proxy_for, refuse_key_over_plain_http

PRIVATE = (
    "localhost", "ollama", "my_ollama-1", "LOCALHOST", "ollama.", "app.localhost", "nas.local", "nas.local.", "host.docker.internal",
    "host.containers.internal", "box.lan", "box.home.arpa", "fritz.home", "pc.localdomain", "ai.intranet", "ai.corp", "ollama.default.svc",
    "ollama.default.svc.cluster.local", "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.5",
    "169.254.1.1", "100.64.0.1", "100.127.255.255", "::1", "[::1]", "::", "fe80::1", "fe80::1%eth0", "fd12:3456::1", "fc00::1",
    "::ffff:192.168.1.5",
)  # fmt: skip

PUBLIC = (
    "ollama.com", "example.com", "8.8.8.8", "172.32.0.1", "172.15.255.255", "192.169.0.1", "11.0.0.1", "100.128.0.1", "100.63.255.255",
    "169.253.0.1", "2001:4860::1", "::ffff:8.8.8.8", "fe00::1", "local.example.com", "internal.com", "134744072", "0x08080808",
    "", "a.localx", "mylan.com",
)  # fmt: skip

PROXY = "http://proxy.example:3128"
BOTH = {"HTTP_PROXY": PROXY, "HTTPS_PROXY": "http://secure-proxy.example:3128"}


@pytest.mark.parametrize("host", PRIVATE)
def test_private(host: str) -> None:
    assert is_private_place(host)


@pytest.mark.parametrize("host", PUBLIC)
def test_public(host: str) -> None:
    assert not is_private_place(host)


@given(st.ip_addresses(network="10.0.0.0/8") | st.ip_addresses(network="fc00::/7") | st.ip_addresses(network="100.64.0.0/10"))
def test_whole_ranges_are_private(address: object) -> None:
    assert is_private_place(str(address))


@pytest.mark.parametrize(
    ("scheme", "environment", "expected"),
    [
        ("http", {}, None),
        ("http", BOTH, PROXY),
        ("https", BOTH, "http://secure-proxy.example:3128"),
        ("https", {"HTTP_PROXY": PROXY}, None),
        ("https", {"ALL_PROXY": PROXY}, PROXY),
        ("https", {"all_proxy": PROXY}, PROXY),
        ("http", {"Http_Proxy": PROXY}, PROXY),
        ("http", {"HTTP_PROXY": "http://upper:1", "http_proxy": "http://lower:1"}, "http://lower:1"),
        ("http", {"HTTP_PROXY": PROXY, "http_proxy": ""}, PROXY),
        ("http", {"HTTP_PROXY": "", "ALL_PROXY": PROXY}, PROXY),
        ("http", {"HTTP_PROXY": "http://own:1", "ALL_PROXY": PROXY}, "http://own:1"),
        ("http", {"HTTP_PROXY": " proxy.example:3128 "}, PROXY),
        ("http", {"HTTP_PROXY": "http://user:pw@proxy.example:3128/"}, "http://user:pw@proxy.example:3128/"),
        ("http", {"HTTP_PROXY": PROXY, "ALL_PROXY": "socks5://x:1"}, PROXY),
    ],
)
def test_proxy_of_the_environment(scheme: str, environment: dict[str, str], expected: str | None) -> None:
    assert proxy_for(scheme, "public.example", 443, environment=environment, mode=ProxyMode.AUTO) == expected


@pytest.mark.parametrize("host", PRIVATE)
def test_near_hosts_are_asked_directly_unless_always(host: str) -> None:
    assert proxy_for("http", host, 11434, environment=BOTH, mode=ProxyMode.AUTO) is None
    assert proxy_for("http", host, 11434, environment=BOTH, mode=ProxyMode.ALWAYS) == PROXY


def test_never_and_always() -> None:
    assert proxy_for("http", "public.example", 80, environment=BOTH, mode=ProxyMode.NEVER) is None
    assert proxy_for("http", "public.example", 80, environment=BOTH | {"NO_PROXY": "*"}, mode=ProxyMode.ALWAYS) == PROXY


EXEMPT: dict[str, tuple[str, str, bool]] = {
    "a name with umlauts": ("bücher.example", "xn--bcher-kva.example", True),
    "a suffix with umlauts": ("*.bücher.example", "a.xn--bcher-kva.example", True),
    "a name that cannot be written": ("\u2488.example", "x.example", False),
    "star": ("*", "public.example", True),
    "name": ("public.example", "public.example", True),
    "name in capitals": ("PUBLIC.Example", "public.example", True),
    "subdomain of a name": ("example", "public.example", True),
    "leading dot": (".public.example", "a.public.example", True),
    "leading dot, the name itself": (".public.example", "public.example", True),
    "leading star and dot": ("*.public.example", "a.public.example", True),
    "star inside": ("gpu*.example", "gpu7.example", True),
    "star inside, other": ("gpu*.example", "cpu7.example", False),
    "half a label": ("lic.example", "public.example", False),
    "other": ("other.example", "public.example", False),
    "second of a list": ("a.example, public.example", "public.example", True),
    "list with blanks": ("a.example public.example", "public.example", True),
    "empty entries": (",, ,", "public.example", False),
    "trailing dot": ("public.example.", "public.example", True),
    "with scheme": ("https://public.example", "public.example", True),
    "this port": ("public.example:8443", "public.example", True),
    "other port": ("public.example:443", "public.example", False),
    "address": ("203.0.113.5", "203.0.113.5", True),
    "address and port": ("203.0.113.5:8443", "203.0.113.5", True),
    "address, other port": ("203.0.113.5:1", "203.0.113.5", False),
    "range": ("203.0.113.0/24", "203.0.113.5", True),
    "range with host bits": ("203.0.113.9/24", "203.0.113.5", True),
    "range, outside": ("203.0.113.0/24", "203.0.114.5", False),
    "range of addresses for a name": ("0.0.0.0/0", "public.example", False),
    "everything": ("0.0.0.0/0", "203.0.113.5", True),
    "prefix with a star": ("203.0.113.*", "203.0.113.5", True),
    "end of an address is no suffix": ("113.5", "203.0.113.5", False),
    "IPv6": ("2001:db8::5", "2001:db8::5", True),
    "IPv6, long": ("2001:db8:0:0:0:0:0:5", "2001:db8::5", True),
    "IPv6 in brackets": ("[2001:db8::5]", "2001:db8::5", True),
    "IPv6 and port": ("[2001:db8::5]:8443", "2001:db8::5", True),
    "IPv6, other port": ("[2001:db8::5]:1", "2001:db8::5", False),
    "IPv6 range": ("2001:db8::/32", "2001:db8::5", True),
    "IPv6 range in brackets": ("[2001:db8::]/32", "2001:db8::5", True),
    "IPv6 range for IPv4": ("::/0", "203.0.113.5", False),
    "mapped address": ("203.0.113.0/24", "::ffff:203.0.113.5", True),
    "garbage": ("///, :, [, 1.2.3.4/99", "public.example", False),
}


@pytest.mark.parametrize(("no_proxy", "host", "is_exempt"), EXEMPT.values(), ids=EXEMPT)
@pytest.mark.parametrize("variable", ["NO_PROXY", "no_proxy"])
def test_no_proxy(variable: str, no_proxy: str, host: str, is_exempt: bool) -> None:
    proxy = proxy_for("http", host, 8443, environment={"HTTP_PROXY": PROXY, variable: no_proxy}, mode=ProxyMode.AUTO)
    assert proxy == (None if is_exempt else PROXY)


@given(st.text())
def test_any_no_proxy_can_be_read(no_proxy: str) -> None:
    environment = {"HTTP_PROXY": PROXY, "NO_PROXY": no_proxy}
    assert proxy_for("http", "public.example", 80, environment=environment, mode=ProxyMode.AUTO) in (None, PROXY)


@pytest.mark.parametrize(
    "proxy", ["socks5://user:pw@proxy:1080", "http://", "http://proxy:99999", "http://[x", "proxy:port", "ftp://proxy"]
)
@pytest.mark.parametrize("mode", [ProxyMode.AUTO, ProxyMode.ALWAYS])
def test_unusable_proxy_is_refused_without_showing_it(proxy: str, mode: ProxyMode) -> None:
    with pytest.raises(RequestError) as caught:
        proxy_for("http", "public.example", 80, environment={"HTTP_PROXY": proxy}, mode=mode)
    assert caught.value.code == "proxy_unusable"
    assert "pw" not in str(caught.value)


def test_always_without_a_proxy_is_refused() -> None:
    with pytest.raises(RequestError, match="HTTPS_PROXY") as caught:
        proxy_for("https", "public.example", 443, environment={"HTTP_PROXY": PROXY}, mode=ProxyMode.ALWAYS)
    assert caught.value.code == "proxy_missing"


@pytest.mark.parametrize(
    ("base_url", "has_key", "allowed", "refused"),
    [
        ("http://public.example", True, False, True),
        ("http://8.8.8.8:11434", True, False, True),
        ("http://user:pw@public.example", False, False, True),
        ("http://public.example", False, False, False),
        ("http://public.example", True, True, False),
        ("http://user:pw@public.example", False, True, False),
        ("https://public.example", True, False, False),
        ("http://192.168.1.5:11434", True, False, False),
        ("http://host.docker.internal:11434", True, False, False),
        ("http://ollama.com", True, False, False),
    ],
)
def test_key_over_plain_http(base_url: str, has_key: bool, allowed: bool, refused: bool) -> None:
    url = parse_base_url(base_url)
    if not refused:
        refuse_key_over_plain_http(url, has_key=has_key, allowed=allowed)
        return
    with pytest.raises(RequestError, match="https://") as caught:
        refuse_key_over_plain_http(url, has_key=has_key, allowed=allowed)
    assert caught.value.code == "key_over_plain_http"
