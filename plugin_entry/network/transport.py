"""Receives a reply: puts its bytes into an inbox as they arrive.

When the task is cancelled the connection is closed at once, which makes the server stop generating.
"""

import asyncio
from collections.abc import Callable

import aiohttp

from plugin_entry.network.client import Call, answered, headers_of
from plugin_entry.network.connections import READ_AT_ONCE
from plugin_entry.network.inbox import Head, Inbox
from plugin_entry.network.proxies import with_own_proxy
from plugin_entry.network.selector import Pace


async def deliver(session_of_loop: Callable[[], aiohttp.ClientSession], call: Call, inbox: Inbox, pace: Pace) -> None:
    """Sends the call, follows redirects as far as the rule allows, and fills the inbox.

    Raises what `client.answered` raises.
    """
    pace.begin()
    async with answered(session_of_loop(), call) as response:
        inbox.opened(Head(response.status, with_own_proxy(headers_of(response), call.server)))
        await _read(response, inbox, pace)


async def _read(response: aiohttp.ClientResponse, inbox: Inbox, pace: Pace) -> None:
    """Puts the body into the inbox, piece by piece."""
    content, descriptor = response.content, _descriptor(response)
    while data := await content.readany():
        pace.note_read(data.count(b"\n"), None if content.is_eof() else descriptor)
        if inbox.put(data):
            await inbox.drained()
        elif len(data) >= READ_AT_ONCE:
            await asyncio.sleep(0)  # as much again may be here already, above all of compressed data: others have their turn


def _descriptor(response: aiohttp.ClientResponse) -> int | None:
    """The descriptor of a reply's connection; None once the whole reply is here and the connection belongs to the next request."""
    connection = response.connection
    transport = None if connection is None else connection.transport
    sock = None if transport is None else transport.get_extra_info("socket")
    return None if sock is None else sock.fileno()
