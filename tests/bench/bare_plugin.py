"""The bound for answering: `python -m tests.bench.bare_plugin`.

Enters: request lines on the standard input. Leaves: a frame per reply line on the standard output, as large as the SDK's. No SDK, no
aiohttp, no gevent, no rules, nothing checked. What this takes until the first chunk, and from a token to its frame, is the bound for a
plugin in Python: the same host, the same pipes, the same server, and in between as little as there can be.
"""

import json
import os
import select

from tests.bench.bare import READ
from tests.bench.bare_client import Answer, Client

GREETING = b'{"name":"bare"}\n\n{"event":"heartbeat","session_id":null,"data":{}}\n\n'
"""A manifest and a heartbeat."""
END = b'{"event":"session","session_id":"%b","data":{"type":"end","data":{}}}\n\n'
FRAME = (
    b'{"event":"session","session_id":"%b","data":{"type":"stream","data":{"model":"m","prompt_messages":[],"system_fingerprint":null,'
    b'"delta":{"index":0,"message":{"role":"assistant","content":%b,"name":null,"tool_calls":[],"opaque_body":null},'
    b'"usage":null,"finish_reason":null}}}}\n\n'
)
INPUT, OUTPUT = 0, 1
INVOKE = "invoke_llm"


class Plugin:
    """Frames of one turn of the loop leave together."""

    def __init__(self) -> None:
        self._client = Client(self._say, self._end)
        self._client.epoll.register(INPUT, select.EPOLLIN)
        self._frames = [GREETING]
        self._line = b""

    def run(self) -> None:
        """Until the input ends."""
        while True:
            if self._frames:
                os.write(OUTPUT, b"".join(self._frames))
                self._frames.clear()
            if INPUT in self._client.step():
                data = os.read(INPUT, READ)
                if not data:
                    return
                *lines, self._line = (self._line + data).split(b"\n")
                for line in lines:
                    self._ask(json.loads(line))

    def _ask(self, asked: dict[str, dict[str, str | dict[str, str]]]) -> None:
        session, data = str(asked["session_id"]), asked["data"]
        if data["action"] != INVOKE:
            self._frames.append(END % session.encode())
            return
        credentials = data["credentials"]
        assert isinstance(credentials, dict)
        self._client.want(Answer(session, str(data["model"]), int(credentials["base_url"].rsplit(":", 1)[1])))

    def _say(self, answer: Answer, data: bytes) -> None:
        """The server sends whole lines, each in a chunk of its own: between the lines stands nothing but the framing."""
        *rows, answer.rest = (answer.rest + data).split(b"}\n")
        session = answer.name.encode()
        self._frames += [FRAME % (session, _text(row)) for row in rows]

    def _end(self, answer: Answer) -> None:
        self._frames.append(END % answer.name.encode())


def _text(row: bytes) -> bytes:
    """A line's text, spelled as JSON."""
    return json.dumps(json.loads(row[row.index(b'{"model"') :] + b"}")["message"]["content"]).encode()


if __name__ == "__main__":
    Plugin().run()
