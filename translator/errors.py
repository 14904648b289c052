"""Every way a translation can fail, as data: one exception root with two branches.

`RequestError`: the caller's input cannot be sent. `ServerError`: the server refused, failed or broke off. Each carries the family of Dify
errors it belongs to, and two plain sentences, a cause and a remedy. No key, prompt, argument, image or URL credential enters a message.
"""

from enum import StrEnum
from typing import Self

import attrs


class Family(StrEnum):
    """The five error kinds that Dify shows as readable text; anything else reaches users as a JSON traceback."""

    CONNECTION = "connection"
    UNAVAILABLE = "unavailable"
    RATE_LIMIT = "rate_limit"
    AUTHORIZATION = "authorization"
    BAD_REQUEST = "bad_request"


@attrs.frozen(slots=True, kw_only=True)
class Problem:
    """One failure: a stable `code` for programs, a `cause` and a `remedy` sentence for people."""

    code: str
    family: Family
    cause: str
    remedy: str = ""

    @property
    def message(self) -> str:
        """Cause and remedy as one text, the only text a user sees."""
        return f"{self.cause} {self.remedy}".strip()


class TranslatorError(Exception):
    """Root of everything this library raises on purpose."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem

    @classmethod
    def of(cls, code: str, cause: str, remedy: str = "", *, family: Family = Family.BAD_REQUEST) -> Self:
        """Builds the exception from its facts; `family` defaults to bad request."""
        return cls(Problem(code=code, family=family, cause=cause, remedy=remedy))

    @property
    def code(self) -> str:
        return self.problem.code

    @property
    def family(self) -> Family:
        return self.problem.family


class RequestError(TranslatorError):
    """The request cannot be sent as it is: the caller's input is at fault."""


class ServerError(TranslatorError):
    """The server refused, failed, or ended its reply too early."""
