"""A proxy that passes everything on, unchanged and at once, and hands each exchange over when it has ended.

Pieces are those of the server's transfer chunks. Scrubbing and writing are done by a thread of their own, so that no exchange waits for
the recording of another.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

import aiohttp
import attrs
from aiohttp import web

from plugin_entry.checks.probing import fetch
from plugin_entry.cli.recording.documents import LARGEST_REPLY, OF_THE_CONNECTION, Exchange
from plugin_entry.network.client import Call, Request, replied
from plugin_entry.network.connections import new_session
from plugin_entry.network.names import NameLookups
from plugin_entry.network.server import OWN_HEADERS, Server
from translator.errors import ServerError

LARGEST_REQUEST = 1 << 30
"""Bytes."""
VERSION_WITHIN_S = 5.0
BAD_GATEWAY = 502
LONG_S = 1.0
CLIENT_LEFT = "the client left"


class ClientLeftError(Exception):
    """Nobody reads the answer any more."""


@attrs.define(slots=True, eq=False)
class RecordingProxy:
    """`keep` is called once per exchange, when it has ended, and `still_runs` before it for one that takes longer than `LONG_S`.

    Both are called by a thread that does nothing else.
    """

    server: Server
    keep: Callable[[Exchange], None]
    still_runs: Callable[[Exchange], None]
    _session: aiohttp.ClientSession = attrs.field(init=False)
    _keeper: ThreadPoolExecutor = attrs.field(factory=lambda: ThreadPoolExecutor(max_workers=1), init=False)

    async def start(self, host: str, port: int) -> tuple[web.AppRunner, str]:
        """Begins to listen; gives what is to be cleaned up in the end, and the URL. Raises OSError when the port is taken."""
        self._session = new_session(NameLookups(), keep=False)
        app = web.Application(client_max_size=LARGEST_REQUEST)
        app.router.add_route("*", "/{path:.*}", self._pass_on)
        app.on_cleanup.append(self._close)
        silent = logging.Logger("dify-ollama record", logging.CRITICAL + 1)
        # without cancellation a client that leaves is noticed only at the next piece
        runner = web.AppRunner(app, access_log=None, logger=silent, handler_cancellation=True, shutdown_timeout=1)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError:
            await runner.cleanup()
            raise
        return runner, f"http://{host}:{runner.addresses[0][1]}"

    async def version(self) -> str:
        """The server's version, as it tells it; "unknown" when it does not."""
        call = Call(server=self.server, method="GET", url=self.server.base_url.url_for("/api/version"))
        try:
            reply = await fetch(self._session, call, VERSION_WITHIN_S)
            return str(json.loads(reply.body)["version"])
        except (ServerError, ValueError, KeyError, TypeError):
            return "unknown"

    async def _close(self, _: web.Application) -> None:
        await self._session.close()
        await asyncio.get_running_loop().run_in_executor(None, self._keeper.shutdown)

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        exchange = Exchange(method=request.method, target=request.raw_path, request_headers=tuple(request.headers.items()))
        long = asyncio.get_running_loop().call_later(LONG_S, self._keeper.submit, self.still_runs, exchange)
        try:
            exchange.request_body = await request.read()
            return await self._answer(exchange, request)
        except asyncio.CancelledError:
            exchange.remark = CLIENT_LEFT
            raise
        except (ClientLeftError, web.RequestPayloadError):
            exchange.remark = CLIENT_LEFT
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            exchange.remark = f"the server could not be reached or broke off: {type(error).__name__}"
        finally:
            long.cancel()
            self._keeper.submit(self.keep, exchange)
        if exchange.status == 0 and exchange.remark != CLIENT_LEFT:
            return web.json_response({"error": f"dify-ollama record: {exchange.remark}"}, status=BAD_GATEWAY)
        if request.transport is not None:
            request.transport.close()  # what was written still arrives, and the client sees that it is not all
        return web.Response()

    async def _answer(self, exchange: Exchange, request: web.Request) -> web.StreamResponse:
        started = asyncio.get_running_loop().time()
        async with replied(self._session, self._passed_on(exchange)) as upstream:
            exchange.status, exchange.headers = upstream.status, tuple(upstream.headers.items())
            response = _response_like(upstream)
            await _to_client(response.prepare(request))
            waiting = b""
            async for data, ends_piece in upstream.content.iter_chunks():
                if data:
                    await _to_client(response.write(data))
                exchange.size += len(data)
                waiting += data if exchange.size <= LARGEST_REPLY else b""
                if ends_piece and waiting:
                    exchange.pieces.append((_ms_since(started), waiting))
                    waiting = b""
            if waiting:
                exchange.pieces.append((_ms_since(started), waiting))
            exchange.complete = True
            await _to_client(response.write_eof())
            return response

    def _passed_on(self, exchange: Exchange) -> Request:
        """The same request to the server. Who is meant by the URL's user and password logs in, unless the client does."""
        headers = [(name, value) for name, value in exchange.request_headers if name.lower() not in OF_THE_CONNECTION]
        there = {name.lower() for name, _ in headers} | {name.lower() for name in OWN_HEADERS}
        own = [(name, value) for name, value in self.server.headers if name.lower() not in there]
        return Request(
            method=exchange.method,
            url=self.server.base_url.url_for(exchange.target),
            headers=[*headers, *own, ("Accept-Encoding", "identity")],
            body=exchange.request_body or None,
            proxy=self.server.proxy,
            tls=self.server.tls,
            connect_s=self.server.limits.connect,
            options={"skip_auto_headers": ("User-Agent", "Content-Type", "Accept"), "auto_decompress": False},
        )


async def _to_client(sending: Awaitable[object]) -> None:
    """Waits for a write to the client. Raises ClientLeftError."""
    try:
        await sending
    except (ConnectionError, aiohttp.ClientConnectionError) as error:
        raise ClientLeftError from error


def _ms_since(started: float) -> float:
    return round((asyncio.get_running_loop().time() - started) * 1000, 1)


def _response_like(upstream: aiohttp.ClientResponse) -> web.StreamResponse:
    response = web.StreamResponse(status=upstream.status, reason=upstream.reason)
    for name, value in upstream.headers.items():
        if name.lower() not in OF_THE_CONNECTION:
            response.headers.add(name, value)
    if upstream.headers.get("Transfer-Encoding", "").lower() == "chunked":
        response.enable_chunked_encoding()
    else:
        response.content_length = upstream.content_length
    return response
