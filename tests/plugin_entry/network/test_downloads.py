"""Links to pictures over real HTTP: what arrives, what is refused, and what is never said aloud."""

import asyncio
import logging
from base64 import b64decode
from typing import Any

import gevent
import gevent.event
import pytest

from plugin_entry.network import downloads
from plugin_entry.network.downloads import fetch_media
from plugin_entry.network.link_rules import FILE_SERVER_VARIABLES, VARIABLE
from plugin_entry.serving.chat import BRIDGE
from tests.servers.name_service import naming
from tests.servers.routes_server import RoutesServer, Speak, cut, endless, redirect, reply, silence, trickle
from translator.errors import Family, RequestError
from translator.limits import Limits

pytestmark = pytest.mark.usefixtures("_plugin_rests")

PNG = b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgAAACAAAB4iG8MwAAAABJRU5ErkJggg==")
SECRET = "sign=topsecret"
SMALL = Limits(image_bytes=1000)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in FILE_SERVER_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(VARIABLE, "127.0.0.1, localhost")


def fetch(url: str, seconds: float = 5.0, limits: Limits = SMALL) -> bytes:
    return fetch_media(BRIDGE, [url], "tenant", limits, seconds)[url]


def test_ok() -> None:
    with RoutesServer({"/files/1": reply(200, PNG, Content_Type="image/png")}) as server:
        assert fetch(f"{server.url}/files/1?{SECRET}") == PNG
        assert server.asked[0].headers["user-agent"] == "dify-ollama"


def test_by_name() -> None:
    with RoutesServer({"/files/1": reply(200, PNG)}) as server:
        assert fetch(f"http://localhost:{server.port}/files/1") == PNG
        assert server.asked[0].headers["host"] == f"localhost:{server.port}"


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
    with RoutesServer({"/": redirect("/")}) as server, pytest.raises(RequestError, match="cannot be downloaded"):
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
    "private": "http://10.1.2.3/",
}


@pytest.mark.parametrize("target", FORBIDDEN.values(), ids=FORBIDDEN)
def test_neither_a_link_nor_a_redirect_leads_into_the_network(target: str) -> None:
    with RoutesServer({"/": redirect(target)}) as server:
        for url in (f"{server.url}/?{SECRET}", target):
            with pytest.raises(RequestError, match="leads into the network of Dify's plugin service") as caught:
                fetch(url)
            assert caught.value.code == "media_not_allowed"
            assert f"{VARIABLE} there, or set MULTIMODAL_SEND_FORMAT=base64" in str(caught.value)


@pytest.mark.parametrize("url", ["http://2852039166/", "http://0x7f.1/", "http://127.1/"])
def test_addresses_in_other_spellings_are_none(url: str) -> None:
    with pytest.raises(RequestError) as caught:
        fetch(url, seconds=2)
    assert caught.value.code in ("media_not_allowed", "media_unreachable")


STRANGE = {
    "file": ("file:///etc/passwd", "media_unreachable"),
    "data": ("data:image/png;base64,AAAA", "media_unreachable"),
    "broken": ("http://[::1/", "media_unreachable"),
    "no port": ("http://host:port/", "media_unreachable"),
    "no name": ("http://xn--\xfc\xff.\xff/", "media_unreachable"),
}


@pytest.mark.parametrize(("target", "code"), STRANGE.values(), ids=STRANGE)
def test_redirects_to_no_web_address(target: str, code: str) -> None:
    with RoutesServer({"/": redirect(target)}) as server, pytest.raises(RequestError) as caught:
        fetch(f"{server.url}/")
    assert caught.value.code == code


FAILING: dict[str, tuple[Speak, str]] = {
    "expired": (reply(403, b"expired"), "HTTP status 403"),
    "gone": (reply(404), "HTTP status 404"),
    "broken server": (reply(500), "HTTP status 500"),
    "nothing new": (reply(304), "HTTP status 304"),
    "redirect to nowhere": (reply(302), "without an address"),
    "silent": (silence, "TimeoutError"),
    "stalled": (trickle, "TimeoutError"),
    "cut": (cut, "ClientPayloadError"),
    "no HTTP": (lambda sock: sock.sendall(b"SSH-2.0-OpenSSH\r\n\r\n"), "ClientResponseError"),
    "closed": (lambda sock: None, "ServerDisconnectedError"),
}


def test_whatever_goes_wrong_is_one_sentence_and_the_reason_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """A closed port, a wrong status and a name that nobody knows: who sends links cannot tell them apart."""
    said: set[str] = set()
    for speak, _ in FAILING.values():
        with RoutesServer({"/files/1": speak}) as server, pytest.raises(RequestError, match="cannot be downloaded") as caught:
            fetch(f"http://user:topsecret@127.0.0.1:{server.port}/files/1?{SECRET}", seconds=0.2)
        assert (caught.value.code, caught.value.family) == ("media_unreachable", Family.BAD_REQUEST)
        assert "topsecret" not in f"{caught.value!r}{caught.value}{caught.value.__cause__}{caplog.text}"
        said.add(str(caught.value))
    for url in ("http://127.0.0.1:1/files/1", "http://127.0.0.1:9/"):
        with pytest.raises(RequestError) as caught:
            fetch(url)
        said.add(str(caught.value))
    assert len(said) == 1
    with naming({}), pytest.raises(RequestError) as caught:
        fetch("http://no-such-host.invalid/")
    assert str(caught.value).replace("no-such-host.invalid", "127.0.0.1") in said
    reasons = [reason for _, reason in FAILING.values()]
    assert [part in record.getMessage() for part, record in zip(reasons, caplog.records, strict=False)] == [True] * len(reasons)
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * (len(reasons) + 3)


@pytest.mark.parametrize("speak", [reply(200, b"x" * 1001), endless], ids=["and says so", "and says nothing"])
def test_a_file_that_is_too_large(speak: Speak) -> None:
    with RoutesServer({"/files/1": speak}) as server, pytest.raises(RequestError, match=r"larger than 0\.0 MiB") as caught:
        fetch(f"{server.url}/files/1?{SECRET}")
    assert caught.value.code == "media_too_large"


def test_a_page_is_bytes_like_any_other() -> None:
    """That a login page is no picture is said by who looks at the bytes (`test_turn.py`, page instead of a picture)."""
    with RoutesServer({"/files/1": reply(200, b"<html>login</html>", Content_Type="text/html")}) as server:
        assert fetch(f"{server.url}/files/1") == b"<html>login</html>"


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


def test_no_way_around_the_rules_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"files.example.com": ("93.184.216.34",), "inside.example.com": ("10.1.2.3",)}
    for target in ("http://169.254.169.254/latest/", "http://inside.example.com/"):
        with RoutesServer({"http://files.example.com/1": redirect(target)}) as proxy, naming(known):
            monkeypatch.setenv("http_proxy", proxy.url)
            with pytest.raises(RequestError) as caught:
                fetch("http://files.example.com/1")
            assert caught.value.code == "media_not_allowed"
            assert len(proxy.asked) == 1
            BRIDGE.close()


# --- names and what they lead to -----------------------------------------------------------------------------------------------


def test_a_name_that_leads_somewhere_else_the_second_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: the address is judged when the connection is made, whatever was said before."""
    with RoutesServer({"/files/1": reply(200, PNG)}) as server, naming({"rebinding.example": ("127.0.0.1",)}) as names:
        monkeypatch.setenv(VARIABLE, "127.0.0.1")
        url = f"http://rebinding.example:{server.port}/files/1"
        assert fetch(url) == PNG, "allowed by its address"
        monkeypatch.setenv(VARIABLE, "")
        with pytest.raises(RequestError) as caught:
            fetch(url)
        assert caught.value.code == "media_not_allowed"
        names.known["rebinding.example"] = ("169.254.169.254",)
        monkeypatch.setenv(VARIABLE, "*")
        BRIDGE.close()
        with pytest.raises(RequestError) as caught:
            fetch(url)
        assert caught.value.code == "media_not_allowed", "nobody can allow a metadata service"
        assert server.paths() == ["/files/1"]
    BRIDGE.close()


def test_of_several_addresses_those_that_are_allowed_are_tried() -> None:
    with RoutesServer({"/files/1": reply(200, PNG)}) as server, naming({"several.example": ("10.255.255.1", "127.0.0.1")}):
        assert fetch(f"http://several.example:{server.port}/files/1") == PNG
    BRIDGE.close()


def test_the_file_server_of_dify_is_reached_and_nothing_else_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "")
    with RoutesServer({"*": reply(200, PNG)}) as server, naming({"api": ("127.0.0.1",)}):
        monkeypatch.setenv("INTERNAL_FILES_URL", f"http://api:{server.port}")
        path = f"/files/0123/file-preview?{SECRET}"
        assert fetch(f"http://api:{server.port}{path}") == PNG
        others = ["/console/api/apps", "/files/../console/api/apps", "/files/%2e%2e/console/api/apps"]
        for url in (f"{server.url}{path}", *(f"http://api:{server.port}{other}" for other in others)):
            with pytest.raises(RequestError) as caught:
                fetch(url)
            assert caught.value.code == "media_not_allowed"
        assert len(server.asked) == 1
    BRIDGE.close()


# --- several links of one message ------------------------------------------------------------------------------------------------


class Meeting:
    """A server whose files wait for each other: `most` is how many were under way at a time."""

    def __init__(self, together: int) -> None:
        self.together, self.present, self.most = together, 0, 0
        self.all_here = gevent.event.Event()

    def __call__(self, sock: Any) -> None:
        self.present += 1
        self.most = max(self.most, self.present)
        if self.present == self.together:
            self.all_here.set()
        assert self.all_here.wait(5)
        self.present -= 1
        reply(200, PNG)(sock)


def test_links_of_one_message_are_downloaded_at_the_same_time() -> None:
    meeting = Meeting(downloads.AT_ONCE)
    with RoutesServer({"*": meeting}) as server:
        urls = [f"{server.url}/{number}" for number in range(3 * downloads.AT_ONCE)]
        assert fetch_media(BRIDGE, urls) == dict.fromkeys(urls, PNG)
    assert meeting.most == downloads.AT_ONCE


def test_a_request_that_is_ended_ends_its_downloads() -> None:
    began, left = gevent.event.Event(), gevent.event.Event()

    def until_the_client_leaves(sock: Any) -> None:
        began.set()
        silence(sock)
        left.set()

    with RoutesServer({"/1": until_the_client_leaves}) as server:
        request = gevent.spawn(fetch_media, BRIDGE, [f"{server.url}/1"])
        assert began.wait(5)
        request.kill()
        assert left.wait(5)


def test_the_first_that_fails_ends_the_others() -> None:
    left = gevent.event.Event()

    def until_the_client_leaves(sock: Any) -> None:
        silence(sock)
        left.set()

    with (
        RoutesServer({"/1": until_the_client_leaves, "/2": reply(404)}) as server,
        pytest.raises(RequestError, match="cannot be downloaded"),
    ):
        fetch_media(BRIDGE, [f"{server.url}/1", f"{server.url}/2"])
    assert left.wait(5)


def test_loop_is_not_blocked_by_a_slow_link() -> None:
    """Other requests go on while a file is on its way."""

    async def tick() -> str:
        await asyncio.sleep(0)
        return "alive"

    with RoutesServer({"/": silence}) as server:
        with pytest.raises(RequestError):
            fetch(f"{server.url}/", seconds=0.05)
        assert BRIDGE.run(tick) == "alive"
