"""Streamed answers over the standard output go past the SDK's own route: from the request's JSON to its frames in one function.

Enters: the SDK's method that does the work of a request. Leaves: the same method, which does this one kind of request itself. The SDK
validates a request into models, builds a session for it, hands each chunk through five generators and dumps it twice; that adds nothing to
an answer and costs a fifth of its request (docs/performance.md). Whatever is not a plain request for a streamed answer takes the
SDK's route, which also says what is wrong with a malformed one; in the other modes of the daemon every request does. Both routes give the
same frames (tests/plugin_entry/serving/test_direct_route.py).
"""

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

from dify_plugin import Plugin

from plugin_entry.dify import startup
from plugin_entry.dify.frames import FrameWriter
from plugin_entry.dify.requests import EXECUTE

if TYPE_CHECKING:
    from plugin_entry.serving import direct_answer
else:
    (direct_answer,) = startup.modules("serving.direct_answer")

INVOKE = "invoke_llm"


def routed(execute: Callable[..., None]) -> Callable[..., None]:
    """The method, with the short cut in front of it."""

    @wraps(execute)
    def run(plugin: Plugin, session_id: str, data: dict[str, Any], reader: Any, writer: Any, *rest: Any, **more: Any) -> None:
        if data.get("action") == INVOKE and type(writer) is FrameWriter:
            asked = direct_answer.asked(data, plugin.registration)
            if asked is not None:
                direct_answer.say(asked, session_id, writer)
                return
        execute(plugin, session_id, data, reader, writer, *rest, **more)

    return run


def install() -> None:
    """Must come before `workers.install`, which words the errors of both routes."""
    setattr(Plugin, EXECUTE, routed(getattr(Plugin, EXECUTE)))
