"""Where the plugin's own log lines go: to Dify's daemon, as frames of the SDK's kind.

Enters: a level by name. Leaves: a handler at the loggers of this project. Without it Python would write warnings bare to the standard
error, and the daemon would show each as an unnamed line.
"""

import logging

from dify_plugin.config.logger_format import plugin_logger_handler

LEVEL = "DIFY_OLLAMA_LOG"
"""Environment variable with the name of a level; DEBUG shows one line per request."""

USUAL = "WARNING"
PACKAGES = ("plugin_entry", "translator")


def install(level: str) -> None:
    """Shows lines from `level` on, WARNING for a name that is none. Must come after the frames have their descriptor."""
    handler = logging.StreamHandler(plugin_logger_handler.stream)
    handler.setFormatter(plugin_logger_handler.formatter)
    chosen = logging.getLevelNamesMapping().get(level.strip().upper(), logging.WARNING)
    for package in PACKAGES:
        logger = logging.getLogger(package)
        logger.handlers = [handler]
        logger.setLevel(chosen)
        logger.propagate = False
