"""Every recorded answer, sent through a real plugin process once per test run, all of them at the same time.

Each reply is checked as the daemon checks it. Several test modules read them, so they are kept.
"""

import functools
from collections.abc import Mapping

from fixtures.recordings import Exchange
from fixtures.replay import SubprocessReplayServer
from plugin_entry.cli.daemon.requests import invoke_llm, user_message
from tests.stdio.daemon import Daemon, Reply
from tests.stdio.processes import beating_plugin
from tests.translator.stream_player import answers

MODES = {"/api/chat": "chat", "/api/generate": "completion"}
ALL_WITHIN_S = 120.0


def model_of(exchange: Exchange) -> str:
    """The model that was asked when the recording was made."""
    model: str = exchange.request_body["model"]
    return model


@functools.cache
def replies() -> Mapping[str, Reply]:
    """Address to reply."""
    with SubprocessReplayServer() as server, beating_plugin() as plugin:
        daemon = Daemon(plugin)
        sessions = {exchange.address: daemon.send(_request(exchange, server.url_of(exchange.address))) for exchange in answers()}
        found = {address: daemon.reply(session, ALL_WITHIN_S) for address, session in sessions.items()}
        assert plugin.stray == ()
        # a folder may lack the recordings that answer the plugin's questions about a model
        assert [each for each in server.journal()["unmatched"] if each["path"] in MODES] == []
    return found


def _request(exchange: Exchange, url: str) -> dict[str, object]:
    credentials = {"base_url": url, "mode": MODES[exchange.path], "connect_timeout": "0"}
    return invoke_llm(model_of(exchange), credentials, [user_message("Why is the sky blue?")])
