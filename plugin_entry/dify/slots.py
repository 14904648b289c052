"""Bounds how many requests run at a time, and how many of them one server may have.

A request waits in a greenlet until its server answers, however long that takes. So one server gets a share only, and what needs no answer
of a model (checks, schemas, token counts) has slots of its own. A request without a slot is refused at once.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import attrs
from dify_plugin.errors.model import InvokeServerUnavailableError

SHARE = 4
"""One server has at most one slot in so many."""

INVOKES = ("invoke_", "start_polling", "check_polling")
"""Beginnings of the actions that wait for an answer of a model."""

IDENTITY = ("base_url", "api_key", "extra_headers")
"""What tells servers apart, as it was saved: two tenants behind one gateway have two shares."""


@attrs.define(slots=True, eq=False)
class Slots:
    """Of one process; `most` of each kind."""

    most: int
    _taken: Counter[bool] = attrs.field(factory=Counter, init=False)
    _of_server: Counter[tuple[bool, tuple[str, ...]]] = attrs.field(factory=Counter, init=False)

    @property
    def share(self) -> int:
        """Slots of each kind that one server may have."""
        return max(1, self.most // SHARE)

    @contextmanager
    def slot(self, data: Mapping[str, object]) -> Iterator[None]:
        """Holds a slot for the request with this data. Raises InvokeServerUnavailableError at once when there is none."""
        is_long = str(data.get("action")).startswith(INVOKES)
        owner = is_long, _server_of(data)
        if self._taken[is_long] >= self.most:
            raise InvokeServerUnavailableError(
                f"The Ollama plugin is busy with {self.most:,} requests, which is all it takes at a time. Try again in a moment; "
                "if this lasts, its log says which servers do not answer."
            )
        if self._of_server[owner] >= self.share:
            raise InvokeServerUnavailableError(
                f"This server already has {self.share:,} requests of the Ollama plugin at a time, which is its share, so that others find "
                "a place. Try again when some of them have ended."
            )
        self._taken[is_long] += 1
        self._of_server[owner] += 1
        try:
            yield
        finally:
            self._taken[is_long] -= 1
            self._of_server[owner] -= 1
            if not self._of_server[owner]:
                del self._of_server[owner]


def _server_of(data: Mapping[str, object]) -> tuple[str, ...]:
    credentials = data.get("credentials")
    return tuple(str(credentials.get(name) or "") for name in IDENTITY) if isinstance(credentials, Mapping) else ()
