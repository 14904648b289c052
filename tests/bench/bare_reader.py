"""The least that can read many answers at once: `python -m tests.bench.bare_reader PORT MODEL STREAMS`.

Enters: a server, and how many answers. Leaves: a line of JSON with what they took, in seconds, and the bytes of each. One process, raw
sockets, epoll; no framing, no JSON, no frames: it only looks for the end of each body. Connections are opened as the plugin opens them, a
portion at a time. What this takes longer than the answers themselves is the server's share and the machine's, and no plugin can be faster
beside the same server. It reads from any server whose answers are chunked, a benchmark's or a real one.
"""

import json
import select
import socket
import sys
import time

from tests.bench.bare import BODY_END, HEAD_END, READ, request

AT_ONCE = 48
LONGEST_TURN_S = 0.1
"""As in `plugin_entry.transport`; a test compares them."""


class Answer:
    """One answer on its way; times in seconds of the monotonic clock."""

    def __init__(self, port: int) -> None:
        self.sock = socket.socket()
        self.sock.setblocking(False)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.connect_ex(("127.0.0.1", port))
        self.began = time.monotonic()
        self.first = 0.0
        self.size = 0
        self.tail = b""

    def waits(self, since: float) -> bool:
        """Whether it began after `since` and has brought nothing yet."""
        return not self.size and self.began > since

    def take(self, data: bytes) -> bool:
        """True at the end of the body."""
        if not data:
            raise SystemExit("the server closed a connection in the middle of an answer")
        if not self.first and (self.size or not data.endswith(HEAD_END)):
            self.first = time.monotonic()  # what comes alone and before that is the head
        self.size += len(data)
        self.tail = (self.tail + data[-len(BODY_END) :])[-len(BODY_END) :]
        return self.tail == BODY_END


class Reader:
    """So many answers of one kind, all of them wanted at once."""

    def __init__(self, port: int, model: str, streams: int) -> None:
        self._port, self._request, self._left = port, request(model, port), streams
        self._epoll = select.epoll()
        self._answers: dict[int, Answer] = {}
        self._turns: list[int] = []
        """Connections that may still wait for their first byte."""
        self.ended: list[Answer] = []

    def run(self) -> None:
        """To the end of the last one."""
        self._open()
        while self._answers:
            for fd, event in self._epoll.poll(LONGEST_TURN_S if self._left else None):
                if event == select.EPOLLOUT:
                    self._answers[fd].sock.send(self._request)
                    self._epoll.modify(fd, select.EPOLLIN)
                else:
                    self._read(fd, self._answers[fd])
            self._open()

    def _read(self, fd: int, answer: Answer) -> None:
        if answer.take(answer.sock.recv(READ)):
            self._epoll.unregister(fd)
            answer.sock.close()
            self.ended.append(self._answers.pop(fd))

    def _open(self) -> None:
        """As many more as there are turns: one is over with the first byte, or after a while."""
        if not self._left:
            return
        limit = time.monotonic() - LONGEST_TURN_S
        self._turns = [fd for fd in self._turns if fd in self._answers and self._answers[fd].waits(limit)]
        while self._left and len(self._turns) < AT_ONCE:
            self._left -= 1
            answer = Answer(self._port)
            self._answers[answer.sock.fileno()] = answer
            self._turns.append(answer.sock.fileno())
            self._epoll.register(answer.sock, select.EPOLLOUT)


def main() -> None:
    """Reads, and says what it took."""
    port, model, streams = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    reader = Reader(port, model, streams)
    began, cpu = time.monotonic(), time.process_time()
    reader.run()
    found = {
        "wall_s": time.monotonic() - began,
        "cpu_s": time.process_time() - cpu,
        "worst_first_s": max(answer.first for answer in reader.ended) - began,
        "sizes": sorted({answer.size for answer in reader.ended}),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
