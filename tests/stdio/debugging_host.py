"""The side of Dify's daemon in remote debugging: a TCP port that a plugin under development connects to.

It takes what a plugin declares, refuses what the daemon refuses, and then invokes the plugin. Read from
langgenius/dify-plugin-daemon of August 2026 (internal/core/debugging_runtime): the key first, declarations, assets in pieces, the end, at
which the manifest is validated; heartbeats from then on.
"""

import base64
import json
import socket
from collections.abc import Iterator, Mapping
from typing import Any, Self

import attrs

from plugin_entry.cli.packaging.declarations import icon_names, manifest_complaints, provider_complaints
from tests.stdio.daemon import LINE_LIMIT
from tests.stdio.daemon_requests import as_daemon_sends

WITHIN_S = 60.0
ASSET_LIMIT = 50 << 20
ORDER = ("handshake", "manifest_declaration", "model_declaration", "asset_chunk", "end")


class RefusedPlugin(Exception):
    """The daemon would answer with a line of text and close the connection."""


@attrs.frozen(slots=True, kw_only=True)
class Declared:
    """What the plugin said about itself."""

    manifest: Mapping[str, Any]
    models: list[Any]
    assets: Mapping[str, bytes]


class DebuggingHost:
    """`with DebuggingHost(key) as host:` listens; `host.address` is what a plugin connects to."""

    def __init__(self, key: str) -> None:
        self._key = key
        self.heartbeats = 0

    def __enter__(self) -> Self:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.settimeout(WITHIN_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.close()
        if hasattr(self, "_connection"):
            self._lines.close()
            self._connection.close()

    @property
    def address(self) -> str:
        host, port = self._listening.getsockname()
        return f"{host}:{port}"

    def accept(self) -> Declared:
        """Waits for a plugin and takes its declarations. Raises RefusedPlugin."""
        self._connection, _ = self._listening.accept()
        self._connection.settimeout(WITHIN_S)
        self._lines = self._connection.makefile("rb")
        try:
            return self._declared()
        except RefusedPlugin as error:
            self._connection.sendall(f"{error}\n".encode())
            raise

    def invoke(self, data: Mapping[str, Any], session_id: str) -> Iterator[Mapping[str, Any]]:
        """Sends a request; gives its frames up to the end."""
        envelope = {"session_id": session_id, "event": "request", "data": as_daemon_sends(data)}
        self._connection.sendall(json.dumps(envelope).encode() + b"\n")
        while True:
            message = self.read()
            if message["event"] != "session":
                continue
            assert message["session_id"] == session_id
            yield message["data"]
            if message["data"]["type"] == "end":
                return

    def read(self) -> Any:
        """The next message; counts heartbeats."""
        while True:
            line = self._lines.readline()
            assert line, "the plugin has closed the connection"
            assert len(line) <= LINE_LIMIT
            if line.strip():
                message = json.loads(line)
                self.heartbeats += message.get("event") == "heartbeat"
                return message

    def _declared(self) -> Declared:
        manifest: Mapping[str, Any] = {}
        models: list[Any] = []
        pieces: dict[str, list[bytes]] = {}
        complete: set[str] = set()
        for kind, data in self._initial():
            match kind:
                case "handshake" if data["key"] != self._key:
                    raise RefusedPlugin("handshake failed, invalid key")
                case "manifest_declaration":
                    manifest = data
                case "model_declaration":
                    models = data
                case "asset_chunk":
                    pieces.setdefault(data["filename"], []).append(base64.b64decode(data["data"], validate=True))
                    complete |= {data["filename"]} if data["end"] else set()
        assets = {name: b"".join(parts) for name, parts in pieces.items() if name in complete}
        declared = Declared(manifest=manifest, models=models, assets=assets)
        validate(declared)
        return declared

    def _initial(self) -> Iterator[tuple[str, Any]]:
        """The messages before the first request, whose kinds must come in this order."""
        step = 0
        while step < len(ORDER) - 1:
            message = self.read()
            if message["type"] not in ORDER[step : step + 2]:
                raise RefusedPlugin(f"{message['type']} after {ORDER[step]}")
            step = ORDER.index(message["type"])
            yield message["type"], message["data"]


def validate(declared: Declared) -> None:
    """What the daemon does at the end of the declarations. Raises RefusedPlugin."""
    complaints = [*manifest_complaints(declared.manifest)]
    for provider in declared.models:
        complaints += provider_complaints(provider)
        named = {*icon_names(declared.manifest, provider)}
        complaints += [f"{name} was not sent" for name in sorted(named - declared.assets.keys())]
    if sum(map(len, declared.assets.values())) > ASSET_LIMIT:
        complaints.append("the assets are too large")
    if complaints:
        raise RefusedPlugin("; ".join(complaints))
