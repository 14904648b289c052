"""The command line, `dify-ollama`.

Its process imports neither the Dify SDK nor gevent: the plugin runs beside it as a subprocess, exactly as Dify's daemon starts it.
"""

import sys
from collections.abc import Mapping, Sequence

MISSING: Mapping[str, str] = {
    "rich": "A package for the commands is missing: rich. Run: pip install 'dify-ollama[cli]'",
    "translator": "A package for the commands is missing: ollama-translator. Run: pip install 'dify-ollama[cli]'",
}
"""What an installation may lack, by the name of the import, and what to do about it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and gives its exit code. The import is late, so that a single module of this package can be imported alone."""
    try:
        from plugin_entry.cli import commands

        return commands.main(arguments)
    except ModuleNotFoundError as error:
        sentence = MISSING.get((error.name or "").partition(".")[0])
        if sentence is None:
            raise
        print(f"dify-ollama: {sentence}", file=sys.stderr)
        return 1
