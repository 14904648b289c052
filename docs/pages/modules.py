"""All modules with what they are for, from the first sentence of their docstrings."""

import ast
from pathlib import Path

from docs.pages.source_notes import generated_from, table

ROOT = Path(__file__).parents[2]

FOLDERS: tuple[tuple[str, str], ...] = (
    ("translator", "The library's front: whole exchanges, settings, and what both directions stand on."),
    ("translator/shapes", "What things look like: frozen classes, no behaviour."),
    ("translator/request", "From Dify to Ollama."),
    ("translator/response", "From Ollama to Dify."),
    ("plugin_entry", "The plugin: sockets, clocks, threads and Dify's SDK."),
    ("plugin_entry/models", "What Dify loads, one source per kind of model."),
    ("plugin_entry/provider", "What Dify loads for the provider."),
    ("plugin_entry/host", "The other end of the plugin's pipe, for the command line and for tests."),
    ("plugin_entry/cli", "The command line."),
    ("fixtures", "Recordings of real servers, their loader, and the server that plays them."),
)

INTRODUCTION = """
# Modules

Every module with the first sentence of its docstring; the rest of the docstring says what enters and what leaves. The order in which to
read them is in [the architecture](architecture.md).
"""


def modules_page() -> str:
    """The whole page, ending with a newline."""
    parts = [f"\n## `{folder}/`\n\n{text}\n\n{table(('Module', 'For'), _rows(ROOT / folder))}" for folder, text in FOLDERS]
    return generated_from("the modules' docstrings") + INTRODUCTION + "".join(parts)


def _rows(folder: Path) -> list[tuple[str, str]]:
    return [(f"`{path.name}`", _claim(path)) for path in sorted(folder.glob("*.py")) if path.name != "__init__.py"]


def _claim(path: Path) -> str:
    """The first paragraph on one line."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(docstring.partition("\n\n")[0].split())
