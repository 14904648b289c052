"""Streams an answer in an asyncio program, with httpx.

python examples/asyncio_httpx.py http://localhost:11434 qwen3:8b "Why is the sky blue?"
"""

import asyncio
import sys
from collections.abc import AsyncIterator

import httpx

from translator import Ask, Chunk, Message, Role, TranslatorError, deltas_to_chunks, failure_from_reply, plan_turn, reply_stream

JSON = {"Content-Type": "application/json"}
PATIENCE = httpx.Timeout(5, read=600)
"""A server is silent for minutes while it loads a model."""


async def answer(client: httpx.AsyncClient, ask: Ask) -> AsyncIterator[Chunk]:
    """Gives the chunks of an answer as they arrive. Raises RequestError, ServerError, and what httpx raises."""
    turn = plan_turn(ask)
    stream = reply_stream(turn)
    async with client.stream("POST", turn.route, content=turn.body, headers=JSON) as response:
        if response.status_code != 200:
            body = await response.aread()
            raise failure_from_reply(response.status_code, body, model=ask.model, route=turn.route, headers=response.headers)
        async for data in response.aiter_bytes():
            for chunk in deltas_to_chunks(stream.feed(data)):
                yield chunk
    for chunk in deltas_to_chunks(stream.end()):
        yield chunk


async def main(base_url: str, model: str, question: str) -> None:
    ask = Ask(model=model, messages=(Message(role=Role.USER, content=question),))
    async with httpx.AsyncClient(base_url=base_url, timeout=PATIENCE) as client:
        async for chunk in answer(client, ask):
            print(chunk.text, end="", flush=True)
            if chunk.usage is not None:
                print(f"\n[{chunk.finish_reason}, {chunk.usage.total_tokens} tokens]")


if __name__ == "__main__":
    try:
        asyncio.run(main(*sys.argv[1:4]))
    except TranslatorError as error:
        sys.exit(str(error))
