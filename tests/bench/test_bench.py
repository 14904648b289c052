"""The benchmark runs: with tiny sizes, as its figures mean nothing here."""

import inspect
import json
from collections.abc import Iterator
from xml.etree import ElementTree

import orjson
import pytest

from plugin_entry.dify import frames
from plugin_entry.dify.objects import text_chunk
from plugin_entry.network import connections
from tests.bench import bare, bare_client, bare_plugin, bare_reader, crowd
from tests.bench.bare import BODY_END, body_of
from tests.bench.host import BARE, OURS, PLAIN, Host, chat, load_server
from tests.bench.inside import SECTIONS
from tests.bench.layers import FLOOR, Layer, answered, layers_of
from tests.bench.load_server import BLOCK, BLOCKS, HEAD, TEXTS, chunk, vectors_reply
from tests.bench.plot import Series, svg
from tests.bench.reading import READER, bare_reading
from tests.bench.replies import LAST, lines, thinking_lines, tool_lines
from tests.bench.report import FULL, QUICK, Line, Size, text
from tests.bench.route import ScriptedBridge, SilentBridge, plan, request_line, requests_of, way
from tests.bench.token_way import way as way_of_a_token
from translator.embedding.replies import Flaw, read_embed

pytestmark = pytest.mark.plugin

TINY = Size(tokens=60, repeats=1, requests=3, lengths=(10, 20), texts=4)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with load_server() as port:
        yield port


@pytest.fixture(scope="module")
def bare_host() -> Iterator[Host]:
    with Host(BARE) as host:
        yield host


@pytest.mark.parametrize("name", SECTIONS)
def test_section(name: str) -> None:
    title, section = SECTIONS[name]
    found = section(TINY)
    assert len({line.what for line in found}) == len(found)
    assert all(line.ours >= 0 for line in found if name != "growth")  # of tiny answers the request is nearly all, and it is taken off
    assert all(line.beside for line in found if line.what != FLOOR and "request" not in line.unit)
    assert text(title, found).count("\n") == len(found) + 1


@pytest.mark.parametrize(
    ("sent", "frames_expected"),
    [
        pytest.param(lines(20), 21, id="text"),
        pytest.param(thinking_lines(20), 24, id="thinking, with its tags"),
        pytest.param(tool_lines(20), 2, id="tool calls, all at once"),
    ],
)
def test_the_way_is_whole(sent: list[bytes], frames_expected: int) -> None:
    """Each answer to its last chunk; what stood in for something is gone afterwards."""
    before = vars(frames.FrameWriter).get("output")
    with way(ScriptedBridge([*sent, LAST])):
        assert answered(2) == 2 * frames_expected
    assert vars(frames.FrameWriter).get("output") is before


@pytest.mark.parametrize("name", ["request: JSON line to body", "the same, 20 turns and 3 tools"])
def test_a_request_is_planned_to_its_body(name: str) -> None:
    bridge = SilentBridge()
    layer: Layer = layers_of(TINY, bridge)[name]
    with layer.around():
        assert layer.job() == TINY.requests


def test_the_bare_request_is_ours() -> None:
    bridge = SilentBridge()
    with way(bridge):
        plan(requests_of(request_line(), 1))
    assert bridge.sent is not None
    assert bridge.sent.body == body_of("m")


def test_the_bare_frame_is_as_the_sdks() -> None:
    frame = {"event": "session", "session_id": "s", "data": {"type": "stream", "data": text_chunk("m", 0, "é")}}
    assert orjson.loads(bare_plugin.FRAME % (b"s", json.dumps("é").encode())) == frame


def test_bare_connections_are_opened_as_the_plugin_opens_them() -> None:
    assert (bare_client.AT_ONCE, bare_client.LONGEST_TURN_S) == (connections.CONNECTS_AT_ONCE, connections.LONGEST_TURN_S)


@pytest.mark.parametrize("delay_ms", [0, 1])
def test_the_bare_reader_reads_all(port: int, delay_ms: int) -> None:
    found = bare_reading(port, f"text:30:{delay_ms}", 60)
    whole = len(HEAD) + sum(map(len, TEXTS[:30])) + len(chunk(LAST)) + len(BODY_END) - len(b"\r\n")
    assert found.sizes == [whole]
    assert 0 < found.worst_first_s <= found.wall_s


@pytest.mark.parametrize(("model", "streams"), [("text:12:1", 1), ("text:600:0", 2), ("text:12:1", 60)])
def test_the_bare_plugin_answers_a_line_a_frame(port: int, bare_host: Host, model: str, streams: int) -> None:
    for reply in [bare_host.collect(*sent) for sent in [bare_host.send(chat(model, port)) for _ in range(streams)]]:
        assert len(reply.texts) == int(model.split(":")[1]) + 1
        assert [said for _, said in reply.texts][:4] == ["The", " sky", " is", " blue"]
        assert {said for _, said in reply.texts} >= {" 你好", " 🚀"}


def test_the_bare_plugin_can_be_measured_like_a_plugin(port: int, bare_host: Host) -> None:
    found = crowd.paced(bare_host, port, 3, 10, 1)
    assert found.tokens_per_frame == pytest.approx(10 / 11)


def test_the_bare_references_import_nothing() -> None:
    """Whatever they took from elsewhere would be in their figures."""
    allowed = {
        "json",
        "os",
        "select",
        "socket",
        "sys",
        "time",
        "collections",
        "collections.abc",
        "tests.bench.bare",
        "tests.bench.bare_client",
    }
    for module in (bare, bare_client, bare_reader, bare_plugin):
        imported = {line.split()[1] for line in inspect.getsource(module).splitlines() if line.startswith(("import ", "from "))}
        assert imported <= allowed


def load_of(us: float) -> crowd.Load:
    return crowd.Load(us_per_token=us, wall_over_ideal=1.0, worst_first_s=0.1, tokens_per_frame=1.0)


FOUND: crowd.Loads = {
    (1, 20): {PLAIN.name: load_of(200), OURS.name: load_of(250), READER: load_of(90)},
    (50, 20): {PLAIN.name: load_of(100), OURS.name: load_of(30), READER: load_of(15)},
    (1000, 50): {OURS.name: load_of(25), READER: load_of(12)},
}


def test_a_load_is_measured_by_the_plain_plugin_at_fifty_streams() -> None:
    found = {line.what: line for line in crowd.lines_of(FOUND)}
    line = found["1,000 streams x 20 tokens/s: CPU"]
    assert (line.beside, line.goal) == ({"plain at 50": 100, "bare reader": 12}, "0.25 x plain at 50")
    assert found["50 streams x 50 tokens/s: time"].beside == {"plain": 1.0, "bare reader": 1.0}
    assert len(found) == 3 * len(FOUND)


def test_a_token_takes_one_short_way() -> None:
    """From the read of its bytes to its frame, without returning to a module that it left."""
    shell = way_of_a_token().of("plugin_entry")
    assert (shell.functions <= 14, shell.files <= 8, shell.returns) == (True, True, 0), shell.passed


def test_vectors_are_flawless() -> None:
    vectors = read_embed(vectors_reply(3)).vectors
    assert [len(vector) for vector in vectors if not isinstance(vector, Flaw)] == [768] * 3


def test_blocks_are_whole() -> None:
    assert {len(block) for blocks in BLOCKS.values() for block in blocks} == {BLOCK}


@pytest.mark.parametrize("size", [FULL, QUICK], ids=["full", "quick"])
def test_loads_with_goals_are_measured_beside_the_plain_plugin(size: Size) -> None:
    streams = [streams for streams, _ in size.loads]
    assert set(size.beside) <= set(streams)
    assert crowd.USUAL in size.beside


def test_table_shows_ratios_and_goal() -> None:
    table = text(
        "Title",
        [
            Line(what="a", ours=1.5, unit="s", beside={"bare": 1.0, "plain": 2.0}, goal="1.15"),
            Line(what="b", ours=1234, unit="", more="more"),
        ],
    )
    assert [line.split() for line in table.splitlines()[1:]] == [
        ["what", "ours", "plain", "bare", "goal"],
        ["a", "1.5", "s", "2", "(0.75)", "1", "(1.50)", "1.15"],
        ["b", "1,234", "more"],
    ]


def test_plot_is_drawn() -> None:
    picture = svg(crowd.series_of(FOUND), crowd.goal_of(FOUND), "Title", "across", "up (µs)")
    root = ElementTree.fromstring(picture)
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"Title", "across", "up (µs)", "plain", "ours", "bare reader", "goal: 0.45 × plain at 50", "30", "15"} <= set(texts)
    assert "prefers-color-scheme:dark" in picture


def test_plot_of_one_point_and_of_a_name_with_marks() -> None:
    assert "&lt;a&gt;" in svg([Series("<a>", [(1.0, 5.0)]), Series("none", [])], ("goal", 5.0), "t", "x", "y")


def test_figures_of_points_close_to_each_other_stand_on_both_sides() -> None:
    picture = svg([Series("a", [(1.0, 100.0)]), Series("b", [(1.0, 97.0)])], ("goal", 10.0), "t", "x", "y")
    root = ElementTree.fromstring(picture)
    heights = {element.text: float(element.attrib["y"]) for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert heights["97"] - heights["100"] > 20
