"""Remote debugging: the SDK's log says that requests come, and nothing of what is in them.

Enters: the records of the SDK's TCP reader. Leaves: those without content. The SDK writes every request, credentials and prompts included,
into the developer's terminal (SDK 0.10.2, tcp/request_reader.py), where it is copied into bug reports.
"""

import logging
from collections.abc import Mapping

from dify_plugin.core.server.tcp import request_reader

REPLACEMENTS: Mapping[str, str] = {
    "Received event": "Received a request.",
    "An error occurred while parsing the data": "A line from Dify could not be read as a request.",
}
"""A part of a text that comes with content, and what is said instead."""


class WithoutContent(logging.Filter):
    """Replaces what carries a request by the fact alone."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Lets every record through; the exception of one with content goes, too, since it quotes the line."""
        for part, replacement in REPLACEMENTS.items():
            if part in str(record.msg):
                record.msg, record.args, record.exc_info = replacement, (), None
        return True


def install() -> None:
    """Makes the SDK's reader discreet."""
    request_reader.logger.addFilter(WithoutContent())
