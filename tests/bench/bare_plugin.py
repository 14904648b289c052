"""The least that can answer Dify over stdio: `python -m tests.bench.bare_plugin`.

Enters: request lines on the standard input. Leaves: a frame per reply line on the standard output, as large as the SDK's. One request at a
time, on one connection that stays open; no SDK, no aiohttp, no gevent, no rules. What this takes until the first chunk, and from a token to
its frame, is the bound for a plugin in Python that is a process of its own.
"""

import json
import os
import socket
import sys
from functools import cache

from tests.bench.bare import BODY_END, READ, request

HEARTBEAT = b'{"event":"heartbeat","session_id":null,"data":{}}\n\n'
END = b'{"event":"session","session_id":"%b","data":{"type":"end","data":{}}}\n\n'
FRAME = (
    b'{"event":"session","session_id":"%b","data":{"type":"stream","data":{"model":"m","prompt_messages":[],"system_fingerprint":null,'
    b'"delta":{"index":0,"message":{"role":"assistant","content":%b,"name":null,"tool_calls":[],"opaque_body":null},'
    b'"usage":null,"finish_reason":null}}}}\n\n'
)


@cache
def connected(port: int) -> socket.socket:
    """The one connection to a server."""
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def received(sock: socket.socket) -> bytes:
    """What has come; ends the process when nothing will come any more."""
    return sock.recv(READ) or sys.exit("the server closed the connection")


def answer(session: bytes, model: str, port: int) -> None:
    """One answer. This server sends whole lines, each in a chunk of its own: between the lines stands nothing but the framing."""
    sock = connected(port)
    sock.sendall(request(model, port))
    rest = b""
    while not rest.endswith(BODY_END):
        *rows, rest = (rest + received(sock)).split(b"}\n")
        if rows:
            os.write(1, b"".join(FRAME % (session, text_of(row)) for row in rows))
    os.write(1, END % session)


def text_of(row: bytes) -> bytes:
    """A line's text, spelled as JSON."""
    return json.dumps(json.loads(row[row.index(b'{"model"') :] + b"}")["message"]["content"]).encode()


def main() -> None:
    """Serves until its input ends."""
    os.write(1, HEARTBEAT)
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        answer(asked["session_id"].encode(), asked["data"]["model"], int(asked["data"]["credentials"]["base_url"].rsplit(":", 1)[1]))


if __name__ == "__main__":
    main()
