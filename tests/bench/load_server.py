"""A server that streams as much as it is told to, from bytes made beforehand: `python -m tests.bench.load_server`.

It prints its port. The model's name says what to send: `tokens:delay_ms`, or `stamp:tokens:delay_ms` for tokens that carry the time at
which they were written (nanoseconds of the monotonic clock). It runs apart from the plugin, so that its time is not the plugin's.
"""

import asyncio
import json
import time

WORDS = ("The", " sky", " is", " blue", " because", " of", " Rayleigh", " scattering", ".", " 你好", " 🚀")
BLOCK = 512
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
CAPABILITIES = {"capabilities": ["completion", "tools"], "details": {"family": "llama"}, "model_info": {}}


def line(content: str, **more: object) -> bytes:
    """A reply line as the server spells it."""
    message = {"role": "assistant", "content": content}
    return (
        json.dumps({"model": "m", "created_at": "2026-01-01T00:00:00.123456789Z", "message": message, "done": False} | more).encode()
        + b"\n"
    )


def chunk(data: bytes) -> bytes:
    """One HTTP chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


CHUNKS = [chunk(line(WORDS[number % len(WORDS)])) for number in range(BLOCK)]
JOINED = b"".join(CHUNKS)
DONE = chunk(line("", done=True, done_reason="stop", prompt_eval_count=26, eval_count=282)) + b"0\r\n\r\n"


async def stream(writer: asyncio.StreamWriter, model: str) -> None:
    """Sends one answer."""
    *kind, tokens, delay_ms = model.split(":")
    writer.write(HEAD)
    count = int(tokens)
    if delay_ms == "0":
        for _ in range(count // BLOCK):
            writer.write(JOINED)
            await writer.drain()
        writer.write(b"".join(CHUNKS[: count % BLOCK]))
    else:
        for number in range(count):
            writer.write(chunk(line(str(time.monotonic_ns()))) if kind else CHUNKS[number % BLOCK])
            await asyncio.sleep(float(delay_ms) / 1000)
    writer.write(DONE)
    await writer.drain()


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection."""
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = next((int(row[15:]) for row in head.lower().split(b"\r\n") if row.startswith(b"content-length:")), 0)
            body = await reader.readexactly(length)
            if b"/api/chat" in head.split(b"\r\n", 1)[0]:
                await stream(writer, json.loads(body)["model"])
            else:
                reply = json.dumps(CAPABILITIES | {"version": "0.24.0"}).encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(reply), reply))
    except (asyncio.IncompleteReadError, ConnectionError):
        return
    finally:
        writer.close()


async def main() -> None:
    """Serves until it is ended."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
