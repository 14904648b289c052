"""JSON Schema without indirection, for servers that drop or misread `$ref`.

`inline_refs` replaces every local `$ref` by what it points to. Where a schema contains itself and a grammar can say so, `hoist_refs` puts
every target under one `$defs`. Nothing here knows about tools or formats; keywords other than references are left alone.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import attrs

from translator.schema.json_data import plain_json
from translator.schema.merge import merge_schemas
from translator.schema.walk import Schema, map_subschemas

_INDIRECTION = frozenset({"$schema", "$id", "$anchor", "$dynamicAnchor", "$comment", "$vocabulary", "$defs", "definitions"})
_UNSAFE = re.compile(r"[^A-Za-z0-9]+")


MOST_DEEP, MOST_SCHEMAS = 32, 5000
"""How far inlining goes: schemas inside each other, and schemas in all (one `$ref` used in many places multiplies)."""


@attrs.frozen(slots=True, kw_only=True)
class Inlined:
    """A schema without references; `recursive` and `oversized` say whether a note stands for a part, `unresolved` names lost targets."""

    schema: Schema
    recursive: bool = False
    oversized: bool = False
    unresolved: tuple[str, ...] = ()


def inline_refs(schema: Mapping[str, Any]) -> Inlined:
    """Replaces every local `$ref` by its target; keywords beside a `$ref` are merged with it.

    A schema inside itself is cut at its second appearance, a part that is too much where it begins; a note in `description` says so.
    `$schema`, `$id`, `$defs` and `definitions` are left out.
    """
    inliner = _Inliner(root=plain_json(schema))
    result = inliner.expand(inliner.root, (), 0)
    return Inlined(
        schema=result,
        recursive=inliner.recursive,
        oversized=inliner.oversized,
        unresolved=tuple(dict.fromkeys(inliner.unresolved)),
    )


@attrs.define(slots=True)
class _Inliner:
    root: Schema
    recursive: bool = False
    oversized: bool = False
    unresolved: list[str] = attrs.field(factory=list)
    seen: int = 0

    def expand(self, node: Any, open_refs: tuple[str, ...], depth: int) -> Any:
        if not isinstance(node, Mapping):
            return node
        self.seen += 1
        if depth > MOST_DEEP or self.seen > MOST_SCHEMAS:
            self.oversized = True
            return _stub(node, "cut here: the schema is too large")
        ref = node.get("$ref")
        kept = {keyword: value for keyword, value in node.items() if keyword not in _INDIRECTION and keyword != "$ref"}
        expanded = map_subschemas(kept, lambda child: self.expand(child, open_refs, depth + 1))
        if not isinstance(ref, str):
            return expanded
        return merge_schemas(expanded, self._target(ref, open_refs, depth))

    def _target(self, ref: str, open_refs: tuple[str, ...], depth: int) -> Schema:
        target = resolve_pointer(self.root, ref)
        if target is None:
            self.unresolved.append(ref)
            return {"description": f"reference not found: {ref}"}
        if ref in open_refs or target is self.root:
            self.recursive = True
            return _stub(target, f"recursive: again the shape of {_ref_name(ref)}")
        result: Schema = self.expand(target, (*open_refs, ref), depth + 1)
        return result


def _stub(node: Mapping[str, Any], note: str) -> Schema:
    kind = node.get("type")
    return {"type": kind, "description": note} if isinstance(kind, str) else {"description": note}


def _ref_name(ref: str) -> str:
    return _segments(ref)[-1] if "/" in ref else "the whole"


def _segments(ref: str) -> list[str]:
    return [unquote(part).replace("~1", "/").replace("~0", "~") for part in ref.removeprefix("#").split("/")[1:]]


def resolve_pointer(root: Mapping[str, Any], ref: str) -> Mapping[str, Any] | None:
    """Follows a local reference (`#`, `#/$defs/Node`, RFC 6901 escapes); None when it leads nowhere, outside, or to no object."""
    if ref != "#" and not ref.startswith("#/"):
        return None
    node: Any = root
    for segment in _segments(ref):
        if isinstance(node, list) and segment.isdecimal() and int(segment) < len(node):
            node = node[int(segment)]
        elif isinstance(node, Mapping) and segment in node:
            node = node[segment]
        else:
            return None
    return node if isinstance(node, Mapping) else None


def hoist_refs(schema: Mapping[str, Any]) -> Schema:
    """Puts every target of a `$ref` under `$defs`, with plain names, and points all references there.

    This is the form that llama.cpp's grammar converter follows without limit: it splits `#/...` at slashes without unescaping, knows no
    `#` alone, and makes rule names of what it reads (common/json-schema-to-grammar.cpp, resolve_refs and _resolve_ref). References that
    lead nowhere are kept as they are; use `inline_refs` first to find them.
    """
    root = plain_json(schema)
    names: dict[str, str] = {}
    pending: list[str] = []

    def rename(ref: str) -> str:
        if ref not in names:
            names[ref] = f"def-{len(names)}-{_UNSAFE.sub('-', _ref_name(ref))}"
            pending.append(ref)
        return f"#/$defs/{names[ref]}"

    def rewrite(node: Any) -> Any:
        if not isinstance(node, Mapping):
            return node
        kept = {keyword: value for keyword, value in node.items() if keyword not in _INDIRECTION and keyword != "$ref"}
        rest = map_subschemas(kept, rewrite)
        ref = node.get("$ref")
        if not isinstance(ref, str) or resolve_pointer(root, ref) is None:
            return rest
        pointer = {"$ref": rename(ref)}
        return {"allOf": [pointer, rest]} if any(keyword in rest for keyword in ("properties", "required", "enum")) else pointer

    result: Schema = rewrite(root)
    definitions: Schema = {}
    while pending:
        ref = pending.pop(0)
        definitions[names[ref]] = rewrite(resolve_pointer(root, ref))
    return {**result, "$defs": definitions} if definitions else result
