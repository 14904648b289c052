"""An exchange as a document in the form of the recordings in `fixtures/`, scrubbed. Pure.

Secrets are those of the whole run: what a client sent once is hidden in every later reply, and `again` hides it in earlier ones.
"""

import json
from typing import Any

import attrs

from plugin_entry.cli.recording import secrets
from plugin_entry.cli.recording.places import VERSION
from plugin_entry.cli.recording.scrubbing import Scrubber, TakesTooLongError

LARGEST_REPLY, MOST_PIECES = 16 << 20, 1 << 20
"""Bytes and pieces of a reply; a larger one is passed on and not recorded."""
OF_THE_CONNECTION = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade"}
    | {"host", "content-length", "accept-encoding"}
)
"""Headers of one hop; the length is counted anew, and a compressed reply could not be scrubbed."""
OF_EVERY_CLIENT = OF_THE_CONNECTION | {"accept", "user-agent", "accept-language"}

type RecordedHeaders = tuple[tuple[str, str], ...]
type RecordingDocument = dict[str, Any]


@attrs.define(slots=True, eq=False, kw_only=True)
class Exchange:
    """What passed. `pieces` are milliseconds since the request was passed on, and bytes; `size` counts those that are not kept, too."""

    method: str
    target: str = attrs.field(repr=False)
    """Path and query as they were sent."""
    request_headers: RecordedHeaders = attrs.field(repr=False)
    request_body: bytes = attrs.field(default=b"", repr=False)
    status: int = 0
    headers: RecordedHeaders = attrs.field(default=(), repr=False)
    pieces: list[tuple[float, bytes]] = attrs.field(factory=list, repr=False)
    size: int = 0
    remark: str = ""
    complete: bool = False


@attrs.define(slots=True)
class Documents:
    """Makes documents; remembers what was sent in secret. To be used by one thread at a time."""

    scrubber: Scrubber
    version: str = "unknown"

    def recorded(self, exchange: Exchange) -> tuple[RecordingDocument | None, str]:
        """The exchange as it may be kept, None where it must not be, and a line about it for the person at the terminal."""
        cookies = tuple((name, value) for name, value in exchange.headers if name.lower() == "set-cookie")
        sent = (*secrets.of_target(exchange.target), *secrets.of_headers((*exchange.request_headers, *cookies)))
        self.scrubber = attrs.evolve(self.scrubber, secrets=self.scrubber.secrets.and_these(sent))
        document, remark = None, _refusal(exchange)
        if not remark:
            try:
                document, remark = self._document(exchange), exchange.remark
            except TakesTooLongError:
                remark = "not recorded: it could not be scrubbed in time"
        count = len(exchange.pieces)
        pieces = f"{count} piece{'' if count == 1 else 's'}"
        facts = (f"{exchange.method} {self.scrubber.path(exchange.target)}", str(exchange.status), pieces, remark)
        return document, "  ".join(filter(None, facts))

    def again(self, document: RecordingDocument) -> RecordingDocument:
        """A document of this run, scrubbed with what is known now. Raises TakesTooLongError."""
        request, response = document["request"], document["response"]
        asked = json.dumps(request["body"]).encode() if "body" in request else _bytes(request.get("raw_body", ""))
        scrubbed = self.scrubber.request(asked, request["path"])
        return {
            **document,
            "request": {**request, **scrubbed},
            "response": {**response, "chunks": self._chunks([(ms, _bytes(text)) for ms, text in response["chunks"]], request["path"])},
        }

    def _document(self, exchange: Exchange) -> RecordingDocument:
        version = self.version if VERSION.fullmatch(self.version) else "unknown"
        headers = self.scrubber.headers(filter(_is_worth_keeping, exchange.request_headers))
        texts = "texts replaced" if self.scrubber.without_texts else ""
        return {
            "server": version,
            "scenario": "",
            "engine": "real",
            "note": "; ".join(part for part in ("recorded by dify-ollama record, scrubbed", texts, exchange.remark) if part),
            "request": {
                "method": exchange.method,
                "path": self.scrubber.path(exchange.target),
                **({"headers": headers} if headers else {}),
                **self.scrubber.request(exchange.request_body, exchange.target),
            },
            "response": {
                "status": exchange.status,
                "headers": self.scrubber.headers(exchange.headers),
                "chunks": self._chunks(exchange.pieces, exchange.target),
                "complete": exchange.complete,
            },
        }

    def _chunks(self, pieces: list[tuple[float, bytes]], target: str) -> list[list[Any]]:
        """Scrubbed as a whole, because a key may stand across a cut, and cut again at the same places."""
        whole = self.scrubber.reply(b"".join(data for _, data in pieces), target)
        chunks, done = list[list[Any]](), 0
        for ms, data in pieces:
            chunks.append([ms, whole[done : done + len(data)].decode("utf-8", "surrogateescape")])
            done += len(data)
        return chunks


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _is_worth_keeping(header: tuple[str, str]) -> bool:
    name, value = header
    return name.lower() not in OF_EVERY_CLIENT and not (name.lower() == "content-type" and value.startswith("application/json"))


def _refusal(exchange: Exchange) -> str:
    """Why an exchange is not kept, or an empty text."""
    if exchange.status == 0:
        return exchange.remark or "there was no reply"
    if any(name.lower() == "content-encoding" and value.lower() != "identity" for name, value in exchange.headers):
        return "not recorded: the reply is compressed and could not be scrubbed"
    if exchange.size > LARGEST_REPLY or len(exchange.pieces) > MOST_PIECES:
        return f"not recorded: the reply has {exchange.size} bytes in {len(exchange.pieces)} pieces, and {LARGEST_REPLY} bytes are kept"
    return ""
