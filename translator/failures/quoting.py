"""Makes a server's own words fit for a message that other people may read: short, without secrets and echoes of a request.

It removes too much rather than too little: a lost word costs a look into the server's log, a shown key costs the key. The order of the
rules matters: a rule must not remove the words by which a later one recognises its target.
"""

import re

QUOTE_CHARS = 200
NAME_CHARS = 120
LINE_CHARS = 1000
"""Characters of a line that are examined; the cut happens at a space, so that no half secret escapes the rules."""

HIDDEN = "[...]"
CUT = "…"
"""Stands at the end of a line that was cut before it was examined; a quotation that is open there goes on behind it."""
OPENING = r"(?<![^\s(\[{<:=,;])"
"""An opening quote stands at the beginning or behind a blank, bracket, colon or comma; all others are apostrophes or closing."""
NAMES = r"\[(?:[\"'][\w.:-]{1,30}[\"'](?:,\s?)?)+\]|(?<=')[\[{]'(?=[,\s])"
"""A list of words to choose from, and a lone bracket that a parser expected."""

RULES: tuple[tuple[str, re.Pattern[str], str], ...] = (
    (
        "authorization header",
        re.compile(r"bearer(?=[\W_]).*|basic\s+(?=\S*(?-i:[A-Z0-9+/=])).*|(?:authorization|proxy-auth\w*)[\"']?\s*[:=].*", re.I),
        HIDDEN,
    ),
    ("echoed tool arguments (0.33.0-rc2 harmony-malformed-call)", re.compile(r"raw\s*=.*", re.I), HIDDEN),
    ("echoed input of a JSON parser or FastAPI", re.compile(r"(?:last read|input(?:_value)?)\s*[:=].*", re.I), HIDDEN),
    (
        "value echoed by serde (rerank tei-wrong-type)",
        re.compile(r"(?<=: )(string|map|sequence|integer|floating point) [\"`'].*?(?=, expected|$)", re.I),
        r"\1",
    ),
    ("JSON fragment", re.compile(rf"(?!{NAMES})[\[{{]\s*[\"'{{\\].*"), HIDDEN),
    ("user and password before a host, or an e-mail address", re.compile(r"\S*@\S*"), HIDDEN),
    ("named secret", re.compile(r"(?:key|token|secret|passw\w*|pwd|sig(?:nature)?|session\w*|cookie)[\"']?\s*[=:]\s*\S+", re.I), HIDDEN),
    ("key or JWT by its prefix", re.compile(r"\b(?:sk|pk|hf|gh[a-z]|xox[a-z])[-_][\w-]{8,}|\beyJ[\w.-]+"), HIDDEN),
    ("worker address (xinference-wrong-model-name)", re.compile(r"\[address=[^\]]*\]\s*"), ""),
    (
        "address with a query, a port or inside a private network",
        re.compile(r"\w+://(?!ollama\.com/\w+(?![\w?#/.:])|ollama\.com(?![\w?#/.:]))\S*?(?=[\"'`]?[:,;.)]?(?:\s|$))"),
        HIDDEN,
    ),
    (
        "loopback or private address",
        re.compile(r"\[?(?:::1|\b(?:127|10)(?:\.\d+){3}|\b192\.168(?:\.\d+){2}|\blocalhost)\]?(?::\d+)?"),
        HIDDEN,
    ),
    ("file of the server", re.compile(r"(?<![\w:/.])(?:[A-Za-z]:)?[\\/](?:[\w.+-]+[\\/]){2,}[\w.+-]*"), HIDDEN),
    ("long quotation", re.compile(rf"{OPENING}([\"'`])(?:(?!\1(?!\w)).){{60,}}(?:\1(?!\w)|{CUT}$)|[“«].{{60,}}?[”»]"), HIDDEN),
)

REFERENCE = re.compile(r"\(ref: [0-9a-f-]{36}\)")
"""The id by which ollama.com finds a failed request (0.33.0-rc2 `cloud-proxy-ise`); people need it to ask for help."""

BLOB = re.compile(r"\(ref: [0-9a-f-]{36}\)|[A-Za-z0-9+/_=-]{24,}")
WORDS = re.compile(r"[a-z]{1,15}(?:[_/-][a-z]{1,15})*[_/-]?|(?:[A-Z][a-z]{2,15})+")
"""`user/assistant/user`, `exceed_context_size_error`, `ToolCallFunctionArguments`: long, and no secret."""
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
INVISIBLE = re.compile(r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")


REASON = re.compile(r"\s*(?:fatal |caused by: )?(?:\w+\.)*\w*(?:error|exception)\b[^:]{0,40}:\s*\S", re.IGNORECASE)
"""A line that names the reason, among several: the last line of a traceback, or of a template engine that shows the place first."""


def quotable(text: str) -> str:
    """The line of `text` with the reason, at most 200 characters, without secrets and echoes; empty when none is left."""
    line = _clean(reason_line(text))
    for _, pattern, replacement in RULES:
        line = pattern.sub(replacement, line)
    line = BLOB.sub(_hide_blob, line.removesuffix(CUT)).strip(" .")
    if not line.replace(HIDDEN, "").strip(" .,:;-'\""):
        return ""
    return line if len(line) <= QUOTE_CHARS else f"{line[: QUOTE_CHARS - 1].rstrip()}{CUT}"


def reason_line(text: str) -> str:
    """Of several lines the last one that names an error, else the first one with a word in it."""
    lines = [line for line in text.splitlines() if any(map(str.isalnum, line))]
    return next((line for line in reversed(lines) if REASON.match(line)), lines[0] if lines else "")


def printable_name(name: str) -> str:
    """A model's name, or a path, as it may stand in a message: one line, at most 120 characters. Names are not secret."""
    return _one_line(name[: NAME_CHARS * 2])[:NAME_CHARS].strip()


def _clean(line: str) -> str:
    return _one_line(line) if len(line) <= LINE_CHARS else _one_line(line[:LINE_CHARS].rpartition(" ")[0]) + CUT


def _one_line(text: str) -> str:
    return " ".join(CONTROLS.sub(" ", INVISIBLE.sub("", text)).split())


def _hide_blob(seen: re.Match[str]) -> str:
    found = seen[0]
    return found if REFERENCE.fullmatch(found) or WORDS.fullmatch(found) else HIDDEN
