"""The command line, `dify-ollama`.

Its process imports neither the Dify SDK nor gevent: the plugin runs beside it as a subprocess, exactly as Dify's daemon starts it.
"""

import sys
from collections.abc import Mapping, Sequence

MISSING: Mapping[str, str] = {"rich": "rich", "translator": "ollama-translator", "pathspec": "pathspec"}
"""What an installation may lack: the import, and the package that brings it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and gives its exit code. The import is late, so that a single module of this package can be imported alone."""
    try:
        from plugin_entry.cli import commands

        return commands.main(arguments)
    except ModuleNotFoundError as error:
        package = MISSING.get((error.name or "").partition(".")[0])
        if package is None:
            raise
        print(f"dify-ollama: A package for the commands is missing: {package}. Run: pip install 'dify-ollama[cli]'", file=sys.stderr)
        return 1
