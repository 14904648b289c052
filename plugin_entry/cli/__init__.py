"""The command line, `dify-ollama`.

Its process imports neither the Dify SDK nor gevent: the plugin runs beside it as a subprocess, exactly as Dify's daemon starts it.
"""

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and gives its exit code. The import is late, so that a single module of this package can be imported alone."""
    from plugin_entry.cli import commands

    return commands.main(arguments)
