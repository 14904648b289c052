"""What of a schema the server's grammar keeps, and the rest as rules in words for the model.

The server makes a grammar of a schema and shows the schema to nobody. Its converter (llama.cpp common/json-schema-to-grammar.cpp, visit)
reads one keyword of a place and ignores the others without a word: of a text `pattern`, else a `format` it knows, else the lengths; bounds
of integers only; `not`, `uniqueItems`, `multipleOf` and many more not at all. Some values end the model's process (0.24.0): more than 2,000
repetitions, or a pattern it cannot read.
"""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from translator.schema.pattern_syntax import UnsupportedPatternError
from translator.schema.patterns import MOST_TIMES, grammar_pattern
from translator.schema.walk import Schema
from translator.schema.words import NOTES, as_list, notes

_ANNOTATIONS = frozenset({"default", "examples", "example", "deprecated", "readOnly", "writeOnly"})
_BY_PLACE = frozenset({"items", "prefixItems", "additionalProperties"})
"""Rules about the places below, which are looked at one by one."""
_RULES = NOTES.keys() - _ANNOTATIONS - _BY_PLACE
_STRAY = frozenset({"required", "properties"})
"""Together they say which names are required that no property has."""

_FORMATS = re.compile(r"uuid[1-5]?|date|time|date-time")
"""Formats that the converter knows (STRING_FORMAT_RULES)."""

_OCTET = r"(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IPV4 = rf"({_OCTET}\.){{3}}{_OCTET}"
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST = rf"{_LABEL}(\.{_LABEL})*"
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"

_HEX = r"[0-9A-Fa-f]{1,4}"
_SHORTENED = "|".join(rf"({_HEX}:){{1,{before}}}(:{_HEX}){{1,{7 - before}}}" for before in range(1, 7))

_PATH = r"([A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})"
_AUTHORITY = rf"([A-Za-z0-9._~-]+@)?{_HOST}(:\d{{1,5}})?"
_AFTER_PATH = rf"(\?({_PATH}|[/?])*)?(#({_PATH}|[/?])*)?"

_DATE = r"(\d+Y(\d+M(\d+D)?)?|\d+M(\d+D)?|\d+D)"
_TIME = r"T(\d+H(\d+M(\d+S)?)?|\d+M(\d+S)?|\d+S)"

FORMAT_PATTERNS: Mapping[str, str] = {
    "email": rf"^{_ATOM}(\.{_ATOM})*@{_HOST}\.[A-Za-z]{{2,63}}$",
    "hostname": rf"^{_HOST}$",
    "ipv4": rf"^{_IPV4}$",
    "ipv6": rf"^(({_HEX}:){{7}}{_HEX}|({_HEX}:){{1,7}}:|:(:{_HEX}){{1,7}}|::|{_SHORTENED}|::([Ff]{{4}}:)?{_IPV4})$",
    "uri": rf"^[A-Za-z][A-Za-z0-9+.-]*:(//({_AUTHORITY})?(/{_PATH}*)*|{_PATH}+(/{_PATH}*)*){_AFTER_PATH}$",
    "duration": rf"^P({_DATE}({_TIME})?|{_TIME}|\d+W)$",
}
"""What the whole text of a format has to be that the converter does not know (RFC 5322, 1123, 2673, 4291, 3986 and 3339). Asked for it in
words alone, small models write anything (SmolLM2 on 0.33.0: "favicon1.png," for an `email`). A pattern never accepts more than its format,
and leaves out only what is rare: quoted names in addresses, addresses in brackets as hosts."""

_MOST_ITEMS = 500
"""The comma counts as well: the grammar parser multiplies by up to three rules (see `MOST_TIMES`)."""
_LARGEST = 2**53
_FARTHEST = 10**16 - 1
"""As far as the converter's integers go. Its grammar for one bound alone is wrong (build_min_max_int, 0.24.0, 0.33.0): at least 100 takes
18 (`format-minimum-alone`), at most -1 takes -05, which is no JSON (`format-maximum-alone-breaks-json`). With two bounds it is right."""
_CLEAN_NAME = re.compile(r"[\w ]*", re.ASCII)

_LENGTHS = ("minLength", "maxLength")
_ITEMS = ("minItems", "maxItems")
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")


@attrs.frozen(slots=True, kw_only=True)
class Constrained:
    """A schema that a grammar says as it is, and the rules that it does not say, one sentence part for each place."""

    schema: Schema
    rules: tuple[str, ...]


def constrained(schema: Schema) -> Constrained:
    """Splits a schema that `grammar_schema` has checked. Rules are told by the place in the answer (`items[].zip`)."""
    rules: list[str] = []
    result = _place(schema, "", rules)
    return Constrained(schema=result, rules=tuple(dict.fromkeys(rules)))


def _place(schema: Schema, place: str, rules: list[str]) -> Schema:
    read = _read(schema)
    unsaid = {keyword: value for keyword, value in schema.items() if (keyword in _RULES and keyword not in read.said) or keyword in _STRAY}
    phrases = [] if "enum" in schema or "const" in schema else notes(unsaid)
    if phrases:
        rules.append(f"{place or 'the whole answer'}: {'; '.join(phrases)}")
    changed = {**schema, **read.changes}
    return {
        keyword: _inside(keyword, value, place, rules)
        for keyword, value in changed.items()
        if value is not None or keyword not in read.changes
    }


def _inside(keyword: str, value: Any, place: str, rules: list[str]) -> Any:
    """A keyword with the places below it, as far as the converter goes down into them."""
    if keyword in ("properties", "$defs"):
        dot = f"{place}." if place and keyword == "properties" else ""
        return {name: _place(item, f"{dot}{name}", rules) for name, item in value.items()}
    if keyword in ("anyOf", "oneOf", "allOf"):
        return [_place(item, place, rules) for item in value]
    if keyword == "prefixItems" or (keyword == "items" and isinstance(value, list)):
        return [_place(item, f"{place}[{index}]", rules) for index, item in enumerate(value)]
    if keyword == "items":
        return _place(value, f"{place}[]", rules)
    if keyword == "additionalProperties" and isinstance(value, Mapping):
        return _place(dict(value), f"{place}.*" if place else "*", rules)
    return value


@attrs.define(slots=True)
class _Reading:
    """What the converter makes of a place: keywords it says, and those to change for that; None leaves a keyword out."""

    said: set[str] = attrs.field(factory=set)
    changes: Schema = attrs.field(factory=dict)


def _read(schema: Schema) -> _Reading:
    reading = _Reading()
    if any(keyword in schema for keyword in ("$ref", "anyOf", "oneOf", "const", "enum")):
        return reading
    kinds = as_list(schema.get("type"))
    if "string" in kinds:
        _read_text(schema, reading)
    if "integer" in kinds and "number" not in kinds:
        _read_integer(schema, reading)
    if "array" in kinds:
        _read_array(schema, reading)
    if schema.get("additionalProperties") and not all(map(_CLEAN_NAME.fullmatch, schema.get("properties", {}))):
        reading.changes["additionalProperties"] = None  # the converter writes the names into character classes as they are
    return reading


def _read_text(schema: Schema, reading: _Reading) -> None:
    lengths = {keyword: schema[keyword] for keyword in _LENGTHS if keyword in schema}
    reading.changes |= {keyword: None for keyword, value in lengths.items() if not 0 <= value <= MOST_TIMES}
    for keyword, wanted in (("pattern", schema.get("pattern")), ("format", FORMAT_PATTERNS.get(schema.get("format", "")))):
        if wanted is None:
            continue
        try:
            pattern = grammar_pattern(wanted, lengths.get("minLength", 0), lengths.get("maxLength"))
        except UnsupportedPatternError:
            reading.changes["pattern"] = None
        else:
            reading.changes["pattern"] = pattern.text
            reading.said |= {keyword, *(lengths if pattern.with_lengths else ())}
            return
    if _FORMATS.fullmatch(schema.get("format", "")):
        reading.said.add("format")
    else:
        reading.said |= {keyword for keyword in lengths if keyword not in reading.changes}


def _read_integer(schema: Schema, reading: _Reading) -> None:
    """Inclusive bounds. Draft 4 says `exclusiveMinimum: true` beside `minimum`; later drafts give a number of its own."""
    low = max(_bounds(schema, "minimum", "exclusiveMinimum", 1), default=None)
    high = min(_bounds(schema, "maximum", "exclusiveMaximum", -1), default=None)
    given = {keyword for keyword in _BOUNDS if keyword in schema}
    reading.changes |= dict.fromkeys(given)
    if low is None or high is None or low <= high:
        reading.said |= {keyword for keyword in given if (low if "inimum" in keyword else high) is not None}
        if low is not None or high is not None:
            reading.changes |= {"minimum": -_FARTHEST if low is None else low, "maximum": _FARTHEST if high is None else high}


def _bounds(schema: Schema, inclusive: str, exclusive: str, step: int) -> list[int]:
    """Every bound on one side as a whole number that belongs to the range."""
    switch, found = schema.get(exclusive), []
    for value, is_exclusive in ((schema.get(inclusive), switch is True), (switch, True)):
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _LARGEST:
            nearest = math.ceil(value) if step > 0 else math.floor(value)
            found.append(nearest + step if is_exclusive and nearest == value else nearest)
    return found


def _read_array(schema: Schema, reading: _Reading) -> None:
    counts = {keyword: schema[keyword] for keyword in _ITEMS if keyword in schema}
    places = schema.get("prefixItems", schema.get("items"))
    if isinstance(places, list):
        fits = counts.get("minItems", 0) <= len(places) <= counts.get("maxItems", len(places))
        reading.said |= set(counts) if fits else set()
        return
    reading.changes |= {keyword: None for keyword, value in counts.items() if not 0 <= value <= _MOST_ITEMS}
    if places is not None:
        reading.said |= counts.keys() - reading.changes.keys()


def rules_prompt(rules: Iterable[str]) -> str:
    """The sentence that asks for what the grammar does not say; "" for no rules."""
    lines = "".join(f"\n- {rule}" for rule in rules)
    return f"The answer is JSON of a given form. What the form does not say, but the answer has to fulfil as well:{lines}" if lines else ""
