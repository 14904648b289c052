"""The limits of the translation as a page: what a hostile server can cost at most, and every limit with its reason."""

import attrs

from docs.pages.source_notes import generated_from, notes_of, table
from translator import codec, limits
from translator.failures.catalogue import STREAM_FAULTS
from translator.limits import DEFAULT_LIMITS, MIB, SLICE_LINES

INTRODUCTION = f"""
# Limits

One process serves all users of an installation, and a base URL is whatever a user types. So nothing that a server sends may exhaust the
memory of the process or keep others waiting. Every bound stands in `translator/limits.py` and is passed in; the size of an answer is a
setting of the model.

A reply is read in slices of some {SLICE_LINES} lines (`ReplyStream.slices`), and others have their turn in between. Time limits count
`ReplyStream.progress`, not bytes: a server that only sends blanks is as silent as one that sends nothing.

## What a hostile server can cost

CPU of the plugin, measured on one core of a desktop; *at once* is the longest piece of work that nothing can interrupt.
"""

COSTS: tuple[tuple[str, str, str, str], ...] = (
    ("empty objects, empty lines, lines with empty content, only white space, without end", "says_nothing", "5 ms", "80 ms"),
    ("tool calls without end", "too_many_calls", "3 ms", "20 ms"),
    ("large tool calls without end", "calls_too_large", "3 ms", "0.5 s"),
    ("one letter a line, without end", "reply_without_end", "1 ms", "some 3 s, in slices"),
    ("much text, without end", "answer_too_large", "1 ms", "as long as it takes to send"),
    ("a line without end", "line_too_long", "1 ms", "10 ms"),
    ("a line of 16 MiB of `[[],[],...`, of numbers, or of empty texts", "line_too_full", "90 ms", "90 ms"),
    ("a line of as many lists and objects as are allowed", "", "20 ms", "20 ms"),
    ("a line of 16 MiB of text, which is allowed", "", "0.1 s", "0.1 s"),
)


def limits_page() -> str:
    """The whole page, ending with a newline."""
    unknown = [code for _, code, _, _ in COSTS if code and code not in STREAM_FAULTS]
    if unknown:
        raise ValueError(f"no such error: {', '.join(unknown)}")
    costs = [(what, f"`{code}`" if code else "", at_once, whole) for what, code, at_once, whole in COSTS]
    notes = notes_of(limits, "Limits")
    rows = [(f"`{name}`", _spelled(name, value), notes[name]) for name, value in attrs.asdict(DEFAULT_LIMITS).items()]
    rows.append(
        ("`codec.MOST_VALUES`", f"{codec.MOST_VALUES:,}", "Values in any other reply: of `/api/show`, `/api/tags`, `/api/embed`, rankings.")
    )
    rows.append(("`codec.MOST_CONTAINERS`", f"{codec.MOST_CONTAINERS:,}", "Lists and objects in any other reply."))
    return (
        generated_from("translator/limits.py", "docs/pages/limits.py")
        + INTRODUCTION
        + "\n"
        + table(("What it sends", "What ends it", "At once", "All in all"), costs)
        + "\n## Every limit\n\n"
        + table(("Name", "At most", "Of what"), rows)
    )


def _spelled(name: str, value: int) -> str:
    if not name.endswith(("_bytes", "_chars")) or value % 1024:
        return f"{value:,}"
    unit = "characters" if name.endswith("_chars") else ""
    size = f"{value // MIB:,} MiB" if value % MIB == 0 else f"{value // 1024:,} Ki"
    return f"{size} {unit}".strip()
