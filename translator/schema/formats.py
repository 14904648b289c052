"""Structured output: what a user asks for, as the server's `format` and as words for the model.

A schema is JSON text (from Dify) or data; bare, or wrapped as `{"schema", "name", "strict"}`. The server takes `"json"` or a schema
object: any other value is a 500 after the model was loaded (0.24.0 `format-invalid`). Nothing is dropped: what its grammar does not say is
asked for in words.
"""

import json
from collections.abc import Mapping
from typing import Any

import attrs

from translator.errors import RequestError
from translator.schema.alternatives import whole_alternatives
from translator.schema.constraints import constrained, rules_prompt
from translator.schema.grammar import check_references, grammar_schema
from translator.schema.json_data import compact_json, plain_json, refuse_constant
from translator.schema.merge import lift_required, merge_all_of
from translator.schema.references import hoist_refs, inline_refs

_WRAPPER = frozenset({"schema", "name", "strict", "description", "type"})


@attrs.frozen(slots=True, kw_only=True)
class AnswerFormat:
    """`wire` is the value of `format`: "json", a schema that the server's grammar converter takes, or None for free text.

    `schema` is what was asked for ("json", or the schema without indirection), `rules` what of it the grammar does not say.
    """

    wire: object | None = None
    schema: object | None = None
    rules: tuple[str, ...] = ()

    def instruction(self, *, is_enforced: bool) -> str:
        """What the model is told: everything where the server does not enforce `format`, else what the grammar does not say."""
        if self.wire is None:
            return ""
        return rules_prompt(self.rules) if is_enforced else schema_prompt(self.schema)


def answer_format(json_schema: str | Mapping[str, Any] | None, format_: str | None = None) -> AnswerFormat:
    """`json_schema` if there is one, else `format_`: "json", or None for free text.

    References are replaced by what they point to. A schema that contains itself keeps references, into one `$defs` with plain names: only
    so can a grammar repeat it, and llama.cpp's converter follows local references.

    Raises:
        RequestError: `schema_malformed`, `schema_not_object`, `schema_invalid`, `schema_reference` or `json_too_deep`.
    """
    schema = _read(json_schema)
    return AnswerFormat(wire=format_, schema=format_) if schema is None else _enforceable(schema)


def schema_prompt(format_: object) -> str:
    """Gives the sentence that asks for a format in words, for servers that do not enforce `format` (cloud and safetensors models)."""
    if not isinstance(format_, Mapping):
        return "Answer with one valid JSON value and nothing else: no explanation, no Markdown."
    return (
        "Answer with one JSON value that is valid against the following JSON Schema and nothing else: no explanation, no Markdown.\n"
        f"{compact_json(format_)}"
    )


def _read(value: str | Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Reads a schema from text or data and takes it out of its wrapper; blank means none."""
    data = _parse(value) if isinstance(value, str) else value
    if data is None:
        return None
    if not isinstance(data, Mapping):
        raise RequestError.of("schema_not_object", "The JSON schema is not a JSON object.", 'Begin it with {"type": "object", ...}.')
    if data.get("type") == "json_schema" and "json_schema" in data:
        return _read(data["json_schema"])
    if data.keys() <= _WRAPPER and isinstance(data.get("schema"), str | Mapping):
        return _read(data["schema"])
    return data


def _parse(text: str) -> Any:
    if not text.strip():
        return None
    try:
        return json.loads(text, parse_constant=refuse_constant)
    except (ValueError, RecursionError) as error:
        where = f" at line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        raise RequestError.of("schema_malformed", f"The JSON schema is not valid JSON{where}.", "Correct it, or leave it empty.") from error


def _enforceable(schema: Mapping[str, Any]) -> AnswerFormat:
    plain = plain_json(schema)
    inlined = inline_refs(plain)
    if inlined.unresolved:
        names = ", ".join(inlined.unresolved)
        raise RequestError.of("schema_reference", f"The JSON schema refers to something it does not hold: {names}.", "Put it into $defs.")
    direct = lift_required(merge_all_of(hoist_refs(plain) if inlined.recursive or inlined.oversized else inlined.schema))
    result = constrained(grammar_schema(whole_alternatives(direct)))
    check_references(result.schema)
    return AnswerFormat(wire=result.schema, schema=direct, rules=result.rules)
