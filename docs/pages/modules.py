"""All modules with what they are for, from the first sentence of their docstrings."""

import ast
from pathlib import Path

from docs.pages.source_notes import generated_from, table

ROOT = Path(__file__).parents[2]

FOLDERS: tuple[tuple[str, str], ...] = (
    ("translator", "Whole exchanges, and the ground that everything stands on."),
    ("translator/request", "Chat and completion, from Dify to Ollama."),
    ("translator/response", "Chat and completion, from Ollama to Dify."),
    ("translator/embedding", "Embeddings: requests, replies, and the job that joins them."),
    ("translator/rerank", "Reranking: requests, replies, and the jobs that join them."),
    ("translator/schema", "Tool and answer schemas, and the grammar a server makes of them."),
    ("translator/media", "Pictures, sounds and links in messages."),
    ("translator/settings", "What users type into forms."),
    ("translator/failures", "The catalogue of refusals."),
    ("translator/diagnosis", "What a server is, and what is wrong with it."),
    ("translator/shapes", "What things look like: frozen classes, no behaviour."),
    ("plugin_entry", "The entrypoint, and what all folders below it may use."),
    ("plugin_entry/models", "What Dify loads, one source per kind of model."),
    ("plugin_entry/provider", "What Dify loads for the provider."),
    ("plugin_entry/checks", "Is this address, key or model all right: the forms and the doctor."),
    ("plugin_entry/serving", "What a request becomes."),
    ("plugin_entry/dify", "Dify's side of the process."),
    ("plugin_entry/network", "Ollama's side of the process."),
    ("plugin_entry/cli", "The command line."),
    ("plugin_entry/cli/daemon", "The other end of the plugin's pipe, for the command line and for tests."),
    ("plugin_entry/cli/chat", "A chat in the terminal."),
    ("plugin_entry/cli/demo", "The plugin at work, scene by scene."),
    ("plugin_entry/cli/recording", "Exchanges with a server, written down for bug reports and played back."),
    ("plugin_entry/cli/tracing", "What became of every line of a reply."),
    ("plugin_entry/cli/packaging", "The package for Dify, and what the marketplace demands of it."),
    ("fixtures", "Recordings of real servers, their loader, and the server that plays them."),
)

FLOW: tuple[tuple[str, str], ...] = (
    ("From Dify to Ollama", """
        plugin_entry/main.py plugin_entry/dify/requests.py plugin_entry/models/llm.py plugin_entry/dify/objects.py
        plugin_entry/serving/chat.py plugin_entry/threads.py plugin_entry/network/server.py
        plugin_entry/serving/facts.py plugin_entry/network/downloads.py
        translator/turn.py translator/request/messages.py translator/schema/tools.py translator/request/options.py
        translator/request/thinking.py translator/request/context.py translator/schema/formats.py translator/codec.py
        plugin_entry/network/retries.py plugin_entry/network/bridge.py plugin_entry/network/loop.py
        plugin_entry/network/transport.py
        """),
    ("From Ollama to Dify", """
        plugin_entry/network/transport.py plugin_entry/network/inbox.py plugin_entry/serving/chat.py
        translator/response/stream.py translator/response/lines.py translator/response/decode.py translator/response/tags.py
        translator/response/table.py translator/response/machine.py translator/failures/build.py
        translator/failures/catalogue.py translator/response/chunks.py plugin_entry/dify/objects.py plugin_entry/dify/errors.py
        plugin_entry/dify/frames.py plugin_entry/dify/output.py
        """),
)  # fmt: skip
"""A chat passes these modules in this order."""

INTRODUCTION = """
# Modules

Every module with the first sentence of its docstring. First the way of one chat, module by module, as in
[the picture of the architecture](architecture.md); then all of them by folder.
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
