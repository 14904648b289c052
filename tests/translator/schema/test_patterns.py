"""Patterns of schemas: what the server's grammar makes of the translated one is never more than the original means, and always JSON."""

import json
import re
import unicodedata

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from fixtures.recordings import Exchange, every
from tests.translator.schema.grammar_converter import GrammarError, as_regex
from translator.schema.char_sets import category, complement, intersection, union
from translator.schema.pattern_syntax import UnsupportedPatternError
from translator.schema.patterns import GrammarPattern, grammar_pattern

ANY = r"[\x20-\x21\x23-\x5B\x5D-\x7E\x80-\U0010FFFF]"
WRITTEN = {
    r"^\d{5}$": "^[0-9]{5}$",
    r"^\w+$": r"^[0-9A-Z\x5Fa-z]+$",
    r"^\d{3}-\d{4}$": "^[0-9]{3}-[0-9]{4}$",
    r"^\d{3}\-\d{4}$": "^[0-9]{3}-[0-9]{4}$",
    r"^https?:\/\/\S+$": r"^https?://[\x21\x23-\x5B\x5D-\x7E\x80-\U0010FFFF]+$",
    "^.{4,8}$": f"^{ANY}{{4,8}}$",
    "^[^,]+$": r"^[\x20-\x21\x23-\x2B\x2D-\x5B\x5D-\x7E\x80-\U0010FFFF]+$",
    r"^[^\s]+$": r"^[\x21\x23-\x5B\x5D-\x7E\x80-\U0010FFFF]+$",
    r"^[\w.+-]+@[\w-]+\.[a-z]{2,}$": r"^[\x2B\x2D-\x2E0-9A-Z\x5Fa-z]+@[\x2D0-9A-Z\x5Fa-z]+[\x2E][a-z]{2}[a-z]*$",
    r"^\D\W\S$": r"^[\x20-\x21\x23-\x2F\x3A-\x5B\x5D-\x7E\x80-\U0010FFFF]"
    r"[\x20-\x21\x23-\x2F\x3A-\x40\x5B\x5D-\x5E\x60\x7B-\x7E\x80-\U0010FFFF][\x21\x23-\x5B\x5D-\x7E\x80-\U0010FFFF]$",
    r"^(?:a|b)+?c*?$": "^(a|b)+c*$",
    r"^(?P<x>a)(?<y>b)$": "^ab$",
    "^a|b$": f"^(a{ANY}*|{ANY}*b)$",
    "^(a|b)$": "^(a|b)$",
    "(^a$)|(^b$)": "^(a|b)$",
    "ab": f"^{ANY}*ab{ANY}*$",
    "": f"^{ANY}*{ANY}*$",
    "^$": "^$",
    r"\Aab\Z": "^ab$",
    r"^\u00e9\xe9\u{1F600}$": r"^[\xE9][\xE9][\U0001F600]$",
    "^é+$": r"^[\xE9]+$",
    r'^"a\\$': r"^([\x5C][\x22])a([\x5C][\x5C])$",
    r"""^['"]$""": r"^('|[\x5C][\x22])$",
    r"^a\sb$": r"^a( |[\x5C][tnfr])b$",
    r"^[\n\t]$": r"^([\x5C][tn])$",
    "^(a?)*$": "^a*$",
    "^(a*b*)+$": "^(a|b)*$",
    "^((a?){2})*$": "^a*$",
    "^(a|)*$": "^a*$",
    "^()*x$": "^x$",
    "^a{0}b{1}c{1,}d{0,1}e{0,}$": "^bc+d?e*$",
    r"^\$1\.00\^$": r"^[\x24]1[\x2E]00[\x5E]$",
    r"^[\]\[\^\-]$": r"^[\x2D\x5B\x5D-\x5E]$",
    r"^[a\-z]$": r"^[\x2Daz]$",
    r"^[\d-z]$": r"^[\x2D0-9z]$",
    r"^a{b}{$": r"^a[\x7B]b[\x7D][\x7B]$",
}


@pytest.mark.parametrize(("pattern", "written"), WRITTEN.items(), ids=WRITTEN)
def test_written_anew(pattern: str, written: str) -> None:
    assert grammar_pattern(pattern).text == written
    as_regex(written)
    as_regex(grammar_pattern(written).text)


LOOKING_AROUND = [r"^(?=.*\d).+$", "^(?!a).*$", "(?<=a)b", "(?<!a)b", r"^(a)\1$", "(?P<x>a)(?P=x)", r"\k<x>", r"\bword\b", r"\B"]
OTHER_GROUPS = ["(?>a)", "(?i)a", "(?#x)a", "(?<1>a)"]
REPEATED = ["a**", "a*+", "a++", "a{2}{3}", "*", "^*", "{2}", "a{,3}", "a{3,2}", "a{2000}", "a{1,2000}", "(" * 50 + ")" * 50]
BROKEN = ["(", ")", "(a", "a)", "[", "[a", "[]", "[]a]", "[^]", "[z-a]", r"[a-\d]", "\\"]
CHARACTERS = [r"\e", r"\cA", r"\p{Emoji}", r"\P{L}", r"[^\p{L}]", r"\p{Script=Greek}", r"\ud83d", r"[\ud800-\udfff]", "\x01"]
OVERGROWN = [
    "^([a-z]{0,1500},[a-z]{0,1500})?$",
    "^(-(a{0,999}b){0,1500}c{0,600})+$",
    r"^x(\w{1,700}\.){2,}y(\d{1,900}:\d{1,900}-\d{1,900})*$",
]
EDGES = ["a^b", "a$b", "(a^)*", "^(a$|b)c$", "|".join(f"^{number}$" for number in range(40))]
UNSUPPORTED = [*LOOKING_AROUND, *OTHER_GROUPS, *REPEATED, *BROKEN, *CHARACTERS, *OVERGROWN, *EDGES, f"^{'é' * 2000}$", "x" * 200_000]


@pytest.mark.parametrize("pattern", UNSUPPORTED)
def test_what_cannot_be_said(pattern: str) -> None:
    with pytest.raises(UnsupportedPatternError):
        grammar_pattern(pattern)


LENGTHS = [
    ("^[a-z]+$", 2, 10, "^[a-z]{2,10}$", True),
    ("^[a-z]*$", 0, 10, "^[a-z]{0,10}$", True),
    ("^[a-z]{3,5}$", 4, None, "^[a-z]{4,5}$", True),
    (r"^\d{5}$", 5, 5, "^[0-9]{5}$", True),
    (r"^\d{3}-\d{4}$", 1, 8, "^[0-9]{3}-[0-9]{4}$", True),
    (r"^\d+-\d+$", 1, 8, "^[0-9]+-[0-9]+$", False),
    ("^a+b?$", 0, 3, "^a+b?$", False),
    ("^(abc|d)$", 1, 3, "^(abc|d)$", True),
]


@pytest.mark.parametrize(("pattern", "shortest", "longest", "text", "with_lengths"), LENGTHS)
def test_lengths_beside_a_pattern(pattern: str, shortest: int, longest: int | None, text: str, with_lengths: bool) -> None:
    assert grammar_pattern(pattern, shortest, longest) == GrammarPattern(text=text, with_lengths=with_lengths)


def test_a_pattern_that_no_length_fits() -> None:
    with pytest.raises(UnsupportedPatternError):
        grammar_pattern("^a{2,3}$", 5, 9)


@pytest.mark.parametrize("name", ["L", "Lu", "Ll", "N", "Nd", "P", "S", "Z", "Zs", "Letter", "gc=Nd"])
def test_categories_hold_nothing_else(name: str) -> None:
    chars = category(name)
    assert chars
    wanted = {"Letter": "L", "gc=Nd": "Nd"}.get(name, name)
    assert all(unicodedata.category(chr(point)).startswith(wanted) for low, high in chars for point in range(low, high + 1))


RANGES = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 40)).map(lambda pair: (pair[0], sum(pair))), max_size=5).map(union)


@given(RANGES, RANGES)
def test_sets_are_sets(first: tuple[tuple[int, int], ...], second: tuple[tuple[int, int], ...]) -> None:
    def points(chars: tuple[tuple[int, int], ...]) -> set[int]:
        return {point for low, high in chars for point in range(low, min(high, 400) + 1)}

    assert points(union(first, second)) == points(first) | points(second)
    assert points(intersection(first, second)) == points(first) & points(second)
    assert points(complement(first)) == set(range(401)) - points(first)


# --- random patterns -------------------------------------------------------------------------------------------------------------

PLAIN_ATOMS = ["a", "b", "Z", "0", "9", " ", "é", "-", "/", ",", ":", '"', "_", "]", "}", "."]
ESCAPES = [rf"\{char}" for char in 'dwsDWS.-/\\"nt$^[{|'] + [r"\x41", r"\u00e9"]
CLASSES = ["[a-c]", "[^a]", '[^"]', r"[\w.-]", r"[^\d\s]", r"[\]\\]", "[ -~]", "[^-a]", r"[\D]", "[+*?(|]"]
ATOMS = st.sampled_from([*PLAIN_ATOMS, *ESCAPES, *CLASSES, "^", "$"])
SIGNS = st.sampled_from(["", "", "", "*", "+", "?", "*?", "+?", "??", "{2}", "{0,3}", "{1,}", "{2,4}?"])


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    groups = st.builds(lambda kind, body, sign: f"({kind}{body}){sign}", st.sampled_from(["", "?:", "?P<g>"]), inner, SIGNS)
    return st.one_of(st.builds("{}|{}".format, inner, inner), st.builds("{}{}".format, inner, inner), groups)


PIECES = st.recursive(st.builds("{}{}".format, ATOMS, SIGNS), _larger, max_leaves=8)
PATTERNS = st.one_of(PIECES, PIECES.map("^{}$".format), PIECES.map("^(?:{})$".format), st.sampled_from([*WRITTEN, *UNSUPPORTED]))
TEXTS = st.text(st.sampled_from('abcZ09 é-/,:._]}[(|+*?$^{\n\t"\\\u4e2d'), max_size=6)


LATIN = st.characters(max_codepoint=0xFF)


@settings(deadline=None, max_examples=400, suppress_health_check=list(HealthCheck))
@given(PATTERNS, st.data())
def test_what_the_grammar_accepts_fits_the_pattern_and_is_json(pattern: str, data: st.DataObject) -> None:
    original, accepted = compiled(pattern), translated(pattern)
    inside = data.draw(st.from_regex(accepted, fullmatch=True, alphabet=LATIN))
    value = json.loads(f'"{inside}"')
    assert original.search(value), (pattern, accepted.pattern, value)


@settings(deadline=None, max_examples=400, suppress_health_check=list(HealthCheck))
@given(PATTERNS, TEXTS)
def test_plain_texts_that_fit_are_accepted(pattern: str, value: str) -> None:
    """No pattern in the strategy is approximated."""
    original, accepted = compiled(pattern), translated(pattern)
    if '"' in value or "\\" in value or not value.isprintable():
        assert not accepted.fullmatch(value) or json.loads(f'"{value}"') != value or original.search(value)
        return
    assert bool(accepted.fullmatch(value)) == bool(original.search(value)), (pattern, accepted.pattern)


@settings(deadline=None, max_examples=600, suppress_health_check=list(HealthCheck))
@given(st.one_of(PATTERNS, st.text(st.sampled_from('ab\\dwsDSWpbuxk0{}1,()[]^-|*+?.$:=!<>P"é\n'), max_size=12)))
def test_any_text_is_a_pattern_that_the_server_can_read_or_is_told_apart(pattern: str) -> None:
    try:
        text = grammar_pattern(pattern).text
    except UnsupportedPatternError:
        return
    try:
        as_regex(text)
    except GrammarError as error:
        pytest.fail(f"{pattern!r} -> {text!r}: {error}")


def compiled(pattern: str) -> re.Pattern[str]:
    """The original as Python reads it in ASCII mode; `$` means the end, as in ECMA 262."""
    try:
        return re.compile(re.sub(r"(?<!\\)((?:\\\\)*)\$(?![^\[]*\])", r"\1\\Z", pattern), re.ASCII)
    except (re.error, RecursionError):
        assume(False)
        raise


def translated(pattern: str) -> re.Pattern[str]:
    try:
        return as_regex(grammar_pattern(pattern).text)
    except UnsupportedPatternError:
        assume(False)
        raise


# --- real servers ----------------------------------------------------------------------------------------------------------------

RECORDED = every(lambda exchange: exchange.scenario.startswith("format-pattern-"))


def pattern_of(exchange: Exchange) -> str:
    (schema,) = exchange.request_body["format"]["properties"].values()
    return str(schema["pattern"])


@pytest.mark.parametrize("exchange", RECORDED, ids=lambda exchange: exchange.address)
def test_what_real_servers_made_of_patterns(exchange: Exchange) -> None:
    """The model of the converter refuses what they refused, and the translated pattern is one that it reads."""
    pattern = pattern_of(exchange)
    if "backslash" in exchange.scenario:
        assert exchange.status in (400, 500)
        with pytest.raises(GrammarError):
            as_regex(pattern)
    as_regex(grammar_pattern(pattern).text)


def test_the_text_that_broke_json_is_no_longer_accepted() -> None:
    """0.24.0 and 0.33.0 `format-pattern-dot-breaks-json` answered `"p": "Tom", "m"`."""
    inside = 'Tom", "m'
    assert as_regex("^.{4,8}$").fullmatch(inside)
    assert not as_regex(grammar_pattern("^.{4,8}$").text).fullmatch(inside)
