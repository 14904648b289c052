"""The end of a process at its real length: `test_shutdown.py` shortens the five seconds that answers get, this does not."""

import os
import signal
import time

from plugin_entry.cli.daemon import PluginProcess
from plugin_entry.dify.requests import PLUGIN_STOPPING
from plugin_entry.dify.shutdown import CLOSING_S, GRACE_S
from tests.plugin_entry.dify.test_shutdown import HANGING, answer, ask, exit_code
from tests.servers.loopback import PATIENCE_S
from tests.servers.stalling_server import stalling

EARLY_S, SOON_S = 0.5, 2.0


def test_answers_that_hang_get_five_seconds_and_are_told() -> None:
    with stalling() as server, PluginProcess() as plugin:
        sessions = {stage: ask(plugin, server, stage) for stage in HANGING}
        began = time.monotonic()
        os.kill(plugin.pid, signal.SIGTERM)
        found = {stage: answer(plugin, session) for stage, session in sessions.items()}
        assert exit_code(plugin, PATIENCE_S) == 0
        took = time.monotonic() - began
        assert GRACE_S - EARLY_S < took < GRACE_S + CLOSING_S + SOON_S
        assert {error for _, error in found.values()} == {f"InvokeServerUnavailableError: {PLUGIN_STOPPING}"}
        for stage in HANGING:
            assert server.left[stage].wait(PATIENCE_S)
            assert server.times[stage] - began > GRACE_S - EARLY_S
