"""The least that can hold many answers at once: raw sockets and epoll, in one thread.

Enters: requests. Leaves: the bytes of answers, unread. Connections are opened as the plugin opens them, a portion at a time, and are used
again; of a body only the end is looked for.
"""

import select
import socket
import time
from collections import deque
from collections.abc import Callable

from tests.bench.bare import BODY_END, HEAD_END, READ, request

AT_ONCE = 48
LONGEST_TURN_S = 0.1
"""As in `plugin_entry.network.connections`; a test compares them."""


class Answer:
    """One answer on its way; times in seconds of the monotonic clock."""

    def __init__(self, name: str, model: str, port: int) -> None:
        self.name, self.port, self.request = name, port, request(model, port)
        self.began = self.first = 0.0
        self.size = 0
        self.tail = self.rest = b""

    def waits(self, since: float) -> bool:
        """Whether it began after `since` and has brought nothing yet."""
        return not self.size and self.began > since

    def take(self, data: bytes) -> bool:
        """True at the end of the body."""
        if not data:
            raise SystemExit("the server closed a connection in the middle of an answer")
        if not self.first and (self.size or data.index(HEAD_END) + len(HEAD_END) < len(data)):
            self.first = time.monotonic()  # what comes alone and before that is the head
        self.size += len(data)
        self.tail = (self.tail + data[-len(BODY_END) :])[-len(BODY_END) :]
        return self.tail == BODY_END


type OnData = Callable[[Answer, bytes], object]
type OnEnd = Callable[[Answer], object]


class Client:
    """All connections of the process. `on_data` gets what came, `on_end` an answer whose last byte came."""

    def __init__(self, on_data: OnData, on_end: OnEnd) -> None:
        self.epoll = select.epoll()
        self._on_data, self._on_end = on_data, on_end
        self._wanted: deque[Answer] = deque()
        self._open: dict[int, tuple[socket.socket, Answer]] = {}
        self._turns: list[Answer] = []
        """Whose connections may still wait for their first byte."""
        self._idle: dict[int, list[socket.socket]] = {}

    @property
    def is_busy(self) -> bool:
        """Whether an answer is wanted or on its way."""
        return bool(self._wanted or self._open)

    def want(self, answer: Answer) -> None:
        """Sends a request as soon as there is a connection for it."""
        idle = self._idle.get(answer.port)
        if not idle:
            self._wanted.append(answer)
            return
        sock = idle.pop()
        sock.send(answer.request)
        self._listen(sock, answer, select.EPOLLIN)

    def step(self) -> list[int]:
        """Waits for something to happen and deals with it; gives the descriptors that are not this client's."""
        self._connect()
        others = []
        for fd, event in self.epoll.poll(LONGEST_TURN_S if self._wanted else None):
            if fd not in self._open:
                others.append(fd)
            elif event == select.EPOLLOUT:
                sock, answer = self._open[fd]
                sock.send(answer.request)
                self.epoll.modify(fd, select.EPOLLIN)
            else:
                self._read(fd)
        return others

    def _read(self, fd: int) -> None:
        sock, answer = self._open[fd]
        data = sock.recv(READ)
        is_over = answer.take(data)
        self._on_data(answer, data)
        if is_over:
            self.epoll.unregister(fd)
            del self._open[fd]
            self._idle.setdefault(answer.port, []).append(sock)
            self._on_end(answer)

    def _connect(self) -> None:
        """As many more as there are turns: one is over with the first byte, or after a while."""
        if not self._wanted:
            return
        limit = time.monotonic() - LONGEST_TURN_S
        self._turns = [answer for answer in self._turns if answer.waits(limit)]
        while self._wanted and len(self._turns) < AT_ONCE:
            answer = self._wanted.popleft()
            sock = socket.socket()
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.connect_ex(("127.0.0.1", answer.port))
            self._turns.append(answer)
            self._listen(sock, answer, select.EPOLLOUT)

    def _listen(self, sock: socket.socket, answer: Answer, event: int) -> None:
        answer.began = time.monotonic()
        self._open[sock.fileno()] = sock, answer
        self.epoll.register(sock, event)
