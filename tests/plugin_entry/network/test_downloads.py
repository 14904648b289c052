"""Links to pictures over real HTTP: what arrives, what is refused, and what is never said aloud."""

import asyncio
import socket
from base64 import b64decode

import pytest
from aiohttp.abc import ResolveResult
from aiohttp.resolver import ThreadedResolver

from plugin_entry.network.downloads import HopGuard, HopRefusedError, fetch_media
from plugin_entry.serving.chat import BRIDGE
from tests.servers.routes_server import RoutesServer, Speak, cut, endless, redirect, reply, silence, trickle
from translator.errors import Family, RequestError
from translator.limits import Limits

pytestmark = pytest.mark.plugin

PNG = b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgAAACAAAB4iG8MwAAAABJRU5ErkJggg==")
SECRET = "sign=topsecret"
SMALL = Limits(image_bytes=1000)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def fetch(url: str, seconds: float = 5.0, limits: Limits = SMALL) -> bytes:
    return fetch_media(BRIDGE, url, limits, seconds)


def test_ok() -> None:
    with RoutesServer({"/files/1": reply(200, PNG, Content_Type="image/png")}) as server:
        assert fetch(f"{server.url}/files/1?{SECRET}") == PNG
        assert server.asked[0].headers["user-agent"] == "dify-ollama"


def test_by_name() -> None:
    with RoutesServer({"/files/1": reply(200, PNG)}) as server:
        assert fetch(f"http://localhost:{server.port}/files/1") == PNG
        assert server.asked[0].headers["host"] == f"localhost:{server.port}"


def test_a_name_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name server that says something else the second time changes nothing: the connection goes to what was judged."""
    answers = ["127.0.0.1", "169.254.169.254"]

    async def resolve(self: object, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host=answers.pop(0), port=port, family=socket.AF_INET, proto=0, flags=0)]

    monkeypatch.setattr(ThreadedResolver, "resolve", resolve)
    with RoutesServer({"/files/1": reply(200, PNG)}) as server:
        assert fetch(f"http://files.example:{server.port}/files/1") == PNG


def test_a_signed_link_arrives_as_it_is() -> None:
    with RoutesServer({"/a%2Fb%20c": reply(200, PNG)}) as server:
        assert fetch(f"{server.url}/a%2Fb%20c?sign=a%2Bb%3D&x=%7e") == PNG
        assert [asked.target for asked in server.asked] == ["/a%2Fb%20c?sign=a%2Bb%3D&x=%7e"]


@pytest.mark.parametrize("hops", [1, 2, 3])
def test_a_chain_of_redirects(hops: int) -> None:
    """To the host that Dify gave, over ways of every spelling."""
    routes: dict[str, Speak] = {f"/{hop}": redirect(f"/{hop + 1}", 301 + hop) for hop in range(hops)}
    with RoutesServer({**routes, f"/{hops}": reply(200, PNG)}) as server:
        assert fetch(f"{server.url}/0") == PNG
        assert server.paths() == [f"/{hop}" for hop in range(hops + 1)]


def test_too_many_redirects() -> None:
    with RoutesServer({"/": redirect("/")}) as server, pytest.raises(RequestError, match="redirects too often"):
        fetch(f"{server.url}/")
    assert len(server.asked) == 4


FORBIDDEN = {
    "metadata service": "http://169.254.169.254/latest/meta-data/",
    "metadata service, mapped": "http://[::ffff:169.254.169.254]/",
    "metadata service of Alibaba": "http://100.100.100.200/",
    "another loopback address": "http://127.0.0.2:1/",
    "loopback of IPv6": "http://[::1]:1/",
    "this network": "http://0.0.0.0:1/",
    "link-local": "http://[fe80::1]/",
}


@pytest.mark.parametrize("target", FORBIDDEN.values(), ids=FORBIDDEN)
def test_redirects_that_are_not_followed(target: str) -> None:
    with RoutesServer({"/": redirect(target)}) as server, pytest.raises(RequestError) as caught:
        fetch(f"{server.url}/?{SECRET}")
    assert caught.value.code == "media_redirect"
    assert "leads to an address that downloads must not reach" in str(caught.value)


@pytest.mark.parametrize("url", ["http://169.254.169.254/latest/", "http://[fd00:ec2::254]/", "http://2852039166/", "http://0.0.0.0/"])
def test_not_even_the_first_host_is_a_metadata_service(url: str) -> None:
    with pytest.raises(RequestError) as caught:
        fetch(url, seconds=2)
    assert caught.value.code in ("media_redirect", "media_unreachable")


STRANGE = {
    "file": ("file:///etc/passwd", "media-url-scheme"),
    "data": ("data:image/png;base64,AAAA", "media_redirect"),
    "broken": ("http://[::1/", "media_redirect"),
    "no port": ("http://host:port/", "media-url-malformed"),
    "no name": ("http://xn--\xfc\xff.\xff/", "media_redirect"),
}


@pytest.mark.parametrize(("target", "code"), STRANGE.values(), ids=STRANGE)
def test_redirects_to_no_web_address(target: str, code: str) -> None:
    with RoutesServer({"/": redirect(target)}) as server, pytest.raises(RequestError) as caught:
        fetch(f"{server.url}/")
    assert caught.value.code == code


FAILING: dict[str, tuple[Speak, str, str]] = {
    "expired": (reply(403, b"expired"), "media_not_there", r"HTTP status 403.*FILES_ACCESS_TIMEOUT.*MULTIMODAL_SEND_FORMAT=base64"),
    "gone": (reply(404), "media_not_there", "HTTP status 404"),
    "broken server": (reply(500), "media_not_there", "HTTP status 500"),
    "nothing new": (reply(304), "media_not_there", "HTTP status 304"),
    "redirect to nowhere": (reply(302), "media_not_there", "HTTP status 302"),
    "too large, and says so": (reply(200, b"x" * 1001), "media_too_large", r"larger than 0\.0 MiB"),
    "too large, and says nothing": (endless, "media_too_large", "larger than"),
    "silent": (silence, "media_unreachable", r"it took longer than 0\.2 seconds"),
    "stalled": (trickle, "media_unreachable", r"it took longer than 0\.2 seconds"),
    "cut": (cut, "media_unreachable", "broke off in the middle"),
    "no HTTP": (lambda sock: sock.sendall(b"SSH-2.0-OpenSSH\r\n\r\n"), "media_unreachable", "the connection failed"),
    "closed": (lambda sock: None, "media_unreachable", "the connection failed"),
}


@pytest.mark.parametrize(("speak", "code", "text"), FAILING.values(), ids=FAILING)
def test_what_goes_wrong(speak: Speak, code: str, text: str) -> None:
    with RoutesServer({"/files/1": speak}) as server, pytest.raises(RequestError, match=text) as caught:
        fetch(f"http://user:topsecret@127.0.0.1:{server.port}/files/1?{SECRET}", seconds=0.2)
    assert (caught.value.code, caught.value.family) == (code, Family.BAD_REQUEST)
    assert "127.0.0.1" in str(caught.value)
    assert "topsecret" not in f"{caught.value!r}{caught.value}{caught.value.__cause__}"
    assert caught.value.problem.remedy


def test_a_page_is_bytes_like_any_other() -> None:
    """That a login page is no picture is said by who looks at the bytes (`test_turn.py`, page instead of a picture)."""
    with RoutesServer({"/files/1": reply(200, b"<html>login</html>", Content_Type="text/html")}) as server:
        assert fetch(f"{server.url}/files/1") == b"<html>login</html>"


UNREACHABLE = {
    "refused": ("http://127.0.0.1:1/", "nothing accepts connections there"),
    "unknown name": ("http://no-such-host.invalid/", "the host name is unknown"),
}


@pytest.mark.parametrize(("url", "text"), UNREACHABLE.values(), ids=UNREACHABLE)
def test_unreachable(url: str, text: str) -> None:
    with pytest.raises(RequestError, match=text):
        fetch(url)


def test_links_that_hold_their_data_or_no_host() -> None:
    with pytest.raises(RequestError, match="nothing to download"):
        fetch("data:image/png;base64,AAAA")
    with pytest.raises(RequestError, match="FILES_URL"):
        fetch("/files/1")


def test_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that only the proxy knows."""
    with RoutesServer({"http://files.example.com.invalid/1": reply(200, PNG)}) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        assert fetch("http://files.example.com.invalid/1") == PNG


def test_no_way_around_the_guard_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with RoutesServer({"http://files.example.com.invalid/1": redirect("http://169.254.169.254/latest/")}) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        with pytest.raises(RequestError) as caught:
            fetch("http://files.example.com.invalid/1")
        assert caught.value.code == "media_redirect"
        assert len(proxy.asked) == 1


# --- the guard -----------------------------------------------------------------------------------------------------------------

NAMES = {
    "public": ["93.184.216.34"],
    "private": ["192.168.1.5"],
    "mixed": ["93.184.216.34", "10.0.0.1"],
    "loop": ["127.0.0.1", "::1"],
    "meta": ["169.254.169.254"],
}


async def look_up(host: str, port: int, family: socket.AddressFamily) -> list[ResolveResult]:
    if host not in NAMES:
        raise OSError
    return [ResolveResult(hostname=host, host=each, port=port, family=family, proto=0, flags=0) for each in NAMES[host]]


def judged(*hosts: str, is_proxied: bool = False) -> list[list[str]]:
    async def run() -> list[list[str]]:
        guard = HopGuard(look_up)
        return [[item["host"] for item in await guard.judge(host, 80, is_proxied=is_proxied)] for host in hosts]

    return BRIDGE.run(run)


CHAINS: dict[str, tuple[tuple[str, ...], list[str] | None]] = {
    "public": (("public",), ["93.184.216.34"]),
    "private": (("private",), ["192.168.1.5"]),
    "loopback": (("loop",), ["127.0.0.1", "::1"]),
    "metadata": (("meta",), None),
    "public to public": (("public", "public"), ["93.184.216.34"]),
    "public to private": (("public", "private"), None),
    "public to a private address": (("public", "10.1.2.3"), None),
    "public to loopback": (("public", "loop"), None),
    "public to mixed": (("public", "mixed"), ["93.184.216.34"]),
    "mixed is not private": (("mixed", "private"), None),
    "private to private": (("private", "10.1.2.3"), ["10.1.2.3"]),
    "private to public": (("private", "public"), ["93.184.216.34"]),
    "private to loopback": (("private", "loop"), None),
    "private to metadata": (("private", "meta"), None),
    "loopback to itself": (("loop", "127.0.0.1"), ["127.0.0.1"]),
    "loopback to private": (("loop", "private"), ["192.168.1.5"]),
}


@pytest.mark.parametrize(("hosts", "allowed"), CHAINS.values(), ids=CHAINS)
def test_guard(hosts: tuple[str, ...], allowed: list[str] | None) -> None:
    if allowed is None:
        with pytest.raises(HopRefusedError):
            judged(*hosts)
    else:
        assert judged(*hosts)[-1] == allowed


def test_unknown_names() -> None:
    with pytest.raises(OSError):  # noqa: PT011 - the resolver's own error, whatever its text
        judged("nowhere")
    assert judged("nowhere", is_proxied=True) == [[]]
    with pytest.raises(HopRefusedError):
        judged("nowhere", "private", is_proxied=True)


def test_loop_is_not_blocked_by_a_slow_link() -> None:
    """Other requests go on while a file is on its way."""

    async def tick() -> str:
        await asyncio.sleep(0)
        return "alive"

    with RoutesServer({"/": silence}) as server:
        with pytest.raises(RequestError):
            fetch(f"{server.url}/", seconds=0.05)
        assert BRIDGE.run(tick) == "alive"
