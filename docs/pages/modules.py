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
    ("plugin_entry/packaging", "The package for Dify, and what the marketplace demands of it."),
    ("plugin_entry/cli", "The command line."),
    ("fixtures", "Recordings of real servers, their loader, and the server that plays them."),
)

FLOW: tuple[tuple[str, str], ...] = (
    ("From Dify to Ollama", """
        plugin_entry/main.py plugin_entry/sdk_stdin.py plugin_entry/direct_route.py plugin_entry/direct_answer.py
        translator/request/prompt_json.py plugin_entry/answering.py plugin_entry/heavy.py plugin_entry/connect.py
        plugin_entry/model_facts.py plugin_entry/media_fetch.py
        translator/turn.py translator/request/messages.py translator/request/tools.py translator/request/options.py
        translator/request/thinking.py translator/request/context.py translator/request/formats.py translator/codec.py
        plugin_entry/sending.py plugin_entry/retrying.py plugin_entry/bridge.py plugin_entry/loop.py plugin_entry/transport.py
        """),
    ("From Ollama to Dify", """
        plugin_entry/transport_tap.py plugin_entry/inbox.py plugin_entry/reading.py
        translator/response/stream.py translator/response/lines.py translator/response/decode.py translator/response/tags.py
        translator/response/table.py translator/response/machine.py translator/response/coalesce.py translator/response/failures.py
        translator/response/catalogue.py translator/response/chunks.py plugin_entry/text_frames.py plugin_entry/sdk_chunks.py
        plugin_entry/sdk_errors.py plugin_entry/frames.py plugin_entry/frame_output.py
        """),
)  # fmt: skip
"""A chat passes these modules in this order."""

INTRODUCTION = """
# Modules

Every module with the first sentence of its docstring; the rest of the docstring says what enters and what leaves. First the way of one
chat, module by module, as in [the picture of the architecture](architecture.md); then all of them by folder.
"""


def modules_page() -> str:
    """The whole page, ending with a newline."""
    parts = [f"\n## {title}\n\n{table(('Module', 'For'), _way(paths))}" for title, paths in FLOW]
    parts += [f"\n## `{folder}/`\n\n{text}\n\n{table(('Module', 'For'), _rows(ROOT / folder))}" for folder, text in FOLDERS]
    return generated_from("the modules' docstrings") + INTRODUCTION + "".join(parts)


def _rows(folder: Path) -> list[tuple[str, str]]:
    return [(f"`{path.name}`", _claim(path)) for path in sorted(folder.glob("*.py")) if path.name != "__init__.py"]


def _way(paths: str) -> list[tuple[str, str]]:
    return [(f"`{path}`", _claim(ROOT / path)) for path in paths.split()]


def _claim(path: Path) -> str:
    """The first paragraph on one line."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(docstring.partition("\n\n")[0].split())
