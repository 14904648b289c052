"""Tools as plain data: read in the forms in which other libraries have them, and written as Ollama takes them."""

from collections.abc import Iterable, Mapping
from typing import Any

from translator.codec import to_plain
from translator.errors import RequestError
from translator.schema.tools import tools_to_wire
from translator.shapes.dify import Tool
from translator.versions import NEWEST, ServerVersion

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
    return [to_plain(tool) for tool in tools_to_wire(read, server=server)]
