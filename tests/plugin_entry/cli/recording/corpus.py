"""Tricky places for secrets, generated anew for every run: exchanges, what must not be found in their recordings, and a thorough search.

Three families: what was sent in secret and comes back in any spelling; what shows by its form what it is; and words that nobody could
recognise, at places that are unknown or where texts are taken out.
"""

import base64
import html
import json
import random
import re
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs

from plugin_entry.cli.recording.documents import Exchange

SIGNS = "abcdefghkmnpqrstuvwxyzABCDEFGHKMNPQRSTUVWXYZ23456789"


@attrs.frozen(kw_only=True)
class Planted:
    """One exchange with something in it that must not be found."""

    exchange: Exchange
    secrets: tuple[str, ...]
    without_texts: bool = False


def word(source: random.Random, length: int = 14) -> str:
    """Something that looks like nothing in particular, and has no part that occurs by chance."""
    return source.choice("QXZJ") + "".join(source.choice(SIGNS) for _ in range(length - 1))


def exchange(
    reply: bytes | str = b'{"model":"m","done":true}',
    *,
    target: str = "/api/chat",
    body: Any = None,
    sent: tuple[tuple[str, str], ...] = (),
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),),
    raw_body: bytes = b"",
) -> Exchange:
    """An exchange that ended well; the reply came in pieces of seven bytes."""
    data = reply.encode("utf-8", "surrogateescape") if isinstance(reply, str) else reply
    made = Exchange(method="POST", target=target, request_headers=sent)
    made.request_body = raw_body or (b"" if body is None else json.dumps(body).encode())
    made.status, made.headers, made.size, made.complete = 200, headers, len(data), True
    made.pieces = [(float(start), data[start : start + 7]) for start in range(0, len(data), 7)]
    return made


# --- what was sent in secret -------------------------------------------------------------------------------------------------------

SENT: Mapping[str, Callable[[str], dict[str, Any]]] = {
    "bearer": lambda key: {"sent": (("Authorization", f"Bearer {key}"),)},
    "bare key": lambda key: {"sent": (("authorization", key),)},
    "password": lambda key: {"sent": (("Authorization", "Basic " + base64.b64encode(f"bob:{key}".encode()).decode()),)},
    "user": lambda key: {"sent": (("Proxy-Authorization", "Basic " + base64.b64encode(f"{key}:pw".encode()).decode()),)},
    "key header": lambda key: {"sent": (("X-Api-Key", key),)},
    "own header": lambda key: {"sent": (("X-Tenant", f"of {key}, or so"),)},
    "cookie": lambda key: {"sent": (("Cookie", f'a=b; session="{urllib.parse.quote(key, safe="")}"'),)},
    "digest": lambda key: {"sent": (("Authorization", f'Digest username="{key}", realm="r"'),)},
    "query": lambda key: {"target": f"/api/chat?token={urllib.parse.quote(key, safe='')}&x=1"},
    "path": lambda key: {"target": f"/{urllib.parse.quote(key, safe='')}/api/chat"},
    "user agent": lambda key: {"sent": (("User-Agent", key), ("Accept", key), ("Content-Type", f"application/{key}"))},
    "set cookie": lambda key: {"headers": (("Set-Cookie", f"sid={key}; Path=/"), ("Content-Type", "application/json"))},
}
UNSPOKEN: Mapping[str, Callable[[str], bytes | str]] = {
    "error": lambda key: json.dumps({"error": f"bad key {key}."}),
    "escaped": lambda key: '{"error":"' + "".join(f"\\u{ord(sign):04X}" for sign in key) + '"}',
    "json in json": lambda key: json.dumps({"error": json.dumps({"error": {"message": json.dumps({"k": key})}})}),
    "percent": lambda key: json.dumps({"error": "at /?k=" + urllib.parse.quote(key, safe="")}),
    "every sign percent": lambda key: json.dumps({"error": "".join(f"%{byte:02x}" for byte in key.encode())}),
    "percent twice": lambda key: json.dumps({"error": urllib.parse.quote("".join(f"%{byte:02X}" for byte in key.encode()))}),
    "entities": lambda key: "<html><title>" + "".join(f"&#{ord(sign)};" for sign in key) + html.escape(key) + "</title></html>",
    "base64": lambda key: json.dumps({"error": base64.b64encode(key.encode()).decode()}),
    "inside base64": lambda key: json.dumps({"error": base64.b64encode(f"user:{key}:x".encode()).decode()}),
    "inside base64, shifted": lambda key: json.dumps({"error": base64.b64encode(f"ab{key}".encode()).decode()}),
    "URL-safe base64": lambda key: json.dumps({"error": base64.urlsafe_b64encode(f"\xff\xfe~{key}?>\xff".encode()).decode().rstrip("=")}),
    "wrapped base64": lambda key: json.dumps({"error": base64.encodebytes(f"{'-' * 50}{key}{'-' * 20}".encode()).decode()}),
    "other case": lambda key: json.dumps({"error": key.swapcase()}),
    "content": lambda key: json.dumps({"message": {"role": "assistant", "content": f"It is {key}!"}}),
    "streamed": lambda key: "".join(json.dumps({"message": {"content": part}, "done": False}) + "\n" for part in ("It is ", *key, "!")),
    "streamed thinking": lambda key: "".join(json.dumps({"message": {"thinking": part}}) + "\n" for part in (key[:3], key[3:])),
    "events": lambda key: "".join(f"data: {json.dumps({'message': {'content': part}})}\n\n" for part in (key[:5], key[5:])),
    "tool arguments": lambda key: json.dumps({"message": {"tool_calls": [{"function": {"name": "f", "arguments": {"id": [key]}}}]}}),
    "name of an argument": lambda key: json.dumps({"message": {"tool_calls": [{"function": {"arguments": {key: 1}}}]}}),
    "name of a tool": lambda key: json.dumps({"message": {"tool_calls": [{"function": {"name": key}}]}}),
    "unknown key": lambda key: json.dumps({"x": {"y": [1, {"z": key}]}}),
    "name of a key": lambda key: json.dumps({key: {"y": 1}}),
    "model": lambda key: json.dumps({"model": f"{key}:latest"}),
    "reason": lambda key: json.dumps({"done_reason": key.lower()[:11], "digest": key}),
    "probabilities": lambda key: json.dumps({"logprobs": [{"token": part, "bytes": [ord(part)], "logprob": -1} for part in key]}),
    "plain text": lambda key: f"unauthorized: {key}\n",
    "byte order mark": lambda key: "\ufeff" + json.dumps({"error": key}),
    "garbage": lambda key: f")]}}' {key} " + json.dumps({"error": key}),
    "cut": lambda key: '{"error":"no ' + json.dumps(key)[1:-1],
    "bare word": lambda key: '{"error": ' + re.sub(r"\W", "", key) + "}",
    "bytes that are no text": lambda key: b'{"error":"\xff\xfe' + json.dumps(key)[1:-1].encode() + b'\x80"}',
    "answer of another route": lambda key: json.dumps({"version": key, "models": [{"name": key, "details": {"family": key.lower()}}]}),
}


def sent_in_secret(source: random.Random) -> Iterator[tuple[str, Planted]]:
    """Every way to send with some ways to repeat, and every way to repeat with a key."""
    for number, (how, send) in enumerate(SENT.items()):
        for spelling in [name for index, name in enumerate(UNSPOKEN) if index % len(SENT) in (number, (number + 5) % len(SENT))]:
            key = word(source)
            yield f"{how}, {spelling}", Planted(exchange=exchange(UNSPOKEN[spelling](key), **send(key)), secrets=(key,))
    for spelling, repeat in UNSPOKEN.items():
        key = word(source, 16) + source.choice(('"q/&', "<é>", "+ /", "\\n'", "=%41"))
        plain = key if key.isascii() else word(source, 16)
        yield f"odd key, {spelling}", Planted(exchange=exchange(repeat(plain), sent=(("X-Api-Key", plain),)), secrets=(plain,))
        short = word(source, 6)
        yield f"short key, {spelling}", Planted(exchange=exchange(repeat(short), sent=(("X-Api-Key", short),)), secrets=(short,))
    for name, header in {
        "header": ("X-Echo", "{}"), "server": ("Server", "nginx/{}"), "realm": ("WWW-Authenticate", 'Basic realm="{}"'),
        "via": ("Via", "1.1 {}"),
        "name of a header": ("X-{}", "1"), "location": ("Location", "/api/{}"), "date": ("Date", "{}"), "cookie": ("Set-Cookie", "a={}"),
        "status of a proxy": ("Proxy-Status", "{}; error=dns_error"), "type": ("Content-Type", "text/{}"),
    }.items():  # fmt: skip
        key = word(source)
        headers = ((header[0].format(key), header[1].format(key)),)
        yield f"reply's {name}", Planted(exchange=exchange(headers=headers, sent=(("X-Key", key),)), secrets=(key,))
    for name, body in ASKED.items():
        key = word(source)
        yield f"request, {name}", Planted(exchange=exchange(body=body(key), sent=(("X-Key", key),)), secrets=(key,))
    key = word(source)
    raw = f"not json {key}".encode()
    yield "request that is no JSON", Planted(exchange=exchange(raw_body=raw, sent=(("X-Key", key),)), secrets=(key,))


ASKED: Mapping[str, Callable[[str], Any]] = {
    "content": lambda key: {"messages": [{"role": "user", "content": f"my key is {key}"}]},
    "role": lambda key: {"messages": [{"role": key}]},
    "unknown": lambda key: {"note": [key]},
    "name": lambda key: {key: 1},
    "option": lambda key: {"options": {"stop": [key], key: 1, "temperature": key}},
    "tool": lambda key: {
        "tools": [{"type": key, "function": {"name": key, "parameters": {"type": key, "properties": {key: {"enum": [key]}}}}}]
    },
    "format": lambda key: {"format": key, "think": key, "keep_alive": key},
    "model": lambda key: {"model": key},
    "list": lambda key: [[key], {"a": key}],
    "picture": lambda key: {"messages": [{"images": [base64.b64encode(key.encode()).decode(), f"data:image/png;base64,{key}"]}]},
    "prompt": lambda key: {"prompt": key, "suffix": key, "system": key, "template": key, "input": [key], "context": key},
}

# --- what shows by its form ----------------------------------------------------------------------------------------------------------

FORMS: Mapping[str, Callable[[str], tuple[str, str]]] = {
    # what is written, and what must not be found
    "key of OpenAI": lambda w: (f"use sk-proj-{w}{w}", w),
    "token of GitHub": lambda w: (f"github_pat_{w}_{w}", w),
    "old token of GitHub": lambda w: (f"ghp_{w}{w}", w),
    "key of AWS": lambda w: (f"AKIA{w.upper()}AB", w.upper()),
    "key of Google": lambda w: (f"AIza{w}{w}-x", w),
    "token of Slack": lambda w: (f"xoxb-{w}-{w}", w),
    "token of Hugging Face": lambda w: (f"hf_{w}{w}", w),
    "web token": lambda w: (f"eyJ{w}.{w}.{w}", w),
    "bearer": lambda w: (f"Authorization: Bearer {w}9", w),
    "by its name": lambda w: (f"api_key={w} and", w),
    "by its name in JSON": lambda w: (f'{{"password": "{w}"}}', w),
    "in a query": lambda w: (f"GET /x?token={w}&a=1", w),
    "in a URL": lambda w: (f"see https://bob:{w}@db.example/x", w),
    "host of a URL": lambda w: (f"see postgres://{w}.corp.example:5432/x", w),
    "host of a file": lambda w: (f"file://{w}/share/x", w),
    "UNC": lambda w: (rf"on \\{w}\share\x", w),
    "UNC of folders": lambda w: (rf"on \\nas\{w}\x", w),
    "mail": lambda w: (f"to {w}@corp.example now", w),
    "mail with umlauts": lambda w: (f"to jürgen.{w}@bücher.example now", w),
    "IPv4": lambda w: (f"at 10.{len(w)}.77.203:80", "77.203"),
    "IPv6": lambda w: ("at fd00:1234::77ab:1", "77ab"),
    "home": lambda w: (f"in /home/{w}/models", w),
    "home of Windows": lambda w: (rf"in C:\Users\{w} Smith\models", w),
    "private key": lambda w: (f"-----BEGIN RSA PRIVATE KEY-----\n{w}\n-----END RSA PRIVATE KEY-----", w),
    "picture": lambda w: ("data:image/png;base64," + base64.b64encode(w.encode()).decode(), w),
    "small picture": lambda w: ("iVBORw0KGgo" + w, w),
    "long base64": lambda w: (base64.b64encode((w * 9).encode()).decode(), w),
    "URL-safe picture": lambda w: (base64.urlsafe_b64encode(b"\xff\xfe\xfd" * 20 + (w * 6).encode()).decode().rstrip("="), w),
    "wrapped picture": lambda w: (base64.encodebytes((w * 12).encode()).decode(), w),
    "dialled": lambda w: (f"dial tcp: lookup {w}.lan on x", w),
}


def shown_by_form(source: random.Random) -> Iterator[tuple[str, Planted]]:
    """Each form in a stream, cut in pieces, and in a page."""
    for name, form in FORMS.items():
        text, secret = form(word(source))
        parts = [text[start : start + 5] for start in range(0, len(text), 5)]
        stream = "".join(json.dumps({"message": {"content": part}}) + "\n" for part in parts)
        yield f"{name} in an answer", Planted(exchange=exchange(json.dumps({"response": text})), secrets=(secret,))
        yield f"{name} in a stream", Planted(exchange=exchange(stream), secrets=(secret,))
        yield f"{name} in plain text", Planted(exchange=exchange(text), secrets=(secret,))
        asked = {"messages": [{"role": "user", "content": text}]}
        yield f"{name} in a request", Planted(exchange=exchange(body=asked), secrets=(secret,))


# --- words that nobody could recognise -------------------------------------------------------------------------------------------------

OUT_OF_PLACE: Mapping[str, Callable[[str], str]] = {
    "unknown key": lambda w: json.dumps({"note": w, "user": {"name": w, "id": w}}),
    "role": lambda w: json.dumps({"message": {"role": w}}),
    "times": lambda w: json.dumps({"created_at": w, "total_duration": w, "eval_count": [w]}),
    "reason": lambda w: json.dumps({"done_reason": w + "-", "done": w}),
    "host": lambda w: json.dumps({"remote_host": f"https://{w}"}),
    "namespace": lambda w: json.dumps({"model": f"registry.corp/{w}/m:8b", "remote_model": f"{w}/m"}),
    "inside of a number": lambda w: json.dumps({"eval_count": {"content": w}, "message": {"content": "x", "more": w}}),
    "probabilities": lambda w: json.dumps({"logprobs": [{"text": w, "decoded": w}]}),
    "choices": lambda w: json.dumps({"choices": [{"delta": {"content": w}}]}),
}


def out_of_place(source: random.Random) -> Iterator[tuple[str, Planted]]:
    """In the default mode."""
    for name, reply in OUT_OF_PLACE.items():
        secret = word(source)
        yield f"{name}", Planted(exchange=exchange(reply(secret)), secrets=(secret,))
    for path in ("/v1/chat/completions", "/admin", "/api/pull", "/api/unheard"):
        for kind, body in {
            "json": json.dumps({"message": {"content": "{}"}, "error": "{}"}),
            "text": "all of {}",
            "page": "<p>{}</p>",
        }.items():
            secret = word(source)
            planted = exchange(body.replace("{}", secret), target=path, raw_body=f'{{"messages":"{secret}"}}'.encode())
            yield f"{path}, {kind}", Planted(exchange=planted, secrets=(secret,))


TEXTS: Mapping[str, Callable[[str], str]] = {
    "answer": lambda w: json.dumps({"message": {"role": "assistant", "content": f"It is {w}."}}),
    "thinking": lambda w: json.dumps({"message": {"thinking": w}, "thinking": w, "response": w}),
    "events": lambda w: f'event: {w}\ndata: {{"message":{{"content":"{w}"}}}}\n\n: {w}\nid: {w}\n',
    "byte order mark": lambda w: "\ufeff" + json.dumps({"response": w}),
    "garbage": lambda w: f"<<{w}>> " + json.dumps({"response": w}),
    "plain text": lambda w: f"Sorry, {w} is not allowed",
    "page": lambda w: f"<!doctype html><html><title>{w}</title><style>p {{ {w}: 1 }}</style></html>",
    "arguments": lambda w: json.dumps(
        {"message": {"tool_calls": [{"id": w, "function": {"name": w, "arguments": dict.fromkeys(("name", "id", "error", "model"), w)}}]}}
    ),
    "arguments in lists": lambda w: json.dumps({"message": {"tool_calls": [{"function": {"arguments": {"type": [[w], {"role": w}]}}}]}}),
    "error that quotes": lambda w: json.dumps({"error": f"cannot parse prompt '{w}': model \"{w}\" does not support {w}"}),
    "error in errors": lambda w: json.dumps(
        {"error": {"message": w, "type": w, "param": w}, "detail": [{"loc": [w], "msg": w, "input": w}]}
    ),
    "documents": lambda w: json.dumps({"results": [{"index": 0, "document": {"text": w}, "text": w}], "embeddings": w}),
    "string alone": json.dumps,
    "list of texts": lambda w: json.dumps([w, [w]]),
    "cut": lambda w: '{"message":{"content":"' + w,
    "broken": lambda w: '{"message":{"content":"a"b ' + w + '"}}\n{"message":{"content":"' + w + '"}}',
    "line break in a text": lambda w: '{"message":{"content":"a\n' + w + '","x":"' + w + '"}}',
    "deep": lambda w: '{"message":' * 600 + json.dumps(w) + "}" * 600,
    "template": lambda w: json.dumps({"template": w, "modelfile": w, "license": [w], "model_info": {"general.name": w, "x.y": w}}),
    "name of a key": lambda w: json.dumps({w: {w: w}}),
}
QUESTIONS: Mapping[str, Callable[[str], Any]] = {
    **ASKED,
    "documents": lambda w: {"query": w, "documents": [w, {"text": w}], "texts": [w]},
    "history": lambda w: {"messages": [{"role": "tool", "tool_name": w, "tool_call_id": w, "content": [{"type": "text", "text": w}]}]},
    "arguments": lambda w: {"messages": [{"tool_calls": [{"id": w, "function": {"name": w, "arguments": {w: w}}}]}]},
}
QUESTIONS = {name: question for name, question in QUESTIONS.items() if name != "model"}


def taken_out(source: random.Random) -> Iterator[tuple[str, Planted]]:
    """Without texts."""
    for name, reply in TEXTS.items():
        for target in ("/api/chat", "/api/show", "/rerank") if name != "deep" else ("/api/chat",):
            secret = word(source)
            planted = exchange(reply(secret), target=target)
            yield f"{name}, {target}", Planted(exchange=planted, secrets=(secret,), without_texts=True)
    for name, question in QUESTIONS.items():
        for target in ("/api/chat", "/v1/rerank"):
            secret = word(source)
            planted = exchange(body=question(secret), target=target)
            yield f"request, {name}, {target}", Planted(exchange=planted, secrets=(secret,), without_texts=True)


# --- the search ------------------------------------------------------------------------------------------------------------------------


def found(secret: str, text: str) -> bool:
    """Whether a recording, read in every way that somebody might, holds a secret."""
    return any(secret.lower() in reading.lower() for reading in _readings(text))


def _readings(text: str) -> Iterator[str]:
    document = json.loads(text)
    body = "".join(piece for _, piece in document["response"]["chunks"])
    streamed = "".join(re.findall(r'"(?:content|thinking|response|token)": ?"((?:[^"\\]|\\.)*)"', body))
    bytewise = "".join(chr(int(number)) for number in re.findall(r'"bytes": ?\[(\d+)\]', body))
    rest = json.dumps({**document, "response": {**document["response"], "chunks": []}}, ensure_ascii=False)
    for reading in (text, body, streamed, bytewise, rest):
        yield from _undone(reading, 4)


def _undone(text: str, levels: int) -> Iterator[str]:
    yield text
    for run in re.findall(r"[A-Za-z0-9+/_-]{5,}", text) + re.findall(r"[A-Za-z0-9+/_-]{5,}", re.sub(r"\\n|\s", "", text)):
        standard = run.replace("-", "+").replace("_", "/")
        for start in range(4):
            piece = standard[start:] if len(standard[start:]) % 4 != 1 else standard[start:-1]
            yield base64.b64decode(piece + "=" * (-len(piece) % 4)).decode("latin-1")
    if levels:
        for undo in (urllib.parse.unquote, html.unescape, _unescaped):
            if (plain := undo(text)) != text:
                yield from _undone(plain, levels - 1)


def _unescaped(text: str) -> str:
    codes = re.sub(r"\\u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), text)
    return re.sub(r'\\(["\\/])', r"\1", codes)
