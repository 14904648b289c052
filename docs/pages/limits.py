"""The limits of the translation as a page: what a hostile server can cost at most, and every limit with its reason."""

import attrs

from docs.pages.source_notes import generated_from, notes_of, table
from plugin_entry.network.connections import IDLE_KEPT, KEEP_ALIVE_S
from plugin_entry.network.names import FOR_GOOD_NAMES, OF_ONE_DOMAIN, OF_ONE_OWNER, PATIENCE_S, THREADS
from plugin_entry.network.retries import LONGEST_TURN_S
from translator import codec, limits
from translator.failures.catalogue import STREAM_FAULTS
from translator.limits import DEFAULT_LIMITS, MIB, SLICE_LINES
from translator.settings.auth import MOST_KEY_CHARS
from translator.settings.certificates import MOST_PEM_CHARS
from translator.settings.extra_headers import MOST_CHARS

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


BETWEEN_TENANTS: tuple[tuple[str, str], ...] = (
    (
        "host names that are answered slowly or never, in base URLs or in links",
        f"a thread each, {THREADS} at most, {OF_ONE_DOMAIN} for the names of one domain, {OF_ONE_OWNER} for the links of one tenant; "
        f"{FOR_GOOD_NAMES} are kept for names that were answered quickly before. `name_timeout` after {PATIENCE_S:g} s",
    ),
    (
        "a reply that nobody asked for, on a connection that waits for its next request",
        "the connection: it is closed, and the next request gets one of its own",
    ),
    (
        "a reply that nobody asked for, while the next request is on its way",
        "nothing of others: no two sets of credentials share a connection. Callers with the same one can be told it: HTTP/1.1 does not "
        "say which request a reply belongs to",
    ),
    ("a reply that is refused", "the connection: it is not used again"),
    ("a reply that cannot be read", "the connections to that server with these credentials: none of them is used again"),
    ("a reply before the whole request was sent", "the connection: it is not used again"),
    (
        "requests that stall, behind a gateway that others use, too",
        f"turns of its own: they are kept per address with path, key, headers and proxy, and waited for {LONGEST_TURN_S:g} s at most",
    ),
    ("connections that are kept for the next request", f"{IDLE_KEPT} for one place and set of credentials, for {KEEP_ALIVE_S:g} s"),
    ("names that lead to a metadata service of a cloud, today or after the check", "nothing: the connection is not made"),
    (
        "links to pictures inside of the network",
        "nothing: they are not followed, unless whoever runs Dify allows it (see [Using it](using.md#pictures-as-links))",
    ),
    (
        "very large keys, headers or certificates",
        f"{MOST_KEY_CHARS // 1024} Ki, {MOST_CHARS // 1024} Ki and {MOST_PEM_CHARS // 1024} Ki characters each; what is remembered of all "
        "settings has 4 MiB",
    ),
)

NETWORK = """
## What one tenant can cost another

By what is typed as a base URL, by a link in a message, or by a server that does as it likes.

"""


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
    rows += [
        (f"`REPLY_BYTES[{route}]`", f"{most // 1024:,} KiB", "A reply of this route, after it was unpacked.")
        for route, most in limits.REPLY_BYTES.items()
    ]
    rows += [
        ("`WHOLE_REPLY_BYTES`", f"{limits.WHOLE_REPLY_BYTES // MIB} MiB", "Any other reply that is read as a whole."),
        ("`VECTORS_BYTES`", f"{limits.VECTORS_BYTES // MIB} MiB", "Vectors of one request; less for few texts (`vectors_bytes`)."),
        ("`REFUSAL_BYTES`", f"{limits.REFUSAL_BYTES // MIB} MiB", "What is read of a refusal."),
    ]
    return (
        generated_from("translator/limits.py", "docs/pages/limits.py")
        + INTRODUCTION
        + "\n"
        + table(("What it sends", "What ends it", "At once", "All in all"), costs)
        + NETWORK
        + table(("What comes", "What it can take"), BETWEEN_TENANTS)
        + "\n## Every limit\n\n"
        + table(("Name", "At most", "Of what"), rows)
    )


def _spelled(name: str, value: int) -> str:
    if not name.endswith(("_bytes", "_chars")) or value % 1024:
        return f"{value:,}"
    unit = "characters" if name.endswith("_chars") else ""
    size = f"{value // MIB:,} MiB" if value % MIB == 0 else f"{value // 1024:,} Ki"
    return f"{size} {unit}".strip()
