"""What happens to a frame that is longer than Dify's daemon takes in one line: it would kill the process and every answer in it.

Enters: the payload of such a frame and its length. Leaves: an error of one of the classes whose text Dify shows, with the remedy for what
was too long; or, for an error that is too long itself, a shorter one. Text that streams never comes here, it is split long before.
"""

from collections.abc import Mapping
from typing import Any

from dify_plugin.core.server.__base.response_writer import ResponseWriter
from dify_plugin.core.server.__base.writer_entities import Event, StreamOutputMessage
from dify_plugin.errors.model import InvokeBadRequestError
from pydantic import BaseModel

from plugin_entry.dify.output import LINE_LIMIT

MIB = 1024 * 1024
MOST_OF_A_MESSAGE = 4000
"""Characters that are left of an error's text."""

type Plain = Mapping[str, Any]

REMEDIES: tuple[tuple[str, str, str], ...] = (
    ("embeddings", "The vectors", "Set the number of texts per request (max chunks) of this model to a smaller number."),
    ("docs", "The ranked documents", "Let the rerank return fewer documents (top N), or split the documents into smaller pieces."),
    ("tool_calls", "The tool calls", "Set max tokens (num_predict), or let the tool take less at once."),
    ("delta", "The answer in one piece", "Set max tokens (num_predict), or let the app stream the answer."),
    ("num_tokens", "The token counts", "Count fewer texts at once."),
)
"""A key of the payload, what it means, and what to do; the first row that fits counts."""


def refusal(data: object, length: int) -> InvokeBadRequestError:
    """The error for a frame of `length` bytes with this payload."""
    keys = _keys(data)
    what, remedy = next(((what, remedy) for key, what, remedy in REMEDIES if key in keys), ("The reply", "Ask for less at once."))
    return InvokeBadRequestError(
        f"{what} of {length / MIB:.1f} MiB cannot be handed to Dify, which takes {LINE_LIMIT / MIB:g} MiB at once. {remedy}"
    )


def shortened(data: object) -> dict[str, Any] | None:
    """An error's frame with less text; None for anything that is no error."""
    if not isinstance(data, Mapping) or data.get("type") != "error" or not isinstance(data.get("data"), Mapping):
        return None
    error = data["data"]
    kept = {"error_type": error.get("error_type"), "message": str(error.get("message"))[:MOST_OF_A_MESSAGE], "args": {}}
    return {"type": "error", "data": kept}


def install() -> None:
    """Puts the limit under the writers of all modes; the one for frames on the standard output has its own, faster `put`."""
    vars_of_writer: Any = ResponseWriter
    vars_of_writer.put = _put


def _put(self: ResponseWriter, event: Event, session_id: str | None = None, data: dict[str, Any] | BaseModel | None = None) -> None:
    plain = data.model_dump() if isinstance(data, BaseModel) else data
    line = _line(event, session_id, plain)
    if len(line) > LINE_LIMIT:
        words = data.model_dump(mode="json") if isinstance(data, BaseModel) else data
        shorter = shortened(words)
        if shorter is None:
            raise refusal(words, len(line))
        line = _line(event, session_id, shorter)
    self.write(line.decode())


def _line(event: Event, session_id: str | None, data: dict[str, Any] | None) -> bytes:
    return StreamOutputMessage(event=event, session_id=session_id, data=data).model_dump_json().encode() + b"\n\n"


def _keys(data: object) -> frozenset[str]:
    """The keys that say what a payload is."""
    if not isinstance(data, Mapping):
        return frozenset()
    inner = data.get("data")
    payload = inner if isinstance(inner, Mapping) and data.get("type") == "stream" else data
    delta = payload.get("delta")
    message = delta.get("message") if isinstance(delta, Mapping) else None
    has_calls = isinstance(message, Mapping) and message.get("tool_calls")
    return frozenset(payload) | ({"tool_calls"} if has_calls else frozenset())
