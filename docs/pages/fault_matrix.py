"""The fault matrix as a page: what a server or a network does wrong, and what a user of Dify gets for it.

It shows the table that `tests/faults/test_faults.py` proves over real sockets; nothing is run.
"""

from docs.pages.source_notes import generated_from, table
from tests.faults.cells import CLASSES, Expected, Kind, NotApplicable
from tests.faults.faults import CELLS, FAULTS
from tests.faults.summary import Summary, delivered, summaries

INTRODUCTION = """
# Faults

What can go wrong between the plugin and a server, and what comes of it. Each cell is a test over real sockets: a server plays the fault,
byte by byte, on the route of the operation, and the call goes through the classes that Dify loads. To see it run:

```bash
uv run python -m tests.faults
```

<div class="filter" data-label="Words of a fault, or a code"></div>

A cell names the plugin's code for the error; causes and remedies are in the [error catalogue](errors.md). Its class, which decides what
Dify does, is the word before it: {classes}. Where a form is checked it is always `CredentialsValidateFailedError`, whose text the form
shows. Dify's core rests a load-balanced credential after a connection, authorization or rate limit error and takes the next one.

Chat and completion have the same outcomes, streamed or not. "after" says what a stream had delivered before the error: it is never taken
back, never lost, and an open think block is closed. A blocking call delivers nothing then. Tool calls are delivered together at the end,
so that no agent acts on half of them.

For every cell: one error or a well-formed end, never both; no key, prompt, password or header in the error; a class whose text Dify shows;
an end in time; the proxy named where one may be why; the connection closed afterwards, unless it can serve the next request; and no request
sent again that may have run.
There are {cells} cells.
"""

COLUMNS = ("Fault", "Chat, completion", "Embedding", "Rerank service", "Check of the form")
KINDS = (Kind.CHAT, Kind.EMBED, Kind.RERANK, Kind.VALIDATE)
WORDS = {family: name.removeprefix("Invoke").removesuffix("Error") for family, name in CLASSES.items()}


def fault_matrix_page() -> str:
    """The whole page, ending with a newline."""
    classes = ", ".join(f"{word} (`{CLASSES[family]}`)" for family, word in WORDS.items())
    parts = [generated_from("tests/faults/faults.py"), INTRODUCTION.format(classes=classes, cells=f"{len(CELLS):,}")]
    for section in dict.fromkeys(fault.section for fault in FAULTS):
        rows = [_row(summary) for summary in summaries(fault for fault in FAULTS if fault.section == section)]
        parts.append(f"\n## {section}\n\n{table(COLUMNS, rows)}")
    return "".join(parts)


def _row(summary: Summary) -> tuple[str, ...]:
    return (f"**{summary.title}**<br>{summary.says}", *(_cell(kind, summary.expected[kind]) for kind in KINDS))


def _cell(kind: Kind, expected: Expected) -> str:
    if isinstance(expected, NotApplicable):
        return f"does not apply: {expected.reason}"
    if expected.family is None:
        return "works"
    before = delivered(expected)
    word = "" if kind is Kind.VALIDATE else f"{WORDS[expected.family]} "
    return f"{word}`{expected.code}`" + (f"<br>after {before}" if before else "")
