"""The tap and aiohttp's parser, without a socket: what a token costs between the read and the plugin's own code."""

import asyncio
from collections.abc import Sequence
from functools import partial

from aiohttp.client_proto import ResponseHandler

from plugin_entry.network.bridge import Bridge
from plugin_entry.network.transport_tap import Tap
from tests.bench.load_server import HEAD, chunk

END = b"0\r\n\r\n"


class NoTransport(asyncio.Transport):
    """A connection with nothing at the other end."""

    max_size = 0

    def __init__(self) -> None:
        super().__init__()
        self._protocol: asyncio.BaseProtocol | None = None

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """The tap's, and aiohttp's after it."""
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """The one that was set."""
        assert self._protocol is not None
        return self._protocol

    def is_closing(self) -> bool:
        """Never."""
        return False

    def close(self) -> None:
        """Nothing is open."""


def framed(parts: Sequence[bytes]) -> list[bytes]:
    """A body as the reads of a connection, each an HTTP chunk."""
    return [*map(chunk, parts), END]


def tapped(bridge: Bridge, reads: Sequence[bytes]) -> int:
    """On the bridge's own loop; gives how often the plugin's own code would be called."""
    return bridge.run(partial(_tapped, reads))


async def _tapped(reads: Sequence[bytes]) -> int:
    taken: list[int] = []
    transport, handler = NoTransport(), ResponseHandler(asyncio.get_running_loop())
    transport.set_protocol(handler)
    handler.connection_made(transport)
    handler.set_response_params()
    handler.data_received(HEAD)
    _, content = await handler.read()

    def take(data: bytes) -> bool:
        taken.append(len(data))
        return False

    tap = Tap(content, transport, handler, take)
    for data in reads:
        tap.data_received(data)
    return len(taken)
