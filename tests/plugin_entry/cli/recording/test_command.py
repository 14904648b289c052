"""`dify-ollama record`: the client sees the server's reply unchanged, the file holds it in the form of the recordings, scrubbed."""

import base64
import http.client
import json
import socket
import struct
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import attrs
import pytest

from fixtures.chunking import Chunking, original, paced
from fixtures.matching import Matcher
from fixtures.recordings import Exchange, every, load, load_directory
from fixtures.replay import ThreadedReplayServer
from plugin_entry.cli import main
from plugin_entry.cli.recording.command import UNDER_WAY
from tests.plugin_entry.cli.processes import Command
from tests.stdio.networked_plugin import free_port
from tests.translator.stream_player import GENERATING, play

KEY = "sk-0123456789abcdef"


@attrs.define
class Recorder:
    """The command, running; `directory` is where it writes."""

    process: Command
    url: str
    directory: Path

    def send(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> "Got":
        with closing(http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=60)) as connection:
            connection.request(method, path, body, headers or {})
            with closing(connection.getresponse()) as response:
                return Got(response.status, dict(response.getheaders()), response.read())

    def posted(self, path: str, body: bytes, *headers: str) -> socket.socket:
        """A connection on which a request was begun, to be left early. A length is among the headers, or that of the body."""
        parts = urlsplit(self.url)
        client = socket.create_connection((parts.hostname or "", parts.port or 0))
        lines = (f"POST {path} HTTP/1.1", "Host: x", *(headers or (f"Content-Length: {len(body)}",)))
        client.sendall("".join(f"{line}\r\n" for line in lines).encode() + b"\r\n" + body)
        return client

    def next_line(self) -> str:
        """The command says one line per exchange, when it is written; on a busy machine one before it, that it is under way."""
        return next(line.rstrip("\n") for line in iter(self.process.stdout.readline, None) if not line.endswith(f"{UNDER_WAY}\n"))

    def rest(self) -> str:
        """What it still says, errors included, when it is ended."""
        self.process.interrupt()
        said = self.process.stdout.read()
        assert self.process.wait() == 0
        return "".join(line for line in said.splitlines() if "Look through what is written" not in line and not line.endswith(UNDER_WAY))

    def only(self) -> Exchange:
        (exchange,) = load_directory(self.directory)
        return exchange


@attrs.frozen
class Got:
    status: int
    headers: dict[str, str]
    body: bytes


@contextmanager
def recorder(url: str, directory: Path, *options: str) -> Iterator[Recorder]:
    with closing(Command("record", url, "--port", "0", "-o", str(directory), *options)) as process:
        first = process.stdout.readline().strip()
        assert first.startswith("http://127.0.0.1:"), first + process.stdout.read()
        running = Recorder(process, first, directory)
        assert "Ctrl-C" in running.next_line()
        yield running


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadedReplayServer]:
    with ThreadedReplayServer(every(lambda exchange: exchange.version == "0.24.0")) as running:
        yield running


@pytest.fixture(scope="module")
def shared(server: ThreadedReplayServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    """One command for many exchanges; a test takes the newest file."""
    with recorder(server.url, tmp_path_factory.mktemp("shared")) as running:
        yield running


def record(recorder: Recorder, exchange: Exchange, headers: dict[str, str] | None = None) -> tuple[Got, Exchange, str]:
    """Sends the recorded request through the command; gives what the client got and what was written."""
    got, line = asked(recorder, exchange, headers)
    return got, load_directory(recorder.directory)[-1], line


def asked(recorder: Recorder, exchange: Exchange, headers: dict[str, str] | None = None) -> tuple[Got, str]:
    """What the client got, and the line that tells it."""
    body = b"" if exchange.request_body is None else json.dumps(exchange.request_body).encode()
    sent = {"Content-Type": "application/json", "X-Replay": exchange.address, **(headers or {})}
    return recorder.send(exchange.method, exchange.path, body, sent), recorder.next_line()


ADDRESSES = ("chat-plain", "tool-two", "think-true", "generate-plain", "embed-two", "tags", "error-arguments-string", "chat-plain-blocking")


@pytest.mark.parametrize("scenario", [name for name in ADDRESSES if name in {each.scenario for each in every()}])
def test_client_and_file_get_what_the_server_said(shared: Recorder, scenario: str) -> None:
    exchange = load("0.24.0", scenario)
    got, written, line = record(shared, exchange)
    assert (got.status, got.body) == (exchange.status, exchange.body)
    assert (written.status, written.body, written.complete) == (exchange.status, exchange.body, True)
    assert [data for _, data in written.chunks] == [data for _, data in exchange.chunks if data]
    assert (written.method, written.path, written.request_body) == (exchange.method, exchange.path, exchange.request_body)
    assert (written.server, written.version, written.content_type) == ("0.24.0", "0.24.0", exchange.content_type)
    assert written.scenario in line
    assert f"{exchange.method} {exchange.path}  {exchange.status}" in line


def test_written_exchange_can_be_replayed_and_traced(shared: Recorder, capsys: pytest.CaptureFixture[str]) -> None:
    exchange = load("0.24.0", "tool-two")
    _, written, _ = record(shared, exchange)
    matcher = Matcher([written])
    received = matcher.receive(method="POST", path="/api/chat", headers={}, raw_body=json.dumps(exchange.request_body).encode())
    assert matcher.find(received) == written
    assert main(["trace", str(shared.directory / written.version / f"{written.scenario}.json")]) == 0
    assert "get_weather" in capsys.readouterr().out


PLAYED = every(lambda exchange: exchange.version == "0.24.0", lambda exchange: exchange.path in GENERATING and exchange.complete)


def test_replayed_recording_gives_the_same_answer(server: ThreadedReplayServer, tmp_path: Path) -> None:
    """Recorded from the replay server, replayed from what was written: all deltas are those of the first server."""
    with recorder(server.url, tmp_path) as running:
        for exchange in PLAYED:
            asked(running, exchange)
    written = load_directory(tmp_path)
    assert len(written) == len(PLAYED)
    with ThreadedReplayServer(written) as second:
        for exchange, copy in zip(PLAYED, written, strict=True):
            body = b"" if copy.request_body is None else json.dumps(copy.request_body).encode()
            request = urllib.request.Request(second.url_of(copy.address) + copy.path, body, {"Content-Type": "application/json"})
            assert repr(play([answered(request)])) == repr(play([exchange.body])), exchange.address


def answered(request: urllib.request.Request) -> bytes:
    """The body of a reply, whatever its status."""
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            body: bytes = response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.read()
    except http.client.IncompleteRead as cut:
        return cut.partial
    return body


def test_key_leaves_no_trace(shared: Recorder) -> None:
    secret = {"Authorization": f"Bearer {KEY}", "X-Api-Key": "another-key-1"}
    body = {**load("0.24.0", "chat-plain").request_body, "prompt": f"my key is {KEY}"}
    exchange = attrs.evolve(load("0.24.0", "chat-plain"), request_body=body)
    _, written, line = record(shared, exchange, secret)
    files = "".join(path.read_text() for path in shared.directory.rglob("*.json"))
    assert KEY not in files + line
    assert "another-key-1" not in files
    assert written.request_headers == {"Authorization": "Bearer scrubbed", "X-Api-Key": "scrubbed", "X-Replay": "scrubbed"}
    assert written.request_body["prompt"] == f"my key is {'x' * len(KEY)}"


def test_key_across_two_pieces_is_found(tmp_path: Path) -> None:
    plain = load("0.24.0", "chat-plain")
    halves = ((1.0, f'{{"error":"bad key {KEY[:9]}'.encode()), (2.0, f'{KEY[9:]}"}}\n'.encode()))
    with ThreadedReplayServer([attrs.evolve(plain, chunks=halves)]) as server, recorder(server.url, tmp_path) as running:
        got, written, _ = record(running, plain, {"Authorization": f"Bearer {KEY}"})
    assert KEY.encode() in got.body, "the client gets it as it was"
    assert KEY.encode() not in written.body
    assert [len(data) for _, data in written.chunks] == [len(data) for _, data in halves]


def test_times_are_those_of_the_server(tmp_path: Path) -> None:
    exchange = load("0.24.0", "think-true")
    with ThreadedReplayServer([exchange], paced(30), 1) as server, recorder(server.url, tmp_path) as running:
        _, written, _ = record(running, exchange)
    times = [ms for ms, _ in written.chunks]
    assert times == sorted(times)
    assert all(25 < ms / number < 100 for number, ms in enumerate(times, start=1))


def test_without_texts(server: ThreadedReplayServer, tmp_path: Path) -> None:
    exchange = load("0.24.0", "chat-plain")
    with recorder(server.url, tmp_path, "--without-texts") as running:
        got, written, _ = record(running, exchange)
    assert got.body == exchange.body
    assert len(written.body) == len(exchange.body)
    assert b"sky" not in written.body
    assert "sky" not in json.dumps(written.request_body)
    assert "texts replaced" in (written.note or "")
    assert json.loads(written.lines[-1])["done_reason"] == "stop"


def test_server_that_breaks_off(tmp_path: Path) -> None:
    whole = load("0.24.0", "chat-plain")
    broken = attrs.evolve(whole, complete=False, chunks=whole.chunks[:3])
    with ThreadedReplayServer([broken]) as server, recorder(server.url, tmp_path) as running:
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            record(running, broken)
        line = running.next_line()
        written = running.only()
    assert "broke off" in line
    assert (written.complete, written.body) == (False, broken.body)


def test_client_that_leaves(tmp_path: Path) -> None:
    exchange = load("0.24.0", "chat-plain")
    with ThreadedReplayServer([exchange], chat_paced(100), 1) as server, recorder(server.url, tmp_path) as running:
        with running.posted("/api/chat", json.dumps(exchange.request_body).encode()) as client:
            received = b""
            while b'"message"' not in received:
                received += client.recv(65536)
        assert "the client left" in running.next_line()
        server.wait_for_disconnects()
        written = running.only()
        assert running.rest() == ""
    assert not written.complete
    assert written.note == "recorded by dify-ollama record, scrubbed; the client left"
    assert 0 < len(written.chunks) < len(exchange.chunks)


def chat_paced(ms: float) -> Chunking:
    """The recorder's own question for the version is answered at once."""
    return lambda exchange: paced(ms)(exchange) if exchange.path == "/api/chat" else original(exchange)


def test_exchange_that_takes_long_is_told(tmp_path: Path) -> None:
    exchange = load("0.24.0", "chat-plain")
    with ThreadedReplayServer([exchange], chat_paced(60_000), 1) as server, recorder(server.url, tmp_path) as running:
        with running.posted("/api/chat?key=hush", json.dumps(exchange.request_body).encode()):
            assert running.process.stdout.readline() == f"/api/chat  {UNDER_WAY}\n"
        assert "the client left" in running.next_line()


def test_client_that_leaves_before_its_request_is_whole(server: ThreadedReplayServer, tmp_path: Path) -> None:
    with recorder(server.url, tmp_path) as running:
        with running.posted("/api/chat", b"", "Content-Length: 99", "Expect: 100-continue") as client:
            assert b"100 Continue" in client.recv(65536)
            client.sendall(b"{")
        assert "the client left" in running.next_line()
        assert running.rest() == ""
    assert list(tmp_path.iterdir()) == []


def test_client_that_is_gone_when_much_arrives(tmp_path: Path) -> None:
    """What cannot be written any more is the client's doing, not the server's."""
    whole = load("0.24.0", "chat-plain")
    much = attrs.evolve(whole, chunks=tuple((float(number), whole.chunks[0][1] * 2000) for number in range(40)))
    with ThreadedReplayServer([much], paced(2), 1) as server, recorder(server.url, tmp_path) as running:
        with running.posted("/api/chat", json.dumps(whole.request_body).encode()) as client:
            client.recv(65536)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        line = running.next_line()
        assert "the client left" in line
        assert "broke off" not in line
        assert running.rest() == ""


def test_user_and_password_of_the_url_log_in(tmp_path: Path) -> None:
    exchange = load("0.24.0", "chat-plain")
    said = attrs.evolve(exchange, chunks=((1.0, b'{"error":"not s3cretw0rd of b0bby, not czNjcmV0dzByZA=="}\n'),))
    with ThreadedReplayServer([said]) as server:
        with recorder(server.url.replace("://", "://b0bby:s3cretw0rd@"), tmp_path) as running:
            got, written, _ = record(running, exchange)
            record(running, exchange, {"Authorization": "Bearer own"})
        logins = [request.headers.get("Authorization") for request in server.requests if request.path == "/api/chat"]
    assert logins == ["Basic " + base64.b64encode(b"b0bby:s3cretw0rd").decode(), "Bearer own"]
    assert b"s3cretw0rd" in got.body
    assert written.body == b'{"error":"not xxxxxxxxxx of xxxxx, not xxxxxxxxxxxxxxxx"}\n'.replace(b"xxxxxxxxxxxxxxxx", b"x" * 13 + b"A==")
    assert written.request_headers == {"X-Replay": "scrubbed"}


def test_key_in_the_path_is_in_no_file_name(server: ThreadedReplayServer, tmp_path: Path) -> None:
    with recorder(server.url, tmp_path) as running:
        running.send("GET", f"/{KEY}/api/tags?token={KEY}")
        line = running.next_line()
        written = running.only()
    assert written.path == f"/{'x' * len(KEY)}/api/tags"
    assert KEY not in line + written.scenario + "".join(str(path) for path in tmp_path.rglob("*"))


def test_version_that_is_none_names_no_folder(tmp_path: Path) -> None:
    odd = attrs.evolve(load("0.24.0", "version"), chunks=((1.0, json.dumps({"version": KEY}).encode()),))
    with ThreadedReplayServer([odd, load("0.24.0", "tags")]) as server, recorder(server.url, tmp_path) as running:
        running.send("GET", "/api/tags")
        running.next_line()
    assert [path.name for path in tmp_path.iterdir()] == ["unknown"]


def test_compressed_reply_is_not_recorded(tmp_path: Path) -> None:
    plain = load("0.24.0", "tags")
    packed = attrs.evolve(plain, headers={**plain.headers, "Content-Encoding": "gzip"})
    with ThreadedReplayServer([packed]) as server, recorder(server.url, tmp_path) as running:
        assert running.send("GET", "/api/tags").body == plain.body
        assert "compressed" in running.next_line()
        assert list(tmp_path.iterdir()) == []


def test_large_request_is_described(shared: Recorder) -> None:
    exchange = attrs.evolve(load("0.24.0", "chat-plain"), request_body={"model": "chat", "messages": [], "note": "a b " * 400_000})
    _, written, _ = record(shared, exchange)
    assert written.request_body is None
    assert written.request_body_shortened["fields"] == ["messages", "model", "note"]


def test_body_that_is_no_json(shared: Recorder) -> None:
    got = shared.send("POST", "/api/chat", b"not json from 10.0.0.7")
    shared.next_line()
    written = load_directory(shared.directory)[-1]
    assert (got.status, written.request_raw_body) == (404, b"not json from xxxxxxxx")


def test_query_is_passed_on_and_not_kept(shared: Recorder, server: ThreadedReplayServer) -> None:
    assert shared.send("GET", "/api/tags?key=0123456789").status == 200
    assert "0123456789" not in shared.next_line()
    assert load_directory(shared.directory)[-1].path == "/api/tags"


def test_server_that_is_away(tmp_path: Path) -> None:
    with recorder(f"http://127.0.0.1:{free_port()}", tmp_path) as running:
        got = running.send("GET", "/api/tags")
        assert "could not be reached" in running.next_line()
    assert (got.status, list(tmp_path.iterdir())) == (502, [])
    assert "dify-ollama record" in json.loads(got.body)["error"]


def test_interrupt_ends_it_well(server: ThreadedReplayServer, tmp_path: Path) -> None:
    with recorder(server.url, tmp_path) as running:
        running.send("GET", "/api/tags")
        running.next_line()
        running.process.interrupt()
        assert running.next_line() == f"1 exchange in {tmp_path}. Look through what is written before you hand it on."
        assert running.process.wait() == 0


REFUSED: dict[str, tuple[tuple[str, ...], str]] = {
    "URL": (("ftp://x",), "argument URL: "),
    "address to listen on": (
        ("http://127.0.0.1:1", "--host", "203.0.113.1", "--port", "0"),
        "argument --port: ",
    ),
}


@pytest.mark.parametrize(("arguments", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_used(arguments: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["record", *arguments, "-o", str(tmp_path)]) == 2
    assert sentence in capsys.readouterr().err
