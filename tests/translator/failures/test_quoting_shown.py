"""Of every recorded or reported refusal people see the sentence they need, and nobody sees a prompt."""

import re
from collections.abc import Iterator

import orjson
import pytest

from fixtures import recordings
from tests.translator.failures.failure_wordings import TWICE, WORDINGS
from tests.translator.failures.test_bodies_too_long import SAYS
from tests.translator.failures.test_catalogue import PLAIN_TEXTS, body_of
from tests.translator.recorded_failures import error_line, failed
from translator.failures.bodies import unwrap
from translator.failures.build import failure_from_reply, failure_in_stream
from translator.failures.quoting import HIDDEN, quotable, reason_line
from translator.rerank.refusals import rerank_refusal
from translator.shapes.exchange import HttpReply

INTERNAL = re.compile(r"https?://|raw=|/(?:usr|models|build)/|\[address=|invalid type: string \"|127\.0\.0\.1")
"""What is hidden with a reason: addresses, arguments of a call, files of the server, workers, texts of the request."""


def sentences() -> Iterator[str]:
    """The innermost sentence of everything that the tests know."""
    for exchange in recordings.every(failed):
        yield unwrap(exchange.body if exchange.status >= 400 else orjson.dumps({"error": error_line(exchange)})).text
    for _, text, _, _ in WORDINGS:
        yield unwrap(text.encode() if text.startswith(PLAIN_TEXTS) else body_of(text)).text
    yield from (text for text, _, _ in TWICE)
    yield from (text for text, _ in SAYS.values())


def plain(text: str) -> str:
    return " ".join(text.split()).strip(" .")


@pytest.mark.parametrize("text", sorted(set(sentences())))
def test_nothing_that_a_person_needs_is_hidden(text: str) -> None:
    line, shown = plain(reason_line(text)), quotable(text)
    if not INTERNAL.search(line):
        assert shown.rstrip("…") == line[: len(shown.rstrip("…"))]
        assert HIDDEN not in shown


REPORTED: dict[str, tuple[int, object, str]] = {
    "hourly limit": (
        429,
        {"error": "you've reached your hourly usage limit, please wait or upgrade to continue"},
        'said: "you\'ve reached your hourly usage limit, please wait or upgrade to continue"',
    ),
    "weekly limit": (
        429,
        {"error": "you've used this week's allowance, which is your plan's weekly limit; it's back on Monday"},
        "allowance, which is your plan's weekly limit; it's back on Monday",
    ),
    "output limit": (
        400,
        {"error": "max_tokens (32000) exceeds model's maximum output tokens (16384) for this deployment"},
        "max_tokens (32000) exceeds model's maximum output tokens (16384) for this deployment",
    ),
    "thinking": (
        400,
        {"error": "The `reasoning_content` in thinking mode must be passed back to the API. (ref: 0f3c8f2e-5a0e-4f0a-9a51-6d1d2b1c7e11)"},
        "must be passed back to the API. (ref: 0f3c8f2e-5a0e-4f0a-9a51-6d1d2b1c7e11)",
    ),
    "parameter": (
        400,
        {"error": {"code": 400, "message": "Field 'repeat_last_n': Value must be between 0 <= value <= 2147483647, but got -1"}},
        "Field 'repeat_last_n': Value must be between 0 <= value <= 2147483647, but got -1",
    ),
    "reason at the end": (
        500,
        {"error": '{"error": {"code": 500, "message": "\\n---\\nWhile executing X:\\n...\\nError: Jinja Exception: No."}}'},
        'refused the conversation: "No"',
    ),
    "killed": (500, {"error": "llama-server process has terminated: signal: aborted"}, "process has terminated: signal: aborted"),
    "words to choose from": (
        400,
        {"error": "effort: expected one of ['low', 'medium', 'high']"},
        "expected one of ['low', 'medium', 'high']",
    ),
}


@pytest.mark.parametrize(("status", "document", "shown"), REPORTED.values(), ids=REPORTED)
def test_reported_words_are_shown_whole(status: int, document: object, shown: str) -> None:
    assert shown in str(failure_from_reply(status, orjson.dumps(document), model="m"))


PROMPT = "the merger with Acme that we announce on Friday in Paris, which nobody may know before the board has met and agreed"

ECHOES: dict[str, object] = {
    "quoted": f'cannot tokenize "{PROMPT}" for this model',
    "quoted with apostrophes": f"cannot answer '{PROMPT}, what's next, it's late' now",
    "back-ticks": f"no answer to `{PROMPT}` was found",
    "typographic quotes": f"no answer to “{PROMPT}” was found",
    "never ends": f'unterminated string "{PROMPT * 12}',
    "JSON": f'unexpected value {{"content": "{PROMPT}"}}',
    "messages": f"bad messages: [{{'role': 'user', 'content': '{PROMPT}'}}]",
    "list": f"cannot embed ['{PROMPT}']",
    "pydantic": f"1 validation error [type=string_type, input_value='{PROMPT}', input_type=str]",
    "parser": f"unexpected end of input; last read: '\"{PROMPT}'",
    "serde": f'texts: invalid type: string "{PROMPT}", expected a sequence',
    "FastAPI": {"detail": [{"loc": ["body", "query"], "msg": "Field required", "input": {"documents": [PROMPT]}}]},
    "tool arguments": f"error parsing tool call: raw='{PROMPT}', err=unexpected end of JSON input",
    "later line": f"cannot continue\n{PROMPT}",
    "line after a colon": f"cannot continue this prompt:\n{PROMPT}",
    "quoted in the reason": f"Traceback:\n  File x\nValueError: cannot read '{PROMPT}'",
}


@pytest.mark.parametrize("status", [400, 404, 500])
@pytest.mark.parametrize("said", ECHOES.values(), ids=ECHOES)
def test_no_echo_of_a_prompt_is_shown(said: object, status: int) -> None:
    body = orjson.dumps({"error": said} if isinstance(said, str) else said)
    errors = [failure_from_reply(status, body), failure_in_stream(orjson.loads(body))]
    errors += [rerank_refusal(HttpReply(status=status, body=body), route="/v1/rerank", sent=[PROMPT]).error]
    assert not any(word in str(error) for error in errors for word in ("merger", "Acme", "board"))
