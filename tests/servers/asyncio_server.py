"""Small asyncio servers on the loopback interface, each with one way to talk: prepared replies, silence, hanging up, another protocol."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

type Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""What a server does with one connection."""

type Answers = Mapping[str, bytes]
"""Whole replies by path; `*` for every other path, which is otherwise a 404."""


def reply(body: str, status: str = "200 OK", content_type: str = "application/json", *headers: str) -> bytes:
    """One whole HTTP reply that ends its connection."""
    data = body.encode()
    lines = (
        f"HTTP/1.1 {status}",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(data)}",
        "Connection: close",
        *headers,
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


NOT_FOUND = reply("404 page not found", "404 Not Found", "text/plain")


def answering(answers: Answers, heads: list[str] | None = None) -> Talk:
    """Answers each request by its path; the heads of requests are kept in `heads`."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        if heads is not None:
            heads.append(head)
        path = head.split(" ")[1].partition("?")[0]
        writer.write(answers.get(path) or answers.get("*") or NOT_FOUND)
        await writer.drain()

    return talk


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Says nothing until the other side leaves."""
    del writer
    while await reader.read(65536):
        pass


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Ends the connection as soon as something was said."""
    del writer
    await reader.read(1)


async def not_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Speaks, but not HTTP."""
    await reader.read(1)
    writer.write(b"220 mail.example ESMTP\r\n")
    await writer.drain()


@asynccontextmanager
async def listening(talk: Talk, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server that talks like this; gives its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            return  # the other side left: what most of these servers provoke
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
