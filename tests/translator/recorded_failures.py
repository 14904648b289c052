"""Recordings of servers that refused or failed, and the row of the error catalogue that each finds."""

from typing import Any

import orjson

from fixtures.recordings import Exchange, is_version
from translator.errors import ServerError
from translator.failures.build import failure_from_reply, failure_in_stream
from translator.rerank.refusals import rerank_refusal
from translator.shapes.exchange import HttpReply

SPELLING = frozenset(
    {"embed_input_type", "format_invalid", "image_encoding", "keep_alive_invalid", "model_name_missing", "option_type"}
    | {"request_body_missing", "request_field_type", "request_json_broken", "think_level", "tool_arguments_not_object"}
)
"""Codes of refusals that depend on how the request is spelled, whatever the model is and the server does."""


def error_line(exchange: Exchange) -> Any:
    """The value of the in-band `error` of a recording that began with 200, or None."""
    if exchange.status >= 400 or not is_version(exchange.version):
        return None
    for line in exchange.lines:
        try:
            document = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if isinstance(document, dict) and "error" in document:
            return document["error"]
    return None


def failed(exchange: Exchange) -> bool:
    """Whether the server refused, or broke off with an error."""
    return exchange.status >= 400 or error_line(exchange) is not None


def sent_model(exchange: Exchange) -> str:
    """The name of the model that was asked for, or nothing."""
    return exchange.request_body.get("model", "") if isinstance(exchange.request_body, dict) else ""


def sent_documents(exchange: Exchange) -> list[str]:
    """The documents of a request for a ranking."""
    body = exchange.request_body if isinstance(exchange.request_body, dict) else {}
    held = body.get("documents") or body.get("texts") or []
    return [text for text in held if isinstance(text, str)] if isinstance(held, list) else []


def asks_for_a_ranking(route: str) -> bool:
    """Such refusals are looked up in the table of rerank services, and in no other."""
    return "rerank" in route


def failure_of(exchange: Exchange) -> ServerError:
    """The error that the plugin makes of a recording that failed."""
    model, route = sent_model(exchange), exchange.path
    if asks_for_a_ranking(route):
        reply = HttpReply(status=exchange.status, headers=exchange.headers, body=exchange.body)
        return rerank_refusal(reply, route=route, model=model, sent=sent_documents(exchange)).error
    if exchange.status >= 400:
        return failure_from_reply(exchange.status, exchange.body, model=model, route=route, headers=exchange.headers)
    return failure_in_stream(error_line(exchange), model=model, route=route)


def is_misspelled(exchange: Exchange) -> bool:
    """Whether the server refused the request for its spelling."""
    return failed(exchange) and failure_of(exchange).code in SPELLING
