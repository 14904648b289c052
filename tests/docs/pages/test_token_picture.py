"""The drawing of a token's path: its modules exist, in the order in which the manual lists them, and the token is the recorded one."""

from docs.pages.modules import FLOW
from docs.pages.token_picture import stops, token_picture
from fixtures.recordings import load
from tests.structure.sources import ROOT

MODULES = [stop.name for stop in stops() if stop.name.endswith(".py")]


def test_modules_exist_and_are_in_the_order_of_the_list_of_modules() -> None:
    assert [name for name in MODULES if not (ROOT / name).is_file()] == []
    way_back = dict(FLOW)["From Ollama to Dify"].split()
    assert [name for name in way_back if name in MODULES] == MODULES


def test_the_token_is_a_recorded_one() -> None:
    first, *_ = stops()
    assert first.token.partition("…,")[2].partition("…,")[2].partition("}")[0].encode() in load("0.24.0", "chat-plain").body
    assert 'TextDelta(" sky")' in {stop.token for stop in stops()}


def test_every_stop_is_drawn() -> None:
    picture = token_picture()
    assert [stop.name for stop in stops() if f">{stop.name}<" not in picture] == []
