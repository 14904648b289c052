"""The words of the fault matrix: operations, faults, and what comes of them. Data only, so that a page can be made without a server."""

from collections.abc import Iterator, Mapping
from enum import StrEnum

import attrs

from translator.errors import Family

CLASSES: Mapping[Family, str] = {
    Family.CONNECTION: "InvokeConnectionError",
    Family.UNAVAILABLE: "InvokeServerUnavailableError",
    Family.RATE_LIMIT: "InvokeRateLimitError",
    Family.AUTHORIZATION: "InvokeAuthorizationError",
    Family.BAD_REQUEST: "InvokeBadRequestError",
}
CHECK_CLASS = "CredentialsValidateFailedError"


class Kind(StrEnum):
    """What Dify asks for."""

    CHAT = "chat"
    GENERATE = "generate"
    EMBED = "embed"
    RERANK = "rerank"
    VALIDATE = "validate"


class Operation(StrEnum):
    """The columns: what is asked for and how. Vectors, rankings and checks of a form have no stream."""

    STREAM_CHAT = "stream/chat"
    STREAM_GENERATE = "stream/generate"
    CHAT = "blocking/chat"
    GENERATE = "blocking/generate"
    EMBED = "blocking/embed"
    RERANK = "blocking/rerank"
    VALIDATE = "blocking/validate"

    @property
    def kind(self) -> Kind:
        return Kind(self.value.partition("/")[2])

    @property
    def streams(self) -> bool:
        return self.value.startswith("stream/")


class Reply(StrEnum):
    """What a model says before, or in spite of, the fault. Where an answer is one JSON document it has no such shapes."""

    PLAIN = "plain"
    """`Hel`, `lo`, done."""
    THOUGHT = "thought"
    """Thinks `hm`, says `Hello`, done."""
    CALLS = "calls"
    """Calls `look`, calls `find`, done."""


@attrs.frozen(slots=True)
class Outcome:
    """What a caller gets. No code: it works. `delivered` is in the notation of `transcript.py`; of an error only a stream has any."""

    code: str = ""
    family: Family | None = None
    delivered: str = ""


@attrs.frozen(slots=True)
class NotApplicable:
    """A cell that makes no sense, and why."""

    reason: str


type Expected = Outcome | NotApplicable

WORKS = Outcome()
"""The operation's good result (`GOOD`)."""
GOOD: Mapping[Kind, str] = {
    Kind.CHAT: "text[Hello] end[stop]",
    Kind.GENERATE: "text[Hello] end[stop]",
    Kind.EMBED: "vectors[2]",
    Kind.RERANK: "documents[2]",
    Kind.VALIDATE: "accepted[]",
}


@attrs.frozen(slots=True, kw_only=True)
class Fault:
    """One row. `says` completes "the server ..."; `limits` and `saved` are further credentials, in the words of the form."""

    name: str
    section: str
    says: str
    expected: Mapping[Kind, Expected]
    reply: Reply = Reply.PLAIN
    saved: Mapping[str, str] = attrs.field(factory=dict)
    names: str = ""
    """What the error says in every cell, case ignored: who is named as the one that may be why."""
    status: int = 0
    shape: str = ""
    """For refusals, which all have the same script."""

    def of(self, operation: Operation) -> Expected:
        """What a cell expects: whole answers that fail deliver nothing."""
        expected = self.expected[operation.kind]
        if isinstance(expected, NotApplicable):
            return expected
        delivered = expected.delivered or ("" if expected.code else GOOD[operation.kind])
        if not operation.streams and operation.kind in {Kind.CHAT, Kind.GENERATE}:
            delivered = "" if expected.code else delivered.partition(" end[")[0]
        return attrs.evolve(expected, delivered=delivered)


@attrs.frozen(slots=True, kw_only=True)
class Cell:
    """One fault in one operation."""

    fault: Fault
    operation: Operation
    expected: Outcome

    @property
    def name(self) -> str:
        return f"{self.fault.name}/{self.operation}"

    @property
    def error_class(self) -> str:
        """The class Dify shows; empty when it works."""
        if self.expected.family is None:
            return ""
        return CHECK_CLASS if self.operation is Operation.VALIDATE else CLASSES[self.expected.family]


def cells_of(fault: Fault) -> Iterator[Cell]:
    """The cells of a row that make sense."""
    for operation in Operation:
        expected = fault.of(operation)
        if isinstance(expected, Outcome):
            yield Cell(fault=fault, operation=operation, expected=expected)
