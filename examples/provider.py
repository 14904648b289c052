"""A provider for another program's plugin system: its settings and messages in, its events out.

The host of this example speaks plain dicts, as most do. Facts about the model come from the server, so that tools, pictures and thinking
need no switches.

python examples/provider.py http://localhost:11434 qwen3:8b "Why is the sky blue?"
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from http.client import HTTPResponse
from typing import Any, cast
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from translator import (
    Ask,
    Chunk,
    Message,
    ModelInfo,
    Role,
    ServerError,
    TranslatorError,
    auth_headers,
    deltas_to_chunks,
    failure_from_reply,
    model_info,
    parse_base_url,
    plan_turn,
    read_credentials,
    read_tool,
    reply_stream,
)

READ_BYTES = 1 << 16


class OllamaProvider:
    """One server, as the settings name it: `base_url`, and any other field of the form, such as `api_key` and `context_size`."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """Raises RequestError for settings that cannot work."""
        self.settings = read_credentials(settings)
        self.base_url = parse_base_url(self.settings.base_url)
        self.headers = auth_headers(self.settings.api_key, self.base_url, self.settings.connection.extra_headers)

    def facts(self, model: str) -> ModelInfo:
        """What the server says of a model; nothing for a server that does not tell."""
        try:
            with self._open("/api/show", json.dumps({"model": model}).encode(), model) as show, self._open("/api/version") as version:
                return model_info(show.read(), version.read(), model=model)
        except ServerError as error:
            if error.code == "model_missing":
                raise
            return ModelInfo()

    def chat(
        self, model: str, messages: Iterable[Mapping[str, str]], tools: Iterable[Mapping[str, Any]] = (), **parameters: object
    ) -> Iterator[dict[str, Any]]:
        """Gives the host's events: pieces of text, calls, the end. Raises RequestError and ServerError."""
        said = tuple(Message(role=Role(message["role"]), content=message["content"]) for message in messages)
        ask = Ask(model=model, messages=said, tools=tuple(map(read_tool, tools)), parameters=parameters)
        turn = plan_turn(ask, self.facts(model), self.settings)
        stream = reply_stream(turn, limits=self.settings.limits)
        with self._open(turn.route, turn.body, model) as response:
            while data := response.read1(READ_BYTES):
                yield from map(event, deltas_to_chunks(stream.feed(data)))
        yield from map(event, deltas_to_chunks(stream.end()))

    def _open(self, route: str, body: bytes | None = None, model: str = "") -> HTTPResponse:
        request = Request(self.base_url.url_for(route), body, {"Content-Type": "application/json", **self.headers})
        try:
            return cast("HTTPResponse", urlopen(request, timeout=self.settings.timeouts.first_byte))
        except HTTPError as refusal:
            raise failure_from_reply(
                refusal.code, refusal.read(), model=model, route=route, headers=dict(refusal.headers.items())
            ) from None


def event(chunk: Chunk) -> dict[str, Any]:
    """A chunk in the host's words."""
    if chunk.usage is not None:
        return {"type": "end", "reason": str(chunk.finish_reason), "tokens": chunk.usage.total_tokens}
    if chunk.tool_calls:
        return {"type": "calls", "calls": [{"id": call.id, "name": call.name, "arguments": call.arguments} for call in chunk.tool_calls]}
    return {"type": "text", "text": chunk.text}


def main(base_url: str, model: str, question: str) -> None:
    for told in OllamaProvider({"base_url": base_url}).chat(model, [{"role": "user", "content": question}], max_tokens=500):
        print(json.dumps(told, ensure_ascii=False))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:4])
    except TranslatorError as error:
        sys.exit(str(error))
