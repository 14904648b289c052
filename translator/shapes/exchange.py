"""One HTTP exchange as data, and the form of every calculation that needs several of them.

A plan is a generator: it yields the requests of a round (they may be sent at the same time, in any order), is sent their replies in
the same order, and returns its result. So all logic of batches, retries and dialects runs without sockets; whoever drives a plan decides
about connections, timeouts and how many requests of a round are under way at once. Faults of the transport are raised by the driver and
never sent into the plan; closing the generator is the way to cancel.
"""

from collections.abc import Generator, Mapping

import attrs

from translator.limits import WHOLE_REPLY_BYTES
from translator.shapes.headers import Headers, as_headers


@attrs.frozen(slots=True, kw_only=True)
class HttpRequest:
    """A request to send. `url` is a path (`/api/embed`), to be joined to the server's address, or a whole address.

    `headers` may hold a key and `url` a password, `body` holds prompts: none of them is shown.
    """

    method: str = "POST"
    url: str = attrs.field(repr=False)
    body: bytes = attrs.field(default=b"", repr=False)
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    reply_bytes: int = WHOLE_REPLY_BYTES
    """What its reply may have at most, after it was unpacked."""


@attrs.frozen(slots=True, kw_only=True)
class HttpReply:
    """A whole reply, whatever its status."""

    status: int
    headers: Headers = attrs.field(default=Headers(), converter=as_headers, repr=False)
    body: bytes = attrs.field(default=b"", repr=False)

    @property
    def content_type(self) -> str:
        """The `Content-Type` header as sent, whatever the case of its name; empty when there is none."""
        return self.headers.first("Content-Type")


type Round = tuple[HttpRequest, ...]
"""Requests that may be sent at the same time."""
type Replies = tuple[HttpReply, ...]
"""The replies to a round, in the order of its requests."""
type Plan[T] = Generator[Round, Replies, T]
"""What takes several requests: yields rounds, is sent their replies, returns its result. `run_plan` runs it."""
