"""An Ollama server as a process of its own that can be killed: `python -m tests.servers.paced_server NAME PORT`.

Each token of an answer is the server's name, so that an answer tells who wrote it. The prompt says how many tokens it takes, and how many
milliseconds lie between two of them: "20 50".
"""

import asyncio
import json
import sys

SHOW = {"capabilities": ["completion"], "model_info": {"general.architecture": "x", "x.context_length": 8192}}
DONE = {"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop", "prompt_eval_count": 3, "eval_count": 3}
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunk(value: object) -> bytes:
    """One line of NDJSON as one HTTP chunk."""
    line = json.dumps(value).encode() + b"\n"
    return b"%x\r\n%b\r\n" % (len(line), line)


def whole(value: object) -> bytes:
    body = json.dumps(value).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


async def serve(name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers requests on one connection until it is closed."""
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
            body = await reader.readexactly(length)
            path = head.split(b" ", 2)[1]
            if path == b"/api/chat":
                await answer(name, json.loads(body), writer)
            else:
                writer.write(whole(SHOW if path == b"/api/show" else {"version": "0.33.0"}))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def answer(name: str, asked: dict[str, list[dict[str, str]]], writer: asyncio.StreamWriter) -> None:
    tokens, pause_ms = map(int, asked["messages"][-1]["content"].split())
    writer.write(HEAD)
    for _ in range(tokens):
        writer.write(chunk({"model": "m", "message": {"role": "assistant", "content": f"{name} "}, "done": False}))
        await writer.drain()
        await asyncio.sleep(pause_ms / 1000)
    writer.write(chunk({"model": "m"} | DONE) + b"0\r\n\r\n")


async def main(name: str, port: int) -> None:
    server = await asyncio.start_server(lambda reader, writer: serve(name, reader, writer), "127.0.0.1", port, backlog=512)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
