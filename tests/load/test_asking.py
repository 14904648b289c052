"""What it costs to ask whether the callers of a thousand streams are still there."""

import os
import time
from typing import Any

import orjson

from plugin_entry.dify.callers import Callers
from plugin_entry.dify.output import FrameOutput
from plugin_entry.dify.requests import LineReader

STREAMS, LOOKS_PER_S, SECONDS = 1000, 4, 20
MOST_OF_A_CORE = 0.01
TRIES = 3


class Told(FrameOutput):
    """Keeps the lines; the daemon has read all of them."""

    def __init__(self) -> None:
        super().__init__(os.open(os.devnull, os.O_WRONLY))
        self.lines: list[bytes] = []

    def write(self, data: bytes, owner: object = None) -> None:
        del owner
        self.lines += data.splitlines()

    def all_read(self) -> bool:
        return True


def answers_to(line: bytes) -> tuple[bytes, bytes]:
    """As Dify's daemon answers a question about a session that is read: an error and an end."""
    question: Any = orjson.loads(line)
    same = {"session_id": question["session_id"], "event": "backwards_response"}
    number = question["data"]["data"]["backwards_request_id"]
    error = {"backwards_request_id": number, "event": "error", "message": "you can not invoke dify from model", "data": None}
    end = {"backwards_request_id": number, "event": "end", "message": "", "data": None}
    return orjson.dumps({**same, "data": error}), orjson.dumps({**same, "data": end})


def share_of_a_core() -> tuple[float, int]:
    """CPU seconds per second for looking, asking and reading answers, and how many questions were answered."""
    now, spent, answered = 0.0, 0.0, 0
    output, reader = Told(), LineReader()
    callers = Callers(output, clock=lambda: now)
    reader.on_answer = callers.answered
    for number in range(STREAMS):
        callers.begin(f"{number:08d}-aaaa-bbbb-cccc-0123456789ab", lambda: None)
    for look in range(1, LOOKS_PER_S * SECONDS + 1):
        now = look / LOOKS_PER_S
        begun = time.process_time()
        callers.look()
        spent += time.process_time() - begun
        lines = [answer for line in output.lines if line for answer in answers_to(line)]
        output.lines.clear()
        begun = time.process_time()
        for line in lines:
            reader._request(bytearray(line))
        spent += time.process_time() - begun
        answered += len(lines) // 2
    callers.close()
    return spent / SECONDS, answered


def test_asking_about_a_thousand_streams_takes_less_than_a_hundredth_of_a_core() -> None:
    found = [share_of_a_core() for _ in range(TRIES)]
    assert min(answered for _, answered in found) >= STREAMS * (SECONDS - 4) / 2
    assert min(share for share, _ in found) < MOST_OF_A_CORE
