"""The largest requests and replies that anybody may send, one of each kind, and a server for them.

Enters: saved credentials. Leaves: request data. Whatever is large is made once, when it is first asked for.
"""

import io
import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

import orjson
from PIL import Image

from plugin_entry.cli.daemon.requests import (
    get_llm_num_tokens,
    get_text_embedding_num_tokens,
    invoke_llm,
    invoke_rerank,
    invoke_text_embedding,
    user_message,
)
from tests.servers.loopback import END, HEAD, Visit, serving
from tests.servers.stalling_server import DONE, line
from tests.stdio.daemon_requests import Data

MB = 1_000_000
SIDE = 7000
"""49 megapixels, just under the limit."""
SHOW = {"capabilities": ["completion", "vision", "tools"], "model_info": {"general.architecture": "x", "x.context_length": 9 * MB}}
DONE_LINE = json.dumps(DONE).encode() + b"\n"
PIECE = 1 << 20


@cache
def text(size: int) -> str:
    """Prose in three scripts."""
    return ("The quick brown fox jumps over the lazy dog; naïve café 你好 " * (size // 50))[:size]


@cache
def schema(size: int) -> dict[str, Any]:
    """A schema of about so many characters."""
    properties = {
        f"field{number}": {
            "type": "object",
            "description": "x" * 40,
            "properties": {"a": {"type": ["string", "null"]}, "b": {"$ref": "#/$defs/q"}},
        }
        for number in range(size // 170)
    }
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "$defs": {"q": {"type": "string", "enum": ["a", "b"]}},
    }


@cache
def arguments(size: int) -> str:
    """Arguments of records."""
    return json.dumps({"x": [{"k": number, "v": "y" * 50} for number in range(size // 72)]})


@cache
def small_values(size: int) -> str:
    """Arguments of nothing but small values, which take the longest to parse."""
    return json.dumps({"x": [[number, number * 2, [], {}] for number in range(size // 25)]})


# --- pictures --------------------------------------------------------------------------------------------------------------------


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    """A file."""
    target = io.BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()


def flat(kind: str, mode: str, colour: Any, **options: Any) -> bytes:
    """A small file of many pixels."""
    return saved(Image.new(mode, (SIDE, SIDE), colour), kind, **options)


def photo(kind: str, width: int, height: int, **options: Any) -> bytes:
    """A file of many colours."""
    noise = Image.effect_noise((width // 64, height // 64), 64).resize((width, height)).convert("RGB")
    return saved(noise, kind, **options)


def animated(kind: str) -> bytes:
    """Frames of 4 megapixels."""
    first, *more = (Image.new("RGB", (2000, 2000), (number, 0, 0)) for number in range(20))
    return saved(first, kind, save_all=True, append_images=more)


PICTURES: dict[str, Callable[[], bytes]] = {
    "WebP": partial(photo, "WEBP", SIDE, SIDE, quality=30, method=0),
    "WebP with alpha": partial(flat, "WEBP", "RGBA", (10, 200, 30, 128), quality=30, method=0),
    "animated WebP": partial(animated, "WEBP"),
    "animated GIF": partial(animated, "GIF"),
    "GIF": partial(flat, "GIF", "P", 7),
    "BMP of 20 MB": partial(photo, "BMP", 2600, 2600),
    "TIFF with a JPEG in it": partial(photo, "TIFF", SIDE, SIDE, compression="jpeg"),
    "TIFF of floats": partial(flat, "TIFF", "F", 300, compression="tiff_adobe_deflate"),
    "TIFF with alpha": partial(flat, "TIFF", "RGBA", (1, 2, 3, 4), compression="tiff_lzw"),
    "AVIF with alpha": partial(flat, "AVIF", "RGBA", (10, 200, 30, 128), speed=10),
    "JPEG 2000": partial(flat, "JPEG2000", "RGB", (10, 200, 30)),
    "JPEG": partial(photo, "JPEG", SIDE, SIDE, quality=80),
    "PNG of a palette": partial(flat, "PNG", "P", 7),
    "PNG with alpha": partial(flat, "PNG", "RGBA", (10, 200, 30, 128)),
}


@cache
def picture(name: str) -> str:
    """The base64 of a row of PICTURES."""
    return b64encode(PICTURES[name]()).decode()


def pictures(*files: str) -> Mapping[str, Any]:
    """A message with files in base64."""
    parts = [{"type": "image", "base64_data": file, "format": "x", "mime_type": "image/x", "detail": "low"} for file in files]
    return {"role": "user", "content": [{"type": "text", "data": "x"}, *parts]}


# --- requests --------------------------------------------------------------------------------------------------------------------


def past_call(spelled: str) -> list[Mapping[str, Any]]:
    """A turn with a call and its result."""
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": spelled}}
    answer = {"role": "assistant", "content": "", "tool_calls": [call]}
    return [user_message("x"), answer, {"role": "tool", "content": "r", "tool_call_id": "a"}]


def tool(number: int, size: int) -> Mapping[str, Any]:
    """A tool with a schema of so many characters."""
    return {"name": f"f{number}", "description": "d", "parameters": schema(size)}


def chat(saved_as: Mapping[str, Any], reply: str = "quick", messages: Any = None, **more: Any) -> Data:
    """A chat whose reply is a row of REPLIES."""
    return invoke_llm(reply, saved_as, messages or [user_message("x")], **more)


type Extreme = Callable[[Mapping[str, Any]], Data]

EXTREMES: dict[str, Extreme] = {
    "a prompt of 4 MB": lambda saved_as: chat(saved_as, messages=[user_message(text(4 * MB))]),
    "a prompt of 16 MB": lambda saved_as: chat(saved_as, messages=[user_message(text(16 * MB))]),
    "10,000 messages": lambda saved_as: chat(saved_as, messages=[user_message("word " * 80)] * 10_000),
    "past arguments of 10 MB": lambda saved_as: chat(saved_as, messages=past_call(arguments(10 * MB))),
    "past arguments of 20 MB": lambda saved_as: chat(saved_as, messages=past_call(arguments(20 * MB))),
    "past arguments of 10 MB, all small values": lambda saved_as: chat(saved_as, messages=past_call(small_values(10 * MB))),
    "500 past calls of 20 kB": lambda saved_as: chat(saved_as, messages=past_call(arguments(20_000)) * 500),
    "a tool with a schema of 2 MB": lambda saved_as: chat(saved_as, tools=[tool(0, 2 * MB)]),
    "1,000 tools": lambda saved_as: chat(saved_as, tools=[tool(number, 2000) for number in range(1000)]),
    "a schema of 2 MB for the answer": lambda saved_as: chat(saved_as, parameters={"json_schema": json.dumps(schema(2 * MB))}),
    **{f"a picture: {name}": partial(lambda name, saved_as: chat(saved_as, messages=[pictures(picture(name))]), name) for name in PICTURES},
    "60 MB of pictures": lambda saved_as: chat(saved_as, messages=[pictures(picture("BMP of 20 MB"), picture("BMP of 20 MB"))]),
    "a line of 15 MB": lambda saved_as: chat(saved_as, "text"),
    "a line of 15 MB, not streamed": lambda saved_as: chat(saved_as, "text", stream=False),
    "a call with arguments of 4 MB": lambda saved_as: chat(saved_as, "call"),
    "a call with arguments of 3 MB, all small values": lambda saved_as: chat(saved_as, "small values"),
    "a call with arguments of 15 MB": lambda saved_as: chat(saved_as, "huge call"),
    "a refusal of 60 MB": lambda saved_as: chat(saved_as, "refusal"),
    "tokens of 10 MB": lambda saved_as: get_llm_num_tokens("m", saved_as, [user_message(text(10 * MB))]),
    "tokens of 1,000 tools": lambda saved_as: get_llm_num_tokens(
        "m", saved_as, [user_message("x")], [tool(number, 2000) for number in range(1000)]
    ),
    "tokens of 2,000 texts": lambda saved_as: get_text_embedding_num_tokens("m", saved_as, [f"{text(5000)}{n}" for n in range(2000)]),
    "2,048 vectors of 4,096 numbers": lambda saved_as: invoke_text_embedding("4096", saved_as, [f"x{n}" for n in range(2048)]),
    "the same in batches of 256": lambda saved_as: invoke_text_embedding(
        "4096", {**saved_as, "max_chunks": "256"}, [f"x{n}" for n in range(2048)]
    ),
    "thinking and text by turns, 50,000 lines": lambda saved_as: chat(saved_as, "turns"),
    "48 vectors of 4,096 numbers": lambda saved_as: invoke_text_embedding("4096", {**saved_as, "max_chunks": "64"}, ["x"] * 48),
    "texts of 20 MB": lambda saved_as: invoke_text_embedding("8", saved_as, [f"{text(10_000)}{n}" for n in range(2000)]),
    "10,000 documents": lambda saved_as: invoke_rerank(
        "m", {**saved_as, "rerank_service": "jina"}, "q", [f"{text(300)}{n}" for n in range(10_000)]
    ),
    "documents of 20 MB": lambda saved_as: invoke_rerank(
        "m", {**saved_as, "rerank_service": "jina"}, "q", [f"{text(2000)}{n}" for n in range(10_000)], top_n=10
    ),
}


# --- replies ---------------------------------------------------------------------------------------------------------------------


def calling(spelled: str) -> bytes:
    """A line with a call."""
    return line(tool_calls=[{"function": {"name": "f", "arguments": orjson.loads(spelled)}}])


REPLIES: dict[str, Callable[[], bytes]] = {
    "quick": lambda: line(content="yes"),
    "text": lambda: orjson.dumps({"message": {"content": "abé " * 3 * MB}, "done": False}) + b"\n",
    "turns": lambda: (line(thinking="hm") + line(content="so")) * 25_000,
    "call": lambda: calling(arguments(3_900_000)),
    "small values": lambda: calling(small_values(3 * MB)),
    "huge call": lambda: calling(small_values(15 * MB)),
}


@cache
def reply(name: str) -> bytes:
    """The lines of a row of REPLIES."""
    return REPLIES[name]() + DONE_LINE


def answer(visit: Visit) -> None:
    """What the server says."""
    ROUTES.get(visit.path, ranked)(visit)


def chatted(visit: Visit) -> None:
    name = visit.body[: visit.body.index(b'","')].decode().removeprefix('{"model":"')
    if name == "refusal":
        visit.whole(b"x" * 60 * MB, b"500 Oops")
        return
    data = reply(name)
    visit.send(HEAD)
    for at in range(0, len(data), PIECE):
        visit.chunk(data[at : at + PIECE])
    visit.send(END)


def embedded(visit: Visit) -> None:
    asked = orjson.loads(visit.body)
    vector = orjson.dumps([0.01234567 * (-1) ** number for number in range(int(asked["model"]))])
    visit.whole(b'{"embeddings":[%b],"prompt_eval_count":1}' % b",".join([vector] * len(asked["input"])))


def ranked(visit: Visit) -> None:
    documents = orjson.loads(visit.body)["documents"]
    scored = [{"index": at, "relevance_score": 1 / (at + 1), "document": {"text": each}} for at, each in enumerate(documents)]
    visit.whole(orjson.dumps({"results": scored}))


ROUTES: dict[str, Callable[[Visit], None]] = {
    "/api/show": lambda visit: visit.whole(orjson.dumps(SHOW)),
    "/api/version": lambda visit: visit.whole(b'{"version":"0.33.0"}'),
    "/api/chat": chatted,
    "/api/embed": embedded,
}


@contextmanager
def extreme_server() -> Iterator[Mapping[str, Any]]:
    """Serves while the block runs; gives the credentials to save."""
    with serving(answer) as server:
        yield {"base_url": f"http://127.0.0.1:{server.port}", "context_size": str(9 * MB)}
