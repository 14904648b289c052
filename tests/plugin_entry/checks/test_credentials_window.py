"""What the form's check says of the window: in the log, as a warning only where another client wants another one."""

import logging

import pytest

from plugin_entry.checks.credentials import check_language_model
from tests.plugin_entry.checks.test_credentials import recorded, routes, saved
from tests.servers.routes_server import RoutesServer, Speak, reply

pytestmark = pytest.mark.usefixtures("_plugin_rests")

FOREVER = recorded("0.33.0-rc2", "ps-forever")
"""chat runs with 4,096 tokens."""
SMALL = recorded("0.33.0-rc2", "ps")
"""chat runs with 512 tokens."""
CASES: dict[str, tuple[Speak, str, int, str]] = {
    "not running": (recorded("0.33.0-rc2", "ps-empty"), "auto", logging.INFO, "Dify asks for a window of 4,096 tokens."),
    "as asked": (FOREVER, "4096", logging.INFO, "Dify asks for a window of 4,096 tokens."),
    "another client's, smaller": (SMALL, "4096", logging.WARNING, "the model is running with only 512: another client wants another size"),
    "another client's, larger": (FOREVER, "1024", logging.WARNING, "the model is running with 4,096: another client wants another size"),
    "the server's": (SMALL, "server", logging.INFO, "Dify works with the server's own window, 512 tokens."),
    "the server's, not running": (recorded("0.33.0-rc2", "ps-empty"), "server", logging.INFO, "until the model is loaded."),
    "the server does not say": (recorded("0.9.6", "ps"), "4096", logging.INFO, "Dify asks for a window of 4,096 tokens."),
    "the server fails": (reply(500, b"{}"), "4096", logging.INFO, "Dify asks for a window of 4,096 tokens."),
}


@pytest.mark.parametrize(("running", "size", "level", "said"), CASES.values(), ids=CASES)
def test_the_window_in_force(running: Speak, size: str, level: int, said: str, caplog: pytest.LogCaptureFixture) -> None:
    with RoutesServer(routes("0.33.0-rc2", ps=running)) as server, caplog.at_level(logging.INFO, "plugin_entry"):
        check_language_model("chat", saved(server.url, context_size=size))
    (record,) = [record for record in caplog.records if "window" in record.getMessage()]
    assert (record.levelno, said in record.getMessage()) == (level, True), record.getMessage()


def test_the_servers_window_is_written_back() -> None:
    with RoutesServer(routes("0.33.0-rc2", ps=SMALL)) as server:
        values = saved(server.url, context_size="server")
        check_language_model("chat", values)
    assert values["detected_running_window"] == "512"
