"""Answers that bring nothing and do not end: each is given up, whatever it is made of."""

import gevent
import pytest
from dify_plugin.errors.model import InvokeError

from plugin_entry.serving import chat
from tests.sdk_chunks import as_models
from tests.servers.hostile import FLOODS, flooding
from tests.servers.loopback import PATIENCE_S, serving
from translator.shapes.dify import Message, Role
from translator.turn import Ask

SAID = {"tool calls": "tool calls", "early hints": "does not speak proper HTTP"}
NOTHING = "in a row said nothing"


@pytest.mark.usefixtures("_plugin_rests")
@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_ends_in_words_and_its_connection_is_closed(name: str) -> None:
    with serving(flooding) as server, gevent.Timeout(PATIENCE_S):
        ask = Ask(model=name, messages=(Message(role=Role.USER, content="hi"),))
        with pytest.raises(InvokeError, match=SAID.get(name, NOTHING)):
            list(as_models(chat.stream(ask, {"base_url": f"http://127.0.0.1:{server.port}"})))
        assert server.left.wait(PATIENCE_S)
