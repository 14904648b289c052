"""The recorder's work is linear in the size of a body, bounded in time, and keeps no other exchange waiting."""

import json
import time
from pathlib import Path

import attrs
import pytest

from fixtures.recordings import load
from fixtures.replay import ThreadedReplayServer
from plugin_entry.cli.recording.scrubbing import Scrubber
from plugin_entry.cli.recording.secrets import Secrets
from tests.plugin_entry.cli.recording.test_command import record, recorder

BYTES = 80_000
SECONDS = 2.0
"""For 80 kB; one rule of the first recorder took 31 s."""
PATTERNS = {
    "letters": "a", "mail": "a@", "mail with dots": "a@a.", "digits": "1.", "colons": ":", "backslashes": "\\", "quotes": '"',
    "keys": "sk-", "names of keys": "password: ", "percent": "%25", "entities": "&amp;", "URLs": "https://", "homes": "/home/someone b ",
    "shares": "\\\\a\\",
    "private keys": "-----BEGIN PRIVATE KEY-----", "web tokens": "eyJaaaaaaaa.", "queries": "?a=", "data": "data:a,",
    "pictures": "iVBORw0KGgo", "wrapped": "A" * 60 + "\n", "sentences": "model 'a' not found, ", "words": "aA1",
}  # fmt: skip
BODIES = {name: json.dumps({"response": part * (BYTES // len(part)), "error": part}).encode() for name, part in PATTERNS.items()} | {
    "lists": b"[" * BYTES, "objects": b'{"a":' * (BYTES // 5), "line ends": b"\n" * BYTES, "events": b"data: {\n" * (BYTES // 8),
    "numbers": b"[" + b"1," * (BYTES // 2), "numbers apart": b"[" + b"1 " * (BYTES // 2), "lines": b'{"response":"a"}\n' * (BYTES // 17),
    "plain lines": b"model not found\n" * (BYTES // 16), "escapes": b'{"response":"' + b"\\u0041" * (BYTES // 6) + b'"}',
}  # fmt: skip


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("without_texts", [False, True])
def test_no_body_takes_long(name: str, without_texts: bool) -> None:
    scrubber = Scrubber(Secrets().and_these(f"secret-{number}" for number in range(30)), without_texts)
    started = time.process_time()
    scrubber.reply(BODIES[name], "/api/chat")
    assert time.process_time() - started < SECONDS


def test_other_exchanges_do_not_wait_for_the_recording_of_one(tmp_path: Path) -> None:
    plain = load("0.24.0", "chat-plain")
    large = attrs.evolve(plain, chunks=((1.0, json.dumps({"response": "a\\\\@" * 100_000}).encode()),))
    with ThreadedReplayServer([large, load("0.24.0", "tags")]) as server, recorder(server.url, tmp_path) as running:
        waits = []
        body = json.dumps(plain.request_body).encode()
        running.send("POST", "/api/chat", body, {"Content-Type": "application/json", "X-Replay": large.address})
        for _ in range(40):
            started = time.perf_counter()
            running.send("GET", "/api/tags")
            waits.append(time.perf_counter() - started)
        assert sorted(waits)[-2] < 0.3
        first = running.next_line()
    assert "/api/chat" in first, "the large one is written first, in the order in which the exchanges ended"


def test_recording_of_a_large_answer(tmp_path: Path) -> None:
    """A megabyte in pieces of a line is recorded within the time that a person waits."""
    plain = load("0.24.0", "chat-plain")
    line = plain.chunks[0][1]
    many = attrs.evolve(plain, chunks=tuple((float(number), line * 20) for number in range((1 << 20) // len(line) // 20)))
    with ThreadedReplayServer([many]) as server, recorder(server.url, tmp_path) as running:
        started = time.perf_counter()
        _, written, _ = record(running, many)
        assert time.perf_counter() - started < 15
    assert written.body == many.body
