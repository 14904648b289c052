"""The recordings load without loss, and the replay server gives them back byte for byte over real HTTP."""

import asyncio
import fnmatch
import http.client
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.chunking import NAMES, Chunking, at_offsets, at_random, by_name, original, paced, single_bytes, whole
from fixtures.matching import Matcher, Received
from fixtures.recordings import (
    ROOT,
    Exchange,
    RecordingError,
    every,
    load,
    load_directory,
    parse,
    scenarios,
    version_order,
    versions,
)
from fixtures.replay import ReplayServer, SubprocessReplayServer, ThreadedReplayServer, main

# ---------------------------------------------------------------- the loader


def test_versions_are_the_folders_from_old_to_new() -> None:
    assert versions() == ("0.5.13", "0.9.6", "0.24.0", "0.33.0-rc2", "rerank")


@pytest.mark.parametrize("version", versions())
def test_every_file_loads_without_loss(version: str) -> None:
    files = sorted((ROOT / version).glob("*.json"))
    assert scenarios(version) == tuple(sorted(path.stem for path in files))
    for path in files:
        document, exchange = json.loads(path.read_bytes()), load(version, path.stem)
        if document["request"].get("body", ...) is None:
            del document["request"]["body"]  # some files say so where no body was sent
        assert _as_document(exchange) == document | {"scenario": path.stem}


def _as_document(exchange: Exchange) -> dict[str, Any]:
    raw_key = "raw" if exchange.version == "rerank" else "raw_body"
    raw = None if exchange.request_raw_body is None else exchange.request_raw_body.decode("utf-8", "surrogateescape")
    request = {
        "method": exchange.method,
        "path": exchange.path,
        "headers": exchange.request_headers or None,
        "body": exchange.request_body,
        raw_key: raw,
        "body_shortened": exchange.request_body_shortened,
    }
    response = {
        "status": exchange.status,
        "headers": exchange.headers,
        "chunks": [[ms, data.decode("utf-8", "surrogateescape")] for ms, data in exchange.chunks],
        "complete": exchange.complete,
    }
    optional = {"engine": exchange.engine, "note": exchange.note, "server_env": exchange.server_env or None}
    return {
        "server": exchange.server,
        "scenario": exchange.scenario,
        "request": {key: value for key, value in request.items() if value is not None},
        "response": response,
    } | {key: value for key, value in optional.items() if value is not None}


def test_every_selects_by_all_predicates_in_order() -> None:
    chosen = every(lambda each: each.path == "/api/show", lambda each: each.status == 200, lambda each: each.version == "0.5.13")
    assert [each.scenario for each in chosen] == ["show-chat", "show-embedder", "show-think", "show-think-tools", "show-tool-one"]
    assert len(every()) == sum(len(scenarios(version)) for version in versions())
    assert load("0.5.13", "show-chat") is chosen[0]


@pytest.mark.parametrize(
    ("address", "is_chunked", "is_stream", "lines"),
    [
        pytest.param("0.24.0/chat-plain", True, True, None, id="stream"),
        pytest.param("0.24.0/chat-plain-blocking", False, False, 1, id="blocking"),
        pytest.param("0.5.13/show-think", True, False, 1, id="long-blocking-reply-is-chunked"),
        pytest.param("0.33.0-rc2/cloud-stub-unauth", False, False, 1, id="refusal-labelled-ndjson"),
        pytest.param("0.24.0/error-foreign-host", False, False, 0, id="empty-403"),
        pytest.param("rerank/tei-normal", False, False, 1, id="rerank"),
    ],
)
def test_exchange_tells_its_form(address: str, is_chunked: bool, is_stream: bool, lines: int | None) -> None:
    exchange = _at(address)
    assert (exchange.is_chunked, exchange.is_stream) == (is_chunked, is_stream)
    assert len(exchange.lines) == (len(exchange.chunks) if lines is None else lines)
    assert b"".join(line + b"\n" for line in exchange.lines).strip() == exchange.body.strip()


def test_lines_are_cut_at_line_feeds_only() -> None:
    exchange = _made_up(chunks=[[0, '{"a":"\u2028\x85"}\r\n\n{"b"'], [1, ":1}"]])
    assert exchange.lines == ('{"a":"\u2028\x85"}\r'.encode(), b'{"b":1}')


def test_lone_surrogates_become_the_bytes_they_stand_for() -> None:
    assert _made_up(chunks=[[0, "\udcc3"], [1, "\udca9\udcff"]]).body == b"\xc3\xa9\xff"


GOOD: dict[str, Any] = {
    "server": "made-up",
    "scenario": "made-up-case",
    "request": {"method": "POST", "path": "/api/chat", "body": {"model": "m"}},
    "response": {"status": 200, "headers": {"Transfer-Encoding": "chunked"}, "chunks": [[0, "x"]], "complete": True},
}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        pytest.param([], "the recording must be a JSON object", id="no-object"),
        pytest.param({"server": "x"}, "the recording lacks request, response, scenario", id="missing"),
        pytest.param(GOOD | {"extra": 1}, "the recording has keys that nothing reads: extra", id="unknown"),
        pytest.param(GOOD | {"request": {"method": "GET"}}, "the request lacks path", id="missing-path"),
        pytest.param(GOOD | {"response": GOOD["response"] | {"chunks": [[1]]}}, "pairs of milliseconds and text", id="chunk"),
        pytest.param(GOOD | {"response": GOOD["response"] | {"status": "200"}}, "status", id="status-text"),
    ],
)
def test_file_of_another_form_is_refused_with_its_name(document: Any, message: str, tmp_path: Path) -> None:
    path = tmp_path / "case.json"
    path.write_text(json.dumps(document))
    with pytest.raises(RecordingError, match=message) as caught:
        load_directory(tmp_path)
    assert str(path) in str(caught.value)


def test_file_that_is_no_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "case.json").write_text("{")
    with pytest.raises(RecordingError, match=r"case\.json is not a recording"):
        load_directory(tmp_path)


def test_unknown_names_are_refused_with_similar_ones(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"'chat-plane' of 0\.24\.0\. Similar names: chat-plain"):
        load("0.24.0", "chat-plane")
    with pytest.raises(RecordingError, match=r"no recordings of '9\.9'\. Use one of: 0\.5\.13"):
        scenarios("9.9")
    with pytest.raises(RecordingError, match="holds no recordings"):
        load_directory(tmp_path)


def test_load_directory_names_versions_after_folders() -> None:
    assert load_directory(ROOT / "rerank") == every(lambda each: each.version == "rerank")
    assert load_directory(ROOT) == every()


def test_versions_sort_by_number_with_candidates_first() -> None:
    names = ["0.10.0", "0.9.6", "rerank", "0.33.0", "0.33.0-rc2", "0.33.0-rc1"]
    assert sorted(names, key=version_order) == ["0.9.6", "0.10.0", "0.33.0-rc1", "0.33.0-rc2", "0.33.0", "rerank"]


README = (ROOT / "README.md").read_text()


def test_readme_counts_the_files_of_each_version() -> None:
    counted = {name: int(count) for name, count in re.findall(r"^\| `([^`]+)` \| (\d+) \|", README, re.MULTILINE)}
    assert counted == {version: len(scenarios(version)) for version in versions()}


def test_readme_names_the_family_of_every_scenario() -> None:
    families = re.findall(r"`([a-z0-9*-]+)`", README.partition("## Names")[2].partition("## Playing")[0])
    assert [each.address for each in every() if not any(fnmatch.fnmatch(each.scenario, family) for family in families)] == []


def test_made_up_recordings_say_so() -> None:
    assert [each.address for each in every() if each.scenario.startswith("made-up-") and "made up" not in (each.note or "")] == []


# ---------------------------------------------------------------- cutting bodies

CHUNKINGS: Mapping[str, Chunking] = {
    "original": original,
    "whole": whole,
    "single-bytes": single_bytes,
    "random-1": at_random(1),
    "random-2": at_random(2),
    "offsets": at_offsets(7, 3, 3, 0, -1, 10**9),
    "paced": paced(5.0),
}


@pytest.mark.parametrize("chunking", CHUNKINGS.values(), ids=CHUNKINGS)
def test_pieces_add_up_to_the_body_in_order_of_time(chunking: Chunking) -> None:
    for exchange in every():
        pieces = list(chunking(exchange))
        assert b"".join(data for _, data in pieces) == exchange.body
        assert all(data for _, data in pieces)
        assert [ms for ms, _ in pieces] == sorted(ms for ms, _ in pieces)
        assert pieces == list(chunking(exchange))


def test_cuts_are_where_they_should_be() -> None:
    exchange = _made_up(chunks=[[1, "abc"], [2, "def"], [4, "g"]])
    assert list(original(exchange)) == [(1, b"abc"), (2, b"def"), (4, b"g")]
    assert list(whole(exchange)) == [(4, b"abcdefg")]
    assert list(single_bytes(exchange))[2:5] == [(1, b"c"), (2, b"d"), (2, b"e")]
    assert list(at_offsets(3, 5)(exchange)) == [(1, b"abc"), (2, b"de"), (4, b"fg")]
    assert list(paced(10)(exchange)) == [(10, b"abc"), (20, b"def"), (30, b"g")]


def test_random_cuts_depend_on_seed_and_exchange() -> None:
    exchange = load("0.24.0", "chat-unicode")
    assert list(at_random(1)(exchange)) != list(at_random(2)(exchange))
    inside = {len(line) for line in exchange.lines}
    assert any(len(data) not in inside for _, data in at_random(1)(exchange))


@given(chunks=st.lists(st.binary(min_size=1, max_size=9), max_size=6), offsets=st.lists(st.integers(-2, 60)))
def test_a_piece_is_due_when_its_last_byte_was_recorded(chunks: list[bytes], offsets: list[int]) -> None:
    exchange = attrs.evolve(_made_up(), chunks=tuple((float(ms), data) for ms, data in enumerate(chunks)))
    due = [ms for ms, data in exchange.chunks for _ in data]
    end = 0
    for ms, data in at_offsets(*offsets)(exchange):
        end += len(data)
        assert ms == due[end - 1]
    assert end == len(exchange.body)


@pytest.mark.parametrize(
    ("name", "expected"), [("original", original), ("single-bytes", single_bytes), ("random:7", at_random(7)), ("paced:2.5", paced(2.5))]
)
def test_chunkings_have_names(name: str, expected: Chunking) -> None:
    exchange = load("0.24.0", "tool-two")
    assert list(by_name(name)(exchange)) == list(expected(exchange))


@pytest.mark.parametrize("name", ["", "bytes", "random", "random:x", "paced:", "original:1"])
def test_unknown_chunking_is_refused_with_the_names(name: str) -> None:
    with pytest.raises(ValueError, match=re.escape(", ".join(NAMES))):
        by_name(name)


# ---------------------------------------------------------------- matching

ALL = Matcher(every())
HI = [{"role": "user", "content": "hi"}]
TOOL = {"type": "function", "function": {"name": "f"}}
KEY = {"Authorization": "Bearer secret"}
DOCUMENTS = load("rerank", "llamacpp-normal").request_body


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "address"),
    [
        pytest.param("GET", "/api/version", {}, None, "0.33.0-rc2/version", id="newest-version"),
        pytest.param("GET", "/replay/0.9.6/api/version", {}, None, "0.9.6/version", id="version-in-url"),
        pytest.param("GET", "/api/version", {"x-replay": "0.9.6"}, None, "0.9.6/version", id="version-in-header"),
        pytest.param("GET", "/api/version", {"Host": "evil.example.com"}, None, "0.33.0-rc2/error-foreign-host", id="by-request-header"),
        pytest.param("GET", "/api/tags", {}, None, "0.33.0-rc2/tags", id="usual-settings-first"),
        pytest.param("HEAD", "/", {}, None, "0.33.0-rc2/root-head", id="head"),
        pytest.param("POST", "/api/chat", {}, b"", "0.33.0-rc2/error-empty-body", id="empty-body"),
        pytest.param("POST", "/api/chat", {}, b'{"model": "chat", "messages": [}', "0.33.0-rc2/error-malformed-json", id="raw-body"),
        pytest.param("POST", "/nowhere", {}, {}, None, id="unknown-path"),
        pytest.param("POST", "/api/chat", {}, {"model": "no-such-model-at-all"}, None, id="unknown-model"),
        pytest.param(
            "POST",
            "/replay/0.24.0/api/chat",
            {},
            {"options": {"num_ctx": 1, "num_predict": 4000}, "messages": HI, "stream": True, "model": "endless:latest", "keep_alive": 9},
            "0.24.0/runner-killed-midway",
            id="closest-options",
        ),
        pytest.param(
            "POST",
            "/replay/0.24.0/api/chat",
            {},
            {"model": "think", "messages": HI, "think": True},
            "0.24.0/think-true",
            id="closest-think",
        ),
        pytest.param(
            "POST",
            "/replay/0.24.0/api/chat",
            {},
            {"model": "think", "messages": HI, "think": True, "stream": False},
            "0.24.0/think-true-blocking",
            id="stream-flag",
        ),
        pytest.param(
            "POST", "/replay/0.24.0/tool-two/api/chat", {}, {"model": "x", "stream": False}, "0.24.0/tool-two", id="scenario-in-url"
        ),
        pytest.param("POST", "/api/chat", {"X-Replay": "0.24.0/tool-two"}, {"model": "x"}, "0.24.0/tool-two", id="scenario-in-header"),
        pytest.param("POST", "/api/chat", {}, {"model": "scenario:0.24.0/tool-two"}, "0.24.0/tool-two", id="scenario-in-model"),
        pytest.param("POST", "/api/chat", {}, {"model": "scenario:0.24.0/nope"}, None, id="unknown-scenario"),
        pytest.param("POST", "/replay/7.7/api/chat", {}, {"model": "chat"}, None, id="unknown-version"),
        pytest.param("POST", "/replay/0.24.0/tool-two/api/embed", {}, {"model": "x"}, None, id="path-of-no-such-recording"),
        pytest.param("GET", "/replay/0.5.13/tool-two/api/version", {}, None, "0.5.13/version", id="version-beside-scenario"),
        pytest.param("POST", "/api/show", {}, {"model": "scenario:0.24.0/think-true"}, "0.24.0/show-think", id="show-of-the-model"),
        pytest.param("POST", "/api/show", {}, {"model": "scenario:0.24.0/tool-two"}, "0.24.0/show-tool-one", id="show-of-a-sibling"),
        pytest.param(
            "POST", "/api/show", {}, {"model": "scenario:0.5.13/tool-two"}, "0.5.13/show-tool-one", id="sibling-without-capabilities"
        ),
        pytest.param(
            "POST", "/api/show", {}, {"model": "scenario:0.33.0-rc2/embed-huge"}, "0.33.0-rc2/show-embedder", id="sibling-embedder"
        ),
        pytest.param("POST", "/replay/0.9.6/api/show", {}, {"name": "unicode"}, "0.9.6/show-chat", id="sibling-by-name-alone"),
        pytest.param("POST", "/api/show", {}, {"model": "no-such-model-at-all"}, None, id="show-unknown-model"),
        pytest.param("POST", "/v1/rerank", {}, DOCUMENTS, "rerank/llamacpp-normal", id="rerank"),
        pytest.param("POST", "/v1/rerank", KEY, DOCUMENTS, "rerank/llamacpp-authorized", id="rerank-with-key"),
        pytest.param("GET", "/replay/rerank/tei-normal/info", {}, None, "rerank/tei-info", id="same-rerank-service"),
        pytest.param(
            "POST", "/replay/rerank/tei-normal/rerank/", {}, {}, "rerank/tei-trailing-slash", id="other-path-of-same-rerank-service"
        ),
    ],
)
def test_request_finds_its_exchange(method: str, path: str, headers: dict[str, str], body: Any, address: str | None) -> None:
    found = _find(ALL, method, path, headers, body)
    assert (found and found.address) == address


@pytest.mark.parametrize("exchange", [pytest.param(each, id=each) for each in versions()])
def test_recorded_request_finds_an_equal_one(exchange: str) -> None:
    matcher = Matcher(each for each in every() if each.version == exchange)
    for each in every(lambda each: each.version == exchange, lambda each: each.request_body_shortened is None):
        body = each.request_raw_body if each.request_raw_body is not None else each.request_body
        found = _find(matcher, each.method, each.path, dict(each.request_headers), body)
        assert found is not None
        assert (found.method, found.path, found.request_body) == (each.method, each.path, each.request_body)


def test_every_exchange_is_reached_by_its_address() -> None:
    for each in every():
        assert _find(ALL, "POST", f"/replay/{each.address}{each.path}", {}, {"anything": 1}) is each


def test_vision_and_embedding_models_get_a_show_that_can_do_it() -> None:
    shows = {each.scenario: _find(ALL, "POST", f"/replay/{each.address}/api/show", {}, {}) for each in every(_is_chat_with_images)}
    assert {show.scenario for show in shows.values() if show} == {"show-native-vision"}


def _is_chat_with_images(each: Exchange) -> bool:
    return each.version == "0.33.0-rc2" and each.scenario.startswith("native-vision") and each.request_body is not None


def test_registered_path_answers_in_turn_whatever_is_asked() -> None:
    matcher, busy, fine = Matcher(every()), load("0.33.0-rc2", "error-queue-full"), load("0.24.0", "chat-plain")
    matcher.serve("/api/chat", busy, fine)
    answers = [_find(matcher, "POST", path, {}, {"model": "scenario:0.24.0/tool-two"}) for path in ["/api/chat"] * 3]
    assert answers == [busy, fine, fine]
    with pytest.raises(ValueError, match="at least one exchange"):
        matcher.serve("/api/chat")


def test_received_request_is_parsed_and_stripped_of_its_address() -> None:
    received = ALL.receive(method="POST", path="/replay/0.24.0/tool-two/api/chat", headers={}, raw_body=b'{"a":1}')
    assert (received.path, received.address, received.body) == ("/api/chat", "0.24.0/tool-two", {"a": 1})
    assert ALL.receive(method="POST", path="/x", headers={}, raw_body=b"{").body is None


# ---------------------------------------------------------------- over real HTTP

REPRESENTATIVE = {
    "stream": "0.24.0/tool-two",
    "stream-unicode": "0.33.0-rc2/chat-unicode",
    "stream-error-midway": "0.33.0-rc2/native-error-midway",
    "blocking": "0.24.0/chat-plain-blocking",
    "blocking-chunked": "0.5.13/show-think",
    "error": "0.24.0/error-arguments-string",
    "error-chunked": "0.24.0/error-too-long",
    "error-with-other-length": "0.33.0-rc2/cloud-stub-unauth",
    "incomplete": "0.24.0/server-killed-midway",
    "empty-403": "0.24.0/error-foreign-host",
    "redirect": "0.24.0/error-double-slash",
    "plain-text": "0.24.0/error-unknown-route",
    "html": "0.33.0-rc2/cloud-proxy-html",
    "head": "0.33.0-rc2/root-head",
    "embeddings": "0.24.0/embed-batch",
    "rerank": "rerank/tei-normal",
    "rerank-empty": "rerank/tei-unauthorized",
}
OF_THE_CONNECTION = {"connection", "transfer-encoding", "content-length"}


@pytest.mark.parametrize("chunking", [original, single_bytes, at_random(5)], ids=["original", "single-bytes", "random"])
def test_replay_is_exact(chunking: Chunking) -> None:
    with ThreadedReplayServer(every(), chunking) as server:
        for exchange in map(_at, REPRESENTATIVE.values()):
            _assert_exact(_ask(server.url_of(exchange.address), exchange.method, exchange.path), exchange, chunking)


def test_every_recording_is_replayed_exactly() -> None:
    with ThreadedReplayServer(every()) as server:
        for exchange in every():
            _assert_exact(_ask(server.url_of(exchange.address), exchange.method, exchange.path), exchange, original)
        assert server.unmatched == ()
        assert len(server.requests) == len(every())


def test_incomplete_length_delimited_reply_keeps_its_length() -> None:
    cut = attrs.evolve(load("0.24.0", "chat-plain-blocking"), chunks=((0.0, b'{"mod'),), complete=False)
    with ThreadedReplayServer([]) as server:
        server.serve("/api/chat", cut)
        reply = _ask(server.url, "POST", "/api/chat")
    assert reply.headers["content-length"] == cut.header("content-length")
    assert (reply.pieces, reply.ended) == ([b'{"mod'], False)


def test_unmatched_request_gets_the_routers_404_and_is_listed() -> None:
    with ThreadedReplayServer(every()) as server:
        reply = _ask(server.url, "POST", "/api/nowhere?x=1", b'{"model": "m"}')
        real = load("0.24.0", "error-unknown-route")
        assert (reply.status, b"".join(reply.pieces), reply.headers["content-type"]) == (404, real.body, real.header("content-type"))
        assert [(each.path, each.body) for each in server.unmatched] == [("/api/nowhere", {"model": "m"})]
        assert server.unmatched == server.requests


def test_connection_is_kept_for_the_next_request() -> None:
    with ThreadedReplayServer(every()) as server:
        connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=5)
        bodies = []
        for _ in range(2):
            connection.request("POST", "/api/chat", json.dumps({"model": "scenario:0.24.0/tool-two"}))
            used = connection.sock
            bodies.append(connection.getresponse().read())
            assert connection.sock is used
        connection.close()
    assert bodies == [load("0.24.0", "tool-two").body] * 2


def test_http_1_0_client_gets_the_body_until_the_connection_ends() -> None:
    with ThreadedReplayServer(every()) as server, _connect(server.url) as client:
        client.sendall(b"GET /replay/0.24.0/tool-two/api/chat HTTP/1.0\r\n\r\n")
        assert _read_all(client).partition(b"\r\n\r\n")[2] == load("0.24.0", "tool-two").body


def test_pieces_come_at_scaled_times() -> None:
    slow = _made_up(chunks=[[100, "a\n"], [200, "b\n"]])

    async def run() -> list[float]:
        async with ReplayServer([], time_scale=0.5) as server:
            server.serve("/api/chat", slow)
            reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(server.url).port)
            started = time.monotonic()
            writer.write(b"POST /api/chat HTTP/1.1\r\nHost: x\r\n\r\n")
            times = []
            for mark in (b"HTTP", b"a\n", b"b\n"):
                await reader.readuntil(mark)
                times.append(time.monotonic() - started)
            writer.close()
            await writer.wait_closed()
            return times

    head, first, second = asyncio.run(run())
    assert head >= 0.049
    assert first >= 0.049
    assert 0.099 <= second < 2
    assert second - first >= 0.025


# ---------------------------------------------------------------- clients that go away

ENDLESS = paced(20.0)


@pytest.mark.parametrize("mark", [pytest.param(b"", id="before-the-first-byte"), pytest.param(b"\n", id="in-the-middle")])
def test_client_that_goes_away_is_noticed(mark: bytes) -> None:
    exchange = load("0.24.0", "chat-endless-capped")

    async def run() -> None:
        async with ReplayServer([exchange], ENDLESS, time_scale=1.0) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(server.url).port)
            writer.write(f"POST /replay/{exchange.address}/api/chat HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            await server.wait_for_requests()
            if mark:
                await reader.readuntil(mark + b"\r\n")
            assert server.disconnects == ()
            writer.close()
            (disconnect,) = await server.wait_for_disconnects(timeout_s=2.0)
            await writer.wait_closed()
            assert (disconnect.address, disconnect.request.path) == (exchange.address, "/api/chat")
            assert bool(mark) <= disconnect.pieces < len(exchange.chunks)
            assert disconnect.bytes == sum(len(data) for _, data in exchange.chunks[: disconnect.pieces])

    asyncio.run(run())


def test_threaded_server_tells_about_disconnects() -> None:
    exchange = load("0.24.0", "chat-endless-capped")
    with ThreadedReplayServer([exchange], ENDLESS, time_scale=1.0) as server:
        with _connect(server.url) as client:
            client.sendall(f"POST /replay/{exchange.address}/api/chat HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert client.recv(1000)
            with pytest.raises(TimeoutError):
                server.wait_for_disconnects(timeout_s=0.01)
        assert len(server.wait_for_disconnects(timeout_s=2.0)) == 1
    assert len(server.disconnects) == 1


def test_answers_that_the_server_ends_are_no_disconnects() -> None:
    with ThreadedReplayServer(every()) as server:
        _ask(server.url_of("0.24.0/tool-two"), "POST", "/api/chat")
        _ask(server.url_of("0.24.0/server-killed-midway"), "POST", "/api/chat")
    assert server.disconnects == ()


def test_answers_cut_by_stopping_the_server_are_no_disconnects() -> None:
    exchange = load("0.24.0", "chat-endless-capped")
    server = ThreadedReplayServer([exchange], ENDLESS, time_scale=100.0)
    server.start()
    with _connect(server.url) as client:
        client.sendall(f"POST /replay/{exchange.address}/api/chat HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        server.wait_for_requests()
        server.stop()
        assert _read_all(client) == b""
    assert server.disconnects == ()


# ---------------------------------------------------------------- hosts


def test_url_needs_a_running_server() -> None:
    with pytest.raises(RuntimeError, match="not running"):
        _ = ReplayServer([]).url


def test_port_that_is_taken_is_an_error() -> None:
    async def run() -> None:
        async with ReplayServer([]) as first:
            port = urlsplit(first.url).port
            assert port
            with pytest.raises(OSError, match="address already in use"):
                await ReplayServer([], port=port).start()

    asyncio.run(run())


def test_process_answers_and_keeps_a_journal() -> None:
    with SubprocessReplayServer(ROOT / "0.24.0", chunking="random:3") as server:
        exchange = load("0.24.0", "tool-two")
        _assert_exact(_ask(server.url_of(exchange.address), "POST", "/api/chat", b'{"model":"m"}'), exchange, at_random(3))
        assert _ask(server.url, "GET", "/nowhere").status == 404
        journal = server.journal()
    assert [(each["path"], each["body"]) for each in journal["requests"]] == [("/api/chat", {"model": "m"}), ("/nowhere", None)]
    assert [each["path"] for each in journal["unmatched"]] == ["/nowhere"]
    assert journal["disconnects"] == []


def test_process_that_cannot_start_is_an_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError, match="exit code 1"), SubprocessReplayServer(tmp_path):
        pass
    assert "holds no recordings" in capfd.readouterr().err


def test_command_refuses_unknown_chunkings(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--chunking", "slices"])
    assert "random:SEED" in capsys.readouterr().err


# The client is the C socket type, which gevent does not replace: it stops the whole thread, and with it every greenlet.
IN_A_PATCHED_PROCESS = """
from gevent import monkey; monkey.patch_all(sys=True)
import _socket
from fixtures.recordings import every, load
from fixtures.replay import ThreadedReplayServer
with ThreadedReplayServer(every()) as server:
    client = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    client.settimeout(5)
    client.connect(("127.0.0.1", int(server.url.rpartition(":")[2])))
    client.send(b"GET /replay/0.24.0/tool-two/api/chat HTTP/1.0\\r\\n\\r\\n")
    got = b""
    while piece := client.recv(65536):
        got += piece
    client.close()
    assert got.endswith(load("0.24.0", "tool-two").body)
    assert len(server.wait_for_requests()) == 1
print("fine")
"""


def test_threaded_server_works_in_a_process_patched_by_gevent() -> None:
    done = subprocess.run(
        [sys.executable, "-c", IN_A_PATCHED_PROCESS], cwd=ROOT.parent, capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.stdout, done.returncode) == ("fine\n", 0), done.stderr


# ---------------------------------------------------------------- helpers


def _at(address: str) -> Exchange:
    return load(*address.split("/"))


def _made_up(**response: Any) -> Exchange:
    return parse(GOOD | {"response": GOOD["response"] | response}, version="made-up", scenario="made-up-case")


def _find(matcher: Matcher, method: str, path: str, headers: dict[str, str], body: Any) -> Exchange | None:
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    received: Received = matcher.receive(method=method, path=path, headers=headers, raw_body=raw)
    return matcher.find(received)


@attrs.frozen(slots=True, kw_only=True)
class Reply:
    """What a client saw: header names in lower case, body pieces as framed, and whether the framing was closed properly."""

    status: int
    headers: dict[str, str]
    pieces: list[bytes]
    ended: bool


def _assert_exact(reply: Reply, exchange: Exchange, chunking: Chunking) -> None:
    recorded = {name.lower(): value for name, value in exchange.headers.items() if name.lower() not in OF_THE_CONNECTION}
    assert reply.status == exchange.status, exchange
    assert {name: value for name, value in reply.headers.items() if name not in OF_THE_CONNECTION} == recorded, exchange
    assert reply.ended == exchange.complete, exchange
    assert reply.headers.get("transfer-encoding") == exchange.header("transfer-encoding"), exchange
    if exchange.is_chunked:
        assert reply.pieces == [data for _, data in chunking(exchange)], exchange
    else:
        assert b"".join(reply.pieces) == exchange.body, exchange


def _connect(url: str) -> socket.socket:
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname, parts.port), timeout=5)


def _ask(url: str, method: str, path: str, body: bytes = b"") -> Reply:
    with _connect(url) as client:
        head = f"{method} {urlsplit(url).path}{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        client.sendall(head.encode() + body)
        return _parse_reply(_read_all(client), method)


def _read_all(client: socket.socket) -> bytes:
    return b"".join(iter(lambda: client.recv(1 << 16), b""))


def _parse_reply(raw: bytes, method: str) -> Reply:
    head, _, body = raw.partition(b"\r\n\r\n")
    status, *fields = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
    if headers.get("transfer-encoding") == "chunked":
        pieces, ended = _dechunk(body)
    else:
        pieces, ended = [body] if body else [], method == "HEAD" or len(body) == int(headers["content-length"])
    return Reply(status=int(status.split()[1]), headers=headers, pieces=pieces, ended=ended)


def _dechunk(body: bytes) -> tuple[list[bytes], bool]:
    pieces: list[bytes] = []
    position = 0
    while position < len(body):
        line_end = body.index(b"\r\n", position)
        size = int(body[position:line_end], 16)
        if size == 0:
            return pieces, body[position:] == b"0\r\n\r\n"
        pieces.append(body[line_end + 2 : line_end + 2 + size])
        position = line_end + 2 + size + 2
    return pieces, False
