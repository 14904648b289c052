"""Dify's place in front of the plugin: starts it as the daemon does, sends requests, reads frames.

For the command line and the tests; the plugin itself does not use it. Nothing here imports Dify's SDK. It works in a process that gevent
has patched, too.
"""

from plugin_entry.cli.daemon.frames import Frame
from plugin_entry.cli.daemon.process import PluginProcess, PluginProcessError

__all__ = ["Frame", "PluginProcess", "PluginProcessError"]
