"""The error catalogue as a page for people.

What enters: the catalogue. What leaves: Markdown, one table per section, in the order in which rows are looked for. `docs/errors.md`
is this text; a test compares them.
"""

from translator.errors import Family
from translator.response.catalogue import SECTIONS
from translator.response.catalogue_entry import Entry
from translator.response.catalogue_stream import STREAM

DIFY_ERRORS = {
    Family.CONNECTION: "InvokeConnectionError",
    Family.UNAVAILABLE: "InvokeServerUnavailableError",
    Family.RATE_LIMIT: "InvokeRateLimitError",
    Family.AUTHORIZATION: "InvokeAuthorizationError",
    Family.BAD_REQUEST: "InvokeBadRequestError",
}

INTRODUCTION = """\
<!-- Generated from translator/response/catalogue.py; a test keeps it equal. To write it again: uv run python docs/generate.py -->

# Errors

Every refusal of a server is looked up in these tables from top to bottom; the first row that fits wins. A row fits when its
status, its kind of body, its path and one of its text patterns (case ignored) fit; what a row does not name is free. Status 200
means an error inside a stream. To find an error that you have seen, search this page for a few words of it.

The text is what users read: what happened, then what to do. `{model}` and `{name}` stand for the model, `{route}` for the path,
`{status}` for the HTTP status, `{numbers}` for prompt and window in tokens where the server told them, `{proxy}` for the proxy by
name, `{said}` for a short piece of the server's own words without secrets; other names are taken from the server's text.

Dify shows the text of all errors except authorization errors, which it replaces by a general sentence about credentials when a
model runs. Rows marked "tried again" are repeated by the plugin as long as no byte of an answer was read.
"""

HEADER = "| Code | Text | Recognised by | Dify error | Source |\n| --- | --- | --- | --- | --- |\n"

STREAM_TITLE = "Replies that broke"
STREAM_INTRODUCTION = "Noticed while the answer is read; the text before the fault has been delivered.\n"


def render_markdown() -> str:
    """The whole page, ending with a newline."""
    tables = [f"## {section.title}\n\n{HEADER}{_rows(section.entries)}" for section in SECTIONS]
    stream = f"## {STREAM_TITLE}\n\n{STREAM_INTRODUCTION}\n{HEADER}{_rows(STREAM)}"
    return "\n".join([INTRODUCTION, *tables, stream])


def _rows(entries: tuple[Entry, ...]) -> str:
    return "".join(f"| {' | '.join(map(_cell, _columns(entry)))} |\n" for entry in entries)


def _columns(entry: Entry) -> tuple[str, ...]:
    return (
        f"`{entry.code}`",
        f"{entry.cause} {entry.remedy}",
        "<br>".join(_signs(entry)),
        DIFY_ERRORS[entry.family] + ("<br>tried again" if entry.retryable else ""),
        entry.source,
    )


def _signs(entry: Entry) -> list[str]:
    texts = " or ".join(_code(pattern.pattern) for pattern in entry.patterns)
    signs = {
        "status": _statuses(entry.statuses),
        "text": texts,
        "body:": ", ".join(sorted(entry.shapes)),
        "path": _code(entry.route.pattern),
        "model": _code(entry.model.pattern),
        "body with": "`signin_url`" if entry.signin else "",
    }
    return [f"{sign} {value}" for sign, value in signs.items() if value]


def _statuses(statuses: frozenset[int]) -> str:
    ordered = sorted(statuses)
    if len(ordered) > 8:
        return f"{ordered[0]}-{ordered[-1]}"
    return ", ".join(map(str, ordered))


def _code(text: str) -> str:
    if not text:
        return ""
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def _cell(text: str) -> str:
    return text.replace("|", r"\|").replace("\n", " ")
