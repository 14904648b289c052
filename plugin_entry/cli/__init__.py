"""The command line, `dify-ollama`: a host of its own for the plugin, never a part of it.

Enters: arguments. Leaves: an exit code, 0 for good. The process of the command line imports neither the Dify SDK nor gevent: the plugin
runs beside it, as a subprocess, exactly as Dify's daemon starts it.
"""

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; imported late, so that a single module of this package can be imported alone."""
    from plugin_entry.cli import commands

    return commands.main(arguments)
