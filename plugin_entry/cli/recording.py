"""A proxy that writes down what passes: one file per exchange, in the form of the recordings in `fixtures/`, scrubbed.

Enters: HTTP requests of any client, and a server they are meant for. Leaves: the server's replies, unchanged and at once, and documents for
whoever keeps them. Pieces are those of the server's transfer chunks, with the milliseconds since the request was passed on.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp
import attrs
from aiohttp import web

from plugin_entry.checks.probing import fetch
from plugin_entry.cli.scrubbing import Scrubber, secrets_in
from plugin_entry.network.client import Call, Request, replied
from plugin_entry.network.connections import new_session
from plugin_entry.network.names import NameLookups
from plugin_entry.network.server import Server
from translator.errors import ServerError

LARGEST_REQUEST, LARGEST_REPLY, LARGEST_KEPT_REQUEST = 1 << 30, 64 << 20, 1 << 20
"""Bytes; a larger reply is passed on and not recorded, of a larger request only the shape is kept."""
OF_THE_CONNECTION = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade"}
    | {"host", "content-length", "accept-encoding"}
)
"""Headers of one hop; the length is counted anew, and a compressed reply could not be scrubbed."""
OF_EVERY_CLIENT = OF_THE_CONNECTION | {"accept", "user-agent", "accept-language"}
VERSION_WITHIN_S = 5.0
BAD_GATEWAY = 502

type Piece = tuple[float, bytes]


@attrs.frozen(slots=True, kw_only=True)
class Recorded:
    """One exchange: `document` is None where it could not be kept, and `remark` says what is special, or why not."""

    method: str
    path: str
    status: int
    pieces: int
    document: dict[str, Any] | None
    remark: str = ""


@attrs.define(slots=True, eq=False)
class Passing:
    """What is known of an exchange so far."""

    request: web.Request
    body: bytes
    started: float
    status: int = 0
    headers: Mapping[str, str] = attrs.field(factory=dict)
    pieces: list[Piece] = attrs.field(factory=list)
    size: int = 0
    remark: str = ""
    complete: bool = False


@attrs.define(slots=True, eq=False)
class RecordingProxy:
    """`keep` is called once per exchange, when it has ended."""

    server: Server
    scrubber: Scrubber
    keep: Callable[[Recorded], None]
    version: str = "unknown"
    _session: aiohttp.ClientSession = attrs.field(init=False)

    async def start(self, host: str, port: int) -> tuple[web.AppRunner, str]:
        """Begins to listen; gives what is to be cleaned up in the end, and the URL. Raises OSError when the port is taken."""
        self._session = new_session(NameLookups(), keep=False)
        self.version = await self._version()
        app = web.Application(client_max_size=LARGEST_REQUEST)
        app.router.add_route("*", "/{path:.*}", self._pass_on)
        app.on_cleanup.append(self._close)
        # without cancellation a client that leaves is noticed only at the next piece
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError:
            await runner.cleanup()
            raise
        return runner, f"http://{host}:{runner.addresses[0][1]}"

    async def _close(self, _: web.Application) -> None:
        await self._session.close()

    async def _version(self) -> str:
        call = Call(server=self.server, method="GET", url=self.server.base_url.url_for("/api/version"))
        try:
            reply = await fetch(self._session, call, VERSION_WITHIN_S)
            version = json.loads(reply.body)["version"]
        except (ServerError, ValueError, KeyError, TypeError):
            return "unknown"
        return version if isinstance(version, str) and version.replace(".", "").replace("-", "").isalnum() else "unknown"

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        passing = Passing(request, await request.read(), asyncio.get_running_loop().time())
        try:
            return await self._answer(passing)
        except asyncio.CancelledError:
            passing.remark = "the client left"
            raise
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            passing.remark = f"the server could not be reached or broke off: {type(error).__name__}"
            if passing.status == 0:
                return web.json_response({"error": f"dify-ollama record: {passing.remark}"}, status=BAD_GATEWAY)
            if request.transport is not None:
                request.transport.close()  # what was written still arrives, and the client sees that it is not all
            raise
        finally:
            self.keep(self._recorded(passing))

    async def _answer(self, passing: Passing) -> web.StreamResponse:
        request = passing.request
        headers = {name: value for name, value in request.headers.items() if name.lower() not in OF_THE_CONNECTION}
        passed_on = Request(
            method=request.method,
            url=self.server.base_url.url_for(request.raw_path),
            headers={**headers, "Accept-Encoding": "identity"},
            body=passing.body or None,
            proxy=self.server.proxy,
            tls=self.server.tls,
            connect_s=self.server.limits.connect,
            options={"skip_auto_headers": ("User-Agent", "Content-Type", "Accept"), "auto_decompress": False},
        )
        async with replied(self._session, passed_on) as upstream:
            passing.status, passing.headers = upstream.status, dict(upstream.headers)
            response = _response_like(upstream)
            await response.prepare(request)
            await self._copy(passing, upstream, response)
            await response.write_eof()
            passing.complete = True
            return response

    async def _copy(self, passing: Passing, upstream: aiohttp.ClientResponse, response: web.StreamResponse) -> None:
        waiting = b""
        async for data, ends_chunk in upstream.content.iter_chunks():
            if data:
                await response.write(data)
            passing.size += len(data)
            if passing.size <= LARGEST_REPLY:
                waiting += data
            if ends_chunk and waiting:
                passing.pieces.append((self._elapsed_ms(passing), waiting))
                waiting = b""
        if waiting:
            passing.pieces.append((self._elapsed_ms(passing), waiting))

    def _elapsed_ms(self, passing: Passing) -> float:
        return round((asyncio.get_running_loop().time() - passing.started) * 1000, 1)

    def _recorded(self, passing: Passing) -> Recorded:
        refusal = _refusal(passing)
        request = passing.request
        return Recorded(
            method=request.method,
            path=_path(request),
            status=passing.status,
            pieces=len(passing.pieces),
            document=None if refusal else self._document(passing),
            remark=refusal or passing.remark,
        )

    def _document(self, passing: Passing) -> dict[str, Any]:
        scrubber = self.scrubber.with_secrets(secrets_in(passing.request.headers))
        note = "; ".join(part for part in ("recorded by dify-ollama record, scrubbed", _texts(scrubber), passing.remark) if part)
        return {
            "server": self.version,
            "scenario": "",
            "engine": "real",
            "note": note,
            "request": _request(passing, scrubber),
            "response": {
                "status": passing.status,
                "headers": scrubber.headers(passing.headers),
                "chunks": _chunks(passing.pieces, scrubber),
                "complete": passing.complete,
            },
        }


def _response_like(upstream: aiohttp.ClientResponse) -> web.StreamResponse:
    kept = {name: value for name, value in upstream.headers.items() if name.lower() not in OF_THE_CONNECTION}
    response = web.StreamResponse(status=upstream.status, reason=upstream.reason, headers=kept)
    if upstream.headers.get("Transfer-Encoding", "").lower() == "chunked":
        response.enable_chunked_encoding()
    else:
        response.content_length = upstream.content_length
    return response


def _refusal(passing: Passing) -> str:
    """Why an exchange is not kept, or an empty text."""
    if passing.status == 0:
        return passing.remark or "there was no reply"
    if any(name.lower() == "content-encoding" and value.lower() != "identity" for name, value in passing.headers.items()):
        return "not recorded: the reply is compressed and could not be scrubbed"
    if passing.size > LARGEST_REPLY:
        return f"not recorded: the reply has {passing.size} bytes, and {LARGEST_REPLY} are kept"
    return ""


def _path(request: web.Request) -> str:
    return request.raw_path.partition("?")[0]


def _texts(scrubber: Scrubber) -> str:
    return "texts replaced" if scrubber.without_texts else ""


def _request(passing: Passing, scrubber: Scrubber) -> dict[str, Any]:
    headers = {name: value for name, value in passing.request.headers.items() if name.lower() not in OF_EVERY_CLIENT}
    if headers.get("Content-Type", "").startswith("application/json"):
        del headers["Content-Type"]
    written = {"method": passing.request.method, "path": scrubber.body(_path(passing.request).encode()).decode()}
    return written | ({"headers": scrubber.headers(headers)} if headers else {}) | _request_body(passing.body, scrubber)


def _request_body(body: bytes, scrubber: Scrubber) -> dict[str, Any]:
    if not body:
        return {}
    try:
        parsed = json.loads(body)
    except ValueError:
        return {"raw_body": scrubber.body(body).decode("utf-8", "surrogateescape")}
    scrubbed = scrubber.request(parsed)
    if len(json.dumps(scrubbed)) > LARGEST_KEPT_REQUEST:
        fields = sorted(scrubbed) if isinstance(scrubbed, dict) else []
        return {"body_shortened": {"bytes": len(body), "fields": fields}}
    return {"body": scrubbed}


def _chunks(pieces: list[Piece], scrubber: Scrubber) -> list[list[Any]]:
    """Scrubbed as a whole, because a key may stand across a cut, and cut again at the same places."""
    rest = scrubber.body(b"".join(data for _, data in pieces))
    chunks: list[list[Any]] = []
    for ms, data in pieces:
        piece, rest = rest[: len(data)], rest[len(data) :]
        chunks.append([ms, piece.decode("utf-8", "surrogateescape")])
    return chunks
