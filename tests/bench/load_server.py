"""A server that streams as much as it is told to, from bytes made beforehand: `python -m tests.bench.load_server`.

It prints its port. The model's name says what to send: `text:tokens:delay_ms`, or `stamp:` for tokens that carry the time at which they
were written (nanoseconds of the monotonic clock). Vectors have as many numbers as the model's name says: `vectors:dimensions`. It runs
apart from the plugin, so that its time is not the plugin's.
"""

import asyncio
import json
import time
from functools import cache

WORDS = ("The", " sky", " is", " blue", " because", " of", " Rayleigh", " scattering", ".", " 你好", " 🚀")
BLOCK = 512
LONGEST_REQUEST = 16 * 1024 * 1024
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
CAPABILITIES: dict[str, object] = {"capabilities": ["completion", "tools", "thinking"], "details": {"family": "llama"}, "model_info": {}}
VECTORS, VERSION = "vectors:", "0.24.0"


def line(content: str, **more: object) -> bytes:
    """A reply line as the server spells it; `more` is said beside the message."""
    return said({"content": content}, **more)


def said(message: dict[str, object], **more: object) -> bytes:
    """The same for any message."""
    spoken = {"role": "assistant", "content": ""} | message
    return (
        json.dumps({"model": "m", "created_at": "2026-01-01T00:00:00.123456789Z", "message": spoken, "done": False} | more).encode() + b"\n"
    )


def chunk(data: bytes) -> bytes:
    """One HTTP chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


CALL = {"id": "call_1", "function": {"index": 0, "name": "get_weather", "arguments": {"city": "Paris", "unit": "C"}}}
TEXTS = [chunk(line(WORDS[number % len(WORDS)])) for number in range(BLOCK)]
"""Made beforehand."""
DONE = chunk(line("", done=True, done_reason="stop", prompt_eval_count=26, eval_count=282)) + b"0\r\n\r\n"


def vectors_reply(count: int, dimensions: int) -> bytes:
    """Vectors with the digits of 32-bit floats, which is what servers compute."""

    def number(text: int, place: int) -> float:
        return float(f"{(text * 7919 + place * 104729) % 2000003 / 27e6 - 0.0370001:.8g}")

    vectors = [[number(text, place) for place in range(dimensions)] for text in range(count)]
    return json.dumps({"model": "m", "embeddings": vectors, "prompt_eval_count": 8 * count}, separators=(",", ":")).encode()


async def stream(writer: asyncio.StreamWriter, model: str) -> None:
    """Sends one answer."""
    kind, tokens, delay_ms = model.split(":")
    writer.write(HEAD)
    if delay_ms == "0":
        await _at_once(writer, int(tokens))
    else:
        await _paced(writer, kind, int(tokens), float(delay_ms) / 1000)
    writer.write(DONE)
    await writer.drain()


async def _at_once(writer: asyncio.StreamWriter, tokens: int) -> None:
    block = b"".join(TEXTS)
    for _ in range(tokens // BLOCK):
        writer.write(block)
        await writer.drain()
    writer.write(b"".join(TEXTS[: tokens % BLOCK]))


async def _paced(writer: asyncio.StreamWriter, kind: str, tokens: int, delay_s: float) -> None:
    for number in range(tokens):
        writer.write(chunk(line(str(time.monotonic_ns()))) if kind == "stamp" else TEXTS[number % BLOCK])
        await asyncio.sleep(delay_s)


@cache
def _vectors(count: int, dimensions: int) -> bytes:
    return vectors_reply(count, dimensions)


def described(model: str) -> dict[str, object]:
    """What the server says of a model."""
    if not model.startswith(VECTORS):
        return CAPABILITIES | {"version": VERSION}
    facts = {"general.architecture": "bert", "bert.embedding_length": int(model.removeprefix(VECTORS))}
    return {"capabilities": ["embedding"], "details": {"family": "bert"}, "model_info": facts}


def _whole(route: bytes, body: bytes) -> bytes:
    asked = json.loads(body or b"{}")
    model = str(asked.get("model", ""))
    if b"/api/embed" in route:
        return _vectors(len(asked["input"]), int(model.removeprefix(VECTORS)))
    return json.dumps({"version": VERSION} if b"/api/version" in route else described(model)).encode()


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection."""
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = next((int(row[15:]) for row in head.lower().split(b"\r\n") if row.startswith(b"content-length:")), 0)
            body = await reader.readexactly(length)
            route = head.split(b"\r\n", 1)[0]
            if b"/api/chat" in route:
                await stream(writer, json.loads(body)["model"])
            else:
                reply = _whole(route, body)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(reply), reply))
    except (asyncio.IncompleteReadError, ConnectionError):
        return
    finally:
        writer.close()


async def main() -> None:
    """Serves until it is ended."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1024, limit=LONGEST_REQUEST)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
