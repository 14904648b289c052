"""Dify's daemon in front of a plugin process, as strict as the real one.

A request is given as Dify's core words it. A frame that the daemon would refuse, a line that is too long, a frame after the end and a
missing end are errors of the test.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from plugin_entry.cli.daemon import Frame, PluginProcess
from tests.stdio.daemon_replies import ERROR, REPLIES, RefusedFrame, check
from tests.stdio.daemon_requests import as_daemon_sends

LINE_LIMIT = 5 * 1024 * 1024
"""PLUGIN_RUNTIME_MAX_BUFFER_SIZE: beyond it the daemon kills the plugin and with it all requests that are running."""
WITHIN_S = 60.0


@attrs.frozen(slots=True, kw_only=True)
class Reply:
    """All that came back: stream payloads, with the seconds when each came if a clock ran, and the error if there was one."""

    payloads: tuple[Any, ...]
    error: Mapping[str, Any] | None
    times: tuple[float, ...] = ()

    @property
    def only(self) -> Any:
        """The payload of a request that is answered in one piece."""
        assert self.error is None, self.error
        (payload,) = self.payloads
        return payload

    @property
    def error_type(self) -> str:
        return "" if self.error is None else self.error["error_type"]

    @property
    def message(self) -> str:
        return "" if self.error is None else self.error["message"]


class Daemon:
    """Sends requests to a plugin that runs."""

    def __init__(self, plugin: PluginProcess) -> None:
        self.plugin = plugin
        self._actions: dict[str, str] = {}

    def invoke(self, data: Mapping[str, Any], within_s: float = WITHIN_S) -> Reply:
        """Sends a request and waits for all of its reply."""
        return self.reply(self.send(data), within_s)

    def send(self, data: Mapping[str, Any]) -> str:
        """Sends a request as the daemon words it; gives its session id."""
        session_id = self.plugin.send(as_daemon_sends(data))
        self._actions[session_id] = data["action"]
        return session_id

    def reply(self, session_id: str, within_s: float = WITHIN_S) -> Reply:
        """Waits for the rest of a reply. Raises RefusedFrame."""
        frames = list(self.frames(session_id, within_s))
        streamed = [frame for frame in frames if frame.kind == "stream"]
        errors = [frame.data for frame in frames if frame.kind == "error"]
        return Reply(
            payloads=tuple(frame.data for frame in streamed),
            times=tuple(frame.seconds for frame in streamed),
            error=errors[0] if errors else None,
        )

    def frames(self, session_id: str, within_s: float = WITHIN_S) -> Iterator[Frame]:
        """Gives the frames, each checked as it comes. Raises RefusedFrame."""
        action = self._actions.pop(session_id)
        failed = False
        for frame in self.plugin.frames(session_id, within_s):
            if frame.size > LINE_LIMIT:
                raise RefusedFrame(f"a line of {frame.size} bytes")
            if failed and frame.kind != "end":
                raise RefusedFrame(f"a frame of kind {frame.kind} after an error")
            if frame.kind != "end":
                check(frame.data, ERROR if frame.kind == "error" else REPLIES[action])
            failed = failed or frame.kind == "error"
            yield frame
