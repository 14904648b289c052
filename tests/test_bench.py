"""The benchmark runs: with tiny sizes, as its figures mean nothing here."""

from xml.etree import ElementTree

import pytest

from plugin_entry import frames
from tests.bench.inside import SECTIONS
from tests.bench.layers import FLOOR, LAST, frames_to_nowhere, lines, thinking_lines, tool_lines, whole_reply
from tests.bench.load_server import BLOCK, BLOCKS, vectors_reply
from tests.bench.plot import svg
from tests.bench.report import FULL, QUICK, Line, Size, text
from tests.bench.whole import GOALS
from translator.response.embeddings import Flaw, read_embed

TINY = Size(tokens=60, repeats=1, lengths=(10, 20), texts=4)


@pytest.mark.parametrize("name", SECTIONS)
def test_section(name: str) -> None:
    title, section = SECTIONS[name]
    found = section(TINY)
    assert len({line.what for line in found}) == len(found)
    assert all(line.ours >= 0 for line in found)
    assert all(line.beside for line in found if line.what != FLOOR)
    assert text(title, found).count("\n") == len(found) + 1


@pytest.mark.parametrize(
    ("sent", "frames_expected"),
    [
        pytest.param(lines(20), 21, id="text"),
        pytest.param(thinking_lines(20), 23, id="thinking, with its tags"),
        pytest.param(tool_lines(20), 2, id="tool calls, all at once"),
    ],
)
def test_replies_are_what_they_are_called(sent: list[bytes], frames_expected: int) -> None:
    before = vars(frames.FrameWriter).get("output")
    with frames_to_nowhere():
        assert whole_reply([*sent, LAST]) == frames_expected
    assert vars(frames.FrameWriter).get("output") is before


def test_vectors_are_flawless() -> None:
    vectors = read_embed(vectors_reply(3)).vectors
    assert [len(vector) for vector in vectors if not isinstance(vector, Flaw)] == [768] * 3


def test_blocks_are_whole() -> None:
    assert {len(block) for blocks in BLOCKS.values() for block in blocks} == {BLOCK}


@pytest.mark.parametrize("size", [FULL, QUICK], ids=["full", "quick"])
def test_loads_with_goals_are_measured_beside_the_plain_plugin(size: Size) -> None:
    streams = [streams for streams, _ in size.loads]
    assert set(size.beside) <= set(streams)
    assert all(min(size.beside) <= goal for goal in GOALS if goal in streams)


def test_table_shows_ratio_and_goal() -> None:
    table = text(
        "Title", [Line(what="a", ours=1.5, unit="s", beside=2.0, beside_name="plain", goal="1.15"), Line(what="b", ours=1234, unit="")]
    )
    assert [line.split() for line in table.splitlines()[2:]] == [["a", "1.5", "s", "plain", "2", "s", "0.75", "1.15"], ["b", "1,234"]]


def test_plot_is_drawn() -> None:
    root = ElementTree.fromstring(svg([(1.0, 100.0), (10.0, 50.0)], "Title", "across", "up"))
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"Title", "across", "up", "100", "50"} <= set(texts)
