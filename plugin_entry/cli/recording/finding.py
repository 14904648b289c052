"""Where a text holds something that must not leave: what this run sent in secret, and what shows by its form what it is.

Escapes are undone level by level (JSON in JSON, percent signs in URLs in JSON), and every find is told as a place in the bytes that were
given. All rules are linear: each begins at a fixed word or at the beginning of a run, and looks at a bounded number of bytes from there.
"""

import html
import ipaddress
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs

from plugin_entry.cli.recording.scanning import TimeCheck
from plugin_entry.cli.recording.secrets import Secrets

LEVELS = 4
"""Times that escapes are undone."""
ANYWHERE = 5
"""Bytes of a secret that is hidden inside of words, too."""
WINDOW, OVERLAP = 1 << 16, 1 << 12
"""Bytes that one rule looks at in one go, so that other threads get their turn; OVERLAP is the longest find that is whole."""

type Range = tuple[int, int]

ESCAPE = re.compile(
    rb"\\u(?P<high>[dD][89abAB][0-9a-fA-F]{2})\\u(?P<low>[dD][c-fC-F][0-9a-fA-F]{2})|\\u(?P<code>[0-9a-fA-F]{4})"
    rb"|\\(?P<letter>[\"\\/bfnrt])|%(?P<percent>[0-9a-fA-F]{2})|(?P<entity>&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|amp|lt|gt|quot|apos);)"
)
LETTERS = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}
WRAPPED = re.compile(rb"(?<=[A-Za-z0-9+/_-]{40})[ \t]{0,16}\r?\n[ \t]{0,16}(?=[A-Za-z0-9+/_=-]{4})")
"""The end of a line of base64 that goes on in the next."""


@attrs.frozen(slots=True)
class SearchTerms:
    """What to search for. `plain`: values in lower case, and whether one is found only where no letter or digit touches it.

    `encoded`: what stands for them in base64.
    """

    plain: Mapping[bytes, bool] = attrs.field(factory=dict, repr=False)
    encoded: tuple[bytes, ...] = attrs.field(default=(), repr=False)


def search_terms(secrets: Secrets) -> SearchTerms:
    """The values themselves, and with escapes undone, because undoing those of a text undoes what looks like one in a value, too."""
    plain: dict[bytes, bool] = {}
    for value in secrets.spelled():
        for view in with_escapes_undone(View(value), LEVELS):
            plain.setdefault(view.data.lower(), len(value) < ANYWHERE)
    return SearchTerms(plain, secrets.in_base64())


@attrs.frozen(slots=True)
class View:
    """Bytes that were made from others. Piece `n` begins at `starts[n]`; made from `sources[n]` of `below`, or of the bytes given."""

    data: bytes
    starts: Sequence[int] = ()
    sources: Sequence[Range] = ()
    below: "View | None" = None

    def source(self, start: int, end: int) -> Range:
        """Which of the bytes given became `data[start:end]`."""
        if not self.starts:
            return start, end
        first, last = self._source(start)[0], self._source(end - 1)[1]
        return self.below.source(first, last) if self.below else (first, last)

    def _source(self, position: int) -> Range:
        piece = bisect_right(self.starts, position) - 1
        start, end = self.sources[piece]
        after = self.starts[piece + 1] if piece + 1 < len(self.starts) else len(self.data)
        offset = position - self.starts[piece]
        # what was copied has its length; what was decoded is shorter than its escape
        return (start + offset, start + offset + 1) if after - self.starts[piece] == end - start else (start, end)


def pieces_of(data: bytes, ranges: Iterable[Range]) -> View:
    """Parts of the bytes given, joined."""
    return _made(((data[start:end], start, end) for start, end in ranges), None)


def _made(pieces: Iterable[tuple[bytes, int, int]], below: View | None) -> View:
    parts, starts, sources, length = list[bytes](), list[int](), list[Range](), 0
    for part, start, end in pieces:
        if part:
            parts.append(part)
            starts.append(length)
            sources.append((start, end))
            length += len(part)
    return View(b"".join(parts), starts, sources, below)


def _replaced(view: View, pattern: re.Pattern[bytes], check: TimeCheck) -> View:
    def pieces() -> Iterator[tuple[bytes, int, int]]:
        done = 0
        for number, match in enumerate(pattern.finditer(view.data)):
            if number % WINDOW == 0:
                check()
            yield view.data[done : match.start()], done, match.start()
            yield _decoded(match) if match.lastgroup else b"", match.start(), match.end()
            done = match.end()
        yield view.data[done:], done, len(view.data)

    return _made(pieces(), view)


def _decoded(match: re.Match[bytes]) -> bytes:
    kind, text = match.lastgroup, match[match.lastgroup or 0]
    match kind:
        case "low":
            return _code(0x10000 + ((int(match["high"], 16) - 0xD800) << 10) + int(text, 16) - 0xDC00)
        case "code":
            return _code(int(text, 16))
        case "letter":
            return LETTERS.get(text, text)
        case "percent":
            return bytes((int(text, 16),))
        case _:
            return html.unescape(text.decode("ascii")).encode("utf-8", "replace")


def _code(number: int) -> bytes:
    return chr(number).encode("utf-8", "surrogatepass")


def with_escapes_undone(view: View, levels: int, check: TimeCheck = lambda: None) -> Iterator[View]:
    """The view itself, and the same bytes with one level of escapes undone after the other, as long as there are escapes."""
    yield view
    for _ in range(levels - 1):
        if ESCAPE.search(view.data) is None:
            return
        view = _replaced(view, ESCAPE, check)
        yield view


def secret_ranges(given: View, terms: SearchTerms, check: TimeCheck) -> Iterator[Range]:
    """Where something secret stands in the bytes that `given` was made from."""
    for view in with_escapes_undone(given, LEVELS, check):
        yield from (view.source(*found) for found in _found(view.data, terms, check))
        if b"\n" in view.data:
            unwrapped = _replaced(view, WRAPPED, check)
            places = (*_sent(unwrapped.data, SearchTerms(encoded=terms.encoded), check), *_pictures(unwrapped.data, check))
            yield from (unwrapped.source(*found) for found in places)


def _found(data: bytes, terms: SearchTerms, check: TimeCheck) -> Iterator[Range]:
    yield from _sent(data, terms, check)
    yield from _pictures(data, check)
    for start in range(0, max(len(data), 1), WINDOW):
        window = data[max(0, start - OVERLAP) : start + WINDOW]
        for find in RULES:
            check()
            for first, last in find(window):
                yield first + max(0, start - OVERLAP), last + max(0, start - OVERLAP)


def _sent(data: bytes, terms: SearchTerms, check: TimeCheck) -> Iterator[Range]:
    lower = data.lower()
    for term, is_alone in terms.plain.items():
        check()
        for start in _places(lower, term):
            end = start + len(term)
            if not is_alone or not (lower[start - 1 : start].isalnum() or lower[end : end + 1].isalnum()):
                yield start, end
    for core in terms.encoded:
        check()
        yield from ((start, start + len(core)) for start in _places(data, core))


def _places(data: bytes, text: bytes) -> Iterator[int]:
    position = data.find(text) if text else -1
    while position >= 0:
        yield position
        position = data.find(text, position + len(text))


# --- what shows by its form what it is ---------------------------------------------------------------------------------------------

KEY = re.compile(
    rb"(?<![A-Za-z0-9])(?:(?:sk-|[spr]k_live_|[spr]k_test_|hf_|gh[pousr]_|github_pat_|glpat-|xox[abeoprs]-|xai-|npm_|pypi-|nvapi-|tvly-|gsk_)"
    rb"[\w.-]{8,1024}|(?:AKIA|ASIA)[0-9A-Z]{12,64}|AIza[\w-]{16,128}|eyJ[\w-]{8,4000}(?:\.[\w-]{0,4000}){1,4})"
)
LOGIN = re.compile(rb"(?<![A-Za-z0-9])(?i:bearer|basic|token|apikey)\s{1,4}([\w.~+/=:-]{4,4000})")
LOGIN_IS_NO_WORD = re.compile(rb"\d|[=+/_~]|.{24}")
NAMED = re.compile(
    rb"(?i)(?:api[_-]?key|passw(?:or)?d|passwd|secret|(?:access|auth|refresh|id)_token)(?:\\{0,4}[\"'])?\s{0,4}[:=]\s{0,4}"
    rb"(?:\\{0,4}[\"'])?([^\s\"'\\,}&;<>]{1,1024})"
)
QUERY = re.compile(rb"[?&][\w.-]{1,64}=([^\s&\"'<>#\\]{1,2048})")
LOCAL = re.compile(
    rb"(?i)(?:localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|0\.0\.0\.0|\[::1?\]|(?:www\.|registry\.)?ollama\.(?:com|ai))(?::\d{1,5})?(?![\w.@-]|:\S)"
)
"""Hosts that tell nothing."""
AUTHORITY = re.compile(rb"[a-zA-Z0-9+.-]://([^\s\"'<>/\\?#]{1,512})")
UNC = re.compile(rb"(?<![\w\\])\\\\([\w.$-]{1,255}\\(?!\\)[^\s\"'<>|]{0,1024})")
DIALLED = re.compile(rb"(?<![a-z])(?:lookup|dial tcp) ([\w.:\[\]-]{0,255}[\w\]])")
AT = re.compile(rb"@[\w\x80-\xff-]{1,63}(?:\.[\w\x80-\xff-]{1,63}){1,8}")
BEFORE_AT = re.compile(rb"[^\s@\"'<>()\[\],;:\\]{1,64}\Z")
IPV4 = re.compile(rb"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.]{0,4}\.\d)")
IPV6 = re.compile(rb"(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])")
HOME = re.compile(rb"[/\\](?:home|Users)[/\\]{1,4}([^/\\\s\"':<>|]{1,128}(?: [^/\\\s\"':<>|]{1,64}){0,3}(?=[/\\])|[^/\\\s\"':<>|]{1,128})")
PEM = re.compile(rb"-----BEGIN [A-Z ]{0,32}(?:PRIVATE KEY|CERTIFICATE)-----")


def _keys(data: bytes) -> Iterator[Range]:
    yield from (match.span() for match in KEY.finditer(data))
    yield from (match.span(1) for match in LOGIN.finditer(data) if LOGIN_IS_NO_WORD.search(match[1]))
    for pattern in (NAMED, QUERY):
        yield from (match.span(1) for match in pattern.finditer(data))
    for match in PEM.finditer(data):
        last = data.find(b"-----", match.end())
        yield match.end(), last if last > match.end() else len(data)


def _hosts(data: bytes) -> Iterator[Range]:
    for pattern in (AUTHORITY, DIALLED):
        yield from (match.span(1) for match in pattern.finditer(data) if not LOCAL.match(data, match.start(1)))
    yield from (match.span(1) for pattern in (UNC, HOME) for match in pattern.finditer(data))


def _mails(data: bytes) -> Iterator[Range]:
    for at in AT.finditer(data):
        before = BEFORE_AT.search(data, max(0, at.start() - 64), at.start())
        if before:
            yield before.start(), at.end()


def _addresses(data: bytes) -> Iterator[Range]:
    """Numbers that are an address; this machine's own tell nothing."""
    for pattern in (IPV4, IPV6):
        for match in pattern.finditer(data):
            try:
                address = ipaddress.ip_address(match[0].decode())
            except ValueError:
                continue
            if not (address.is_loopback or address.is_unspecified or (pattern is IPV6 and not re.search(rb"\d.*:.*[\da-fA-F]", match[0]))):
                yield match.span()


RULES = (_keys, _hosts, _mails, _addresses)

RUN = re.compile(rb"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{100,}+={0,2}")
MAGIC = re.compile(
    rb"(?<![A-Za-z0-9+/_-])(?:iVBORw0KGgo|/9j/|_9j_|R0lGOD|UklGR|SUkqA|TU0AK|PHN2Z|AAAA[\w+/-]{3}Z0eX|JVBERi|Qk[0-3][\w+/-]{5}AAAA|SUQz|T2dnUw|PD94bW)"
    rb"[A-Za-z0-9+/_-]{4,}+={0,2}"
)
DATA_URL = re.compile(rb"data:[\w.+/;=-]{0,128},([^\s\"'<>)\\]++)")


def _pictures(data: bytes, check: TimeCheck) -> Iterator[Range]:
    """Base64 of files and long base64 of any kind; a run of one kind of letter is no base64."""
    check()
    yield from (match.span() for match in MAGIC.finditer(data))
    for match in RUN.finditer(data):
        sample = match[0][:4096]
        if sample.lower() != sample != sample.upper() and re.search(rb"\d", sample):
            yield match.span()
    yield from (match.span(1) for match in DATA_URL.finditer(data))
