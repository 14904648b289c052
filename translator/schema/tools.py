"""Functions offered to the model, in the shape the server's decoder takes and the model can read.

The `parameters` of Dify's tools are any JSON Schema. The server decodes tools into fixed Go structs and writes them out again for the
model (api/types.go, ToolFunctionParameters and ToolProperty), so a keyword without a field is lost and a wrong type is a 400. Everything
here moves meaning to where it survives: into `anyOf`, `enum`, `required`, or into `description`.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import attrs

from translator import codec
from translator.errors import RequestError
from translator.schema.json_data import plain_json
from translator.schema.merge import lift_required, merge_all_of, required_names
from translator.schema.references import inline_refs
from translator.schema.tool_properties import property_to_wire, with_notes
from translator.schema.tool_versions import fit_property
from translator.schema.walk import Schema, properties_of
from translator.schema.words import as_list, describe, notes
from translator.shapes.dify import Tool
from translator.shapes.wire import WireFunction, WireTool
from translator.versions import NEWEST, ServerVersion

_NOT_OF_OBJECTS = ("items", "enum", "const")
_PLAIN_OBJECT = frozenset({"type", "properties", "required", "title", "additionalProperties"})


KEPT, MOST_KEPT = 256, 32 * 1024
"""Tools whose translation is remembered, and the bytes of their JSON up to which it is."""


@attrs.frozen(slots=True)
class _Known:
    """A tool that is known by its JSON: an app offers the same ones with every request, and translating one takes 100 µs."""

    json: bytes
    server: ServerVersion
    tool: Tool = attrs.field(eq=False, repr=False)


def tools_to_wire(tools: Iterable[Tool], *, server: ServerVersion = NEWEST) -> tuple[WireTool, ...]:
    """Translates every tool, in order; an unknown server version counts as the newest."""
    return tuple(_remembered(tool, server) for tool in tools)


def spelled(tool: Tool) -> bytes | None:
    """All that a tool says, as JSON; None for one that cannot be spelled, such as one that is nested without end."""
    try:
        return codec.dumps([tool.name, tool.description, tool.parameters])
    except (TypeError, ValueError, RecursionError):
        return None


def _remembered(tool: Tool, server: ServerVersion) -> WireTool:
    json = spelled(tool)
    if json is None or len(json) > MOST_KEPT:
        return tool_to_wire(tool, server=server)  # which says what is wrong with it, if anything is
    return _translated(_Known(json, server, tool))


@lru_cache(maxsize=KEPT)
def _translated(known: _Known) -> WireTool:
    return tool_to_wire(known.tool, server=known.server)


def tool_to_wire(tool: Tool, *, server: ServerVersion = NEWEST) -> WireTool:
    """Gives the tool with `parameters` that are always `{"type": "object", "properties": {...}}`, maybe with `required`.

    Of what the root cannot say, a sentence is added to the function's description: the root has no description of its own.

    Raises:
        RequestError: `json_too_deep`.
    """
    plain = plain_json(tool.parameters) if isinstance(tool.parameters, Mapping) else {}
    root = lift_required(merge_all_of(inline_refs(lift_required(plain)).schema))
    merged, remarks = _with_alternatives(root)
    properties = properties_of(merged)
    parameters: Schema = {"type": "object"}
    if required := required_names(merged.get("required"), properties):
        parameters["required"] = required
    parameters["properties"] = {name: fit_property(property_to_wire(item, name), server) for name, item in properties.items()}
    description = _with_remarks(plain_json(tool.description), [*_root_remarks(merged), *remarks])
    return WireTool(function=WireFunction(name=plain_json(tool.name), description=description, parameters=parameters))


def _with_remarks(description: str, remarks: list[str]) -> str:
    fresh = [remark for remark in remarks if remark != description]
    text: str = with_notes({"description": description}, fresh).get("description", "")
    return text


def _root_remarks(root: Schema) -> list[str]:
    """What the root says beyond its properties and required names."""
    types = [kind for kind in as_list(root.get("type")) if kind]
    if types and "object" not in types and not properties_of(root):
        return [f"arguments: {describe(root)}"]
    text = root.get("description")
    said = [text] if isinstance(text, str) and text else []
    unlike = [f"arguments: {describe({keyword: root[keyword]})}" for keyword in _NOT_OF_OBJECTS if root.get(keyword) is not None]
    return [*said, *notes(root), *unlike]


def _with_alternatives(root: Schema) -> tuple[Schema, list[str]]:
    """Joins the root's alternatives into one object: all their properties, of the required names only the common ones."""
    alternatives = [item for keyword in ("anyOf", "oneOf") for item in as_list(root.get(keyword)) if isinstance(item, Mapping)]
    if not alternatives:
        return root, []
    joined: dict[str, Any] = {}
    for part in (root, *alternatives):
        for name, item in properties_of(part).items():
            joined[name] = item if joined.get(name, item) == item else _one_of(joined[name], item)
    common = [name for name in joined if all(name in as_list(item.get("required")) for item in alternatives)]
    rest = {keyword: value for keyword, value in root.items() if keyword not in ("anyOf", "oneOf")}
    required = [*as_list(root.get("required")), *common]
    remark = f"arguments fit one of these: {' or '.join(dict.fromkeys(_summary(item) for item in alternatives))}"
    return {**rest, "type": "object", "properties": joined, "required": required}, [remark]


def _summary(alternative: Mapping[str, Any]) -> str:
    """Names the properties of a plain object, which are described where they stand now; describes everything else."""
    names = ", ".join(properties_of(alternative))
    plain = alternative.keys() <= _PLAIN_OBJECT and not notes(alternative)
    return f"({names})" if names and plain else describe(alternative)


def _one_of(first: Any, second: Any) -> Schema:
    known = first["anyOf"] if isinstance(first, Mapping) and set(first) == {"anyOf"} else [first]
    return {"anyOf": known if second in known else [*known, second]}


# --- tools as plain data ---------------------------------------------------------------------------------------------------

SCHEMA_KEYS = ("parameters", "inputSchema", "input_schema")
"""Where a function has its JSON Schema: OpenAI and Ollama, MCP, Anthropic."""


def read_tool(tool: Mapping[str, Any]) -> Tool:
    """Reads `{"type": "function", "function": {...}}`, or the function alone: `name`, `description`, and its schema as `parameters`,
    `inputSchema` or `input_schema`.

    Raises RequestError: `tool_invalid`.
    """
    if not isinstance(tool, Mapping):
        raise RequestError.of("tool_invalid", f"A tool is an object, and not a {type(tool).__name__}.", "Give a list of such objects.")
    function = tool.get("function", tool)
    name, description = (function.get("name"), function.get("description")) if isinstance(function, Mapping) else (None, None)
    if not isinstance(name, str) or not name:
        raise RequestError.of("tool_invalid", "A tool has no name.", 'Give every tool a "name".')
    schema: object = next((function[key] for key in SCHEMA_KEYS if function.get(key) is not None), {})
    if not isinstance(schema, Mapping) or not isinstance(description, str | None):
        raise RequestError.of(
            "tool_invalid",
            f'The tool "{name}" cannot be read.',
            'Its "description" must be a text, and its "parameters" a JSON Schema as an object.',
        )
    return Tool(name=name, description=description or "", parameters=schema)


def ollama_tools(tools: Iterable[Tool | Mapping[str, Any]], *, server: ServerVersion = NEWEST) -> list[dict[str, Any]]:
    """The value of `tools` in a request to `/api/chat`, in order: schemas in the part of JSON Schema that the server reads.

    What it would lose is said in the descriptions. Raises RequestError: `tool_invalid`, `json_too_deep`.
    """
    read = (tool if isinstance(tool, Tool) else read_tool(tool) for tool in tools)
    return [codec.to_plain(tool) for tool in tools_to_wire(read, server=server)]
