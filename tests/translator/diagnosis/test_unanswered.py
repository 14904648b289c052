"""Who answers at an address that should be Ollama: when more routes are asked, and what is wrong there."""

import pytest

from translator.diagnosis.server_kinds import TAGS, VERSION
from translator.diagnosis.unanswered import Outcome, is_open_who, why_unusable
from translator.errors import Family, ServerError
from translator.shapes.exchange import HttpReply

PLACE = "http://box:11434"
SILENT = ServerError.of("connection_refused", "Nobody accepts connections.", "Start Ollama.", family=Family.CONNECTION)
LOGIN, PAGE = HttpReply(status=401, body=b""), HttpReply(status=200, body=b"<html><title>Welcome</title></html>")
TWO: dict[str, Outcome] = {VERSION: HttpReply(status=200, body=b'{"version":"0.24.0"}'), TAGS: HttpReply(status=200, body=b'{"models":[]}')}

CASES: dict[str, tuple[dict[str, Outcome], bool, str]] = {
    "Ollama": (TWO, False, ""),
    "Ollama without its list": ({**TWO, TAGS: SILENT}, True, ""),
    "nobody": ({VERSION: SILENT, TAGS: SILENT}, False, "connection_refused"),
    "a login": ({VERSION: LOGIN, TAGS: LOGIN}, True, "unauthorized"),
    "a login of LiteLLM": (
        {VERSION: LOGIN, TAGS: LOGIN, "/health/liveliness": HttpReply(status=200, body=b'"I\'m alive!"')},
        True,
        "not_ollama",
    ),
    "a page": ({VERSION: PAGE, TAGS: PAGE}, True, "not_ollama"),
}


@pytest.mark.parametrize("name", CASES)
def test_who_answers(name: str) -> None:
    answers, is_open, code = CASES[name]
    error = why_unusable(answers, PLACE)
    assert (is_open_who(answers), error.code if error else "") == (is_open, code)
