"""The benchmark runs: with tiny sizes, as its figures mean nothing here."""

import inspect
import json
from collections.abc import Iterator
from xml.etree import ElementTree

import orjson
import pytest
from dify_plugin.errors.model import InvokeBadRequestError

from plugin_entry.dify import frames
from plugin_entry.dify.frames import text_chunk
from plugin_entry.network import connections
from tests.bench import bare, bare_client, bare_plugin, bare_reader, crowd, dependencies, parsers
from tests.bench.__main__ import SECTIONS
from tests.bench.bare import BODY_END, body_of
from tests.bench.host import BARE, OURS, PLAIN, Host, chat, load_server
from tests.bench.layers import answered
from tests.bench.load_server import HEAD, TEXTS, chunk, vectors_reply
from tests.bench.one_request import BESIDE, ONE
from tests.bench.plot import Series, svg
from tests.bench.reading import READER, bare_reading
from tests.bench.replies import LAST, lines, thinking_lines, tool_lines
from tests.bench.report import BOUND, FULL, QUICK, Line, Size, furthest, medians, text
from tests.bench.route import ScriptedBridge, SilentBridge, execute, planned_us, request_line, requests_of, way
from tests.bench.token_way import way as way_of_a_token
from tests.bench.vectors import framed
from translator.embedding.replies import Flaw, read_embed

pytestmark = pytest.mark.usefixtures("_plugin_rests")

TINY = Size(tokens=60, repeats=1, requests=3, rounds=1, lengths=(10, 20), histories=(2, 4), vectors=((4, 3),))
INSIDE = ("layers", "requests", "growth", "vectors", "dependencies")
"""Sections that take a moment only."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with load_server() as port:
        yield port


@pytest.fixture(scope="module")
def bare_host() -> Iterator[Host]:
    with Host(BARE) as host:
        yield host


@pytest.mark.parametrize("name", INSIDE)
def test_section(name: str) -> None:
    title, section = SECTIONS[name]
    found = section(TINY)
    assert len({line.what for line in found}) == len(found)
    assert all(line.ours >= 0 for line in found if name != "growth")  # of tiny answers the request is nearly all, and it is taken off
    assert all(line.beside for line in found if name != "dependencies")
    assert text(title, found).count("\n") == len(found) + 1


def test_a_layer_and_a_stage_stand_beside_their_bounds() -> None:
    found = SECTIONS["layers"][1](TINY)
    assert {line.what.split(":")[0] for line in found if BOUND in line.beside} == {"network", "translator", "serving", "dify"}
    assert [line.what for line in SECTIONS["requests"][1](TINY)[: len(BESIDE)]] == list(BESIDE)


def test_what_is_furthest_from_its_bound_is_said() -> None:
    def line(what: str, ours: float, bound: float, unit: str = "us/token") -> Line:
        return Line(what=what, ours=ours, unit=unit, beside={BOUND: bound})

    said = furthest([line("a", 10, 5), line("b", 1, 0.1), line("c", 90, 9, "us/request"), Line(what="d", ours=1e6, unit="us/token")])
    assert said == (
        "Furthest from its bound: per token 'a' (5 us over its bound, 2.0 x); per token by ratio 'b' (0.9 us over its bound, 10.0 x); "
        "per request 'c' (81 us over its bound, 10.0 x); per request by ratio 'c' (81 us over its bound, 10.0 x)"
    )
    assert furthest([]) == ""


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


def test_a_request_is_planned_to_its_body() -> None:
    assert 0 < planned_us(request_line(), 1) < planned_us(request_line(turns=200, tools=3), 1)


def test_the_bare_request_is_ours() -> None:
    bridge = SilentBridge()
    (request,) = requests_of(request_line(), 1)
    with way(bridge), pytest.raises(InvokeBadRequestError):
        execute(request)
    assert bridge.body == body_of(ONE)


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
    for reply in bare_host.ask_all([chat(model, port) for _ in range(streams)]):
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


def test_a_plugin_is_answered_when_it_asks_about_its_callers(port: int) -> None:
    with Host(OURS) as ours:
        found = crowd.paced(ours, port, 2, 30, 100)
    assert found.questions >= 2
    assert found.memory_over_idle >= 1


def load_of(us: float) -> crowd.Load:
    return crowd.Load(us_per_token=us, wall_over_ideal=1.0, worst_first_s=0.1, tokens_per_frame=1.0)


FOUND: crowd.Loads = {
    (1, 20): {PLAIN.name: load_of(200), OURS.name: load_of(250), READER: load_of(90)},
    (50, 20): {PLAIN.name: load_of(100), OURS.name: load_of(30), READER: load_of(15)},
    (1000, 50): {OURS.name: load_of(25), READER: load_of(12)},
}


def test_a_load_stands_beside_what_carried_it_too() -> None:
    found = {line.what: line for line in crowd.lines_of(FOUND)}
    line = found["50 streams x 50 tokens/s: CPU"]
    assert (line.beside, line.goal) == ({"plain": 100, "bare reader": 15}, "0.3 x plain")
    assert found["1,000 streams x 20 tokens/s: time"].goal == "1.15 x ideal"
    assert len(found) == 4 * len(FOUND)


def test_a_token_takes_one_short_way() -> None:
    """From the read of its bytes to its frame, without returning to a module that it left."""
    way = way_of_a_token()
    assert (way.functions <= 20, way.files <= 8, way.returns) == (True, True, 0), way.passed


def test_vectors_are_flawless() -> None:
    vectors = read_embed(vectors_reply(3, 384)).vectors
    assert [vector.length for vector in vectors if not isinstance(vector, Flaw)] == [384] * 3


def test_the_bound_of_vectors_writes_all_of_them() -> None:
    assert len(framed(vectors_reply(3, 384))) > 3 * 384 * 8


def test_the_other_libraries_get_what_the_translator_gets() -> None:
    assert parsers.feed([*lines(30), LAST]) == 31
    assert parsers.feed([*tool_lines(3), LAST]) >= 1


def test_each_dependency_says_who_wants_it() -> None:
    found = dependencies.dependencies(TINY)
    wanted = {line.what.split()[0]: line.more.split(":")[0] for line in found[1:]}
    ours = {name for name, by in wanted.items() if by == "for the plugin"}
    assert ours == {"aiohttp", "attrs", "cattrs", "orjson", "pillow", "dify-plugin"}
    assert wanted["gevent"] == "for dify-plugin"
    assert found[0].ours == pytest.approx(sum(line.ours for line in found[1:]))


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


def test_medians_of_runs() -> None:
    runs = [[Line(what="a", ours=ours, unit="s", beside={BOUND: bound})] for ours, bound in ((3.0, 1.0), (9.0, 2.0), (4.0, 9.0))]
    assert medians(runs) == [Line(what="a", ours=4.0, unit="s", beside={BOUND: 2.0})]


def test_plot_is_drawn() -> None:
    picture = svg(crowd.series_of(FOUND), crowd.goal_of(FOUND), "Title", "across", "up (µs)")
    root = ElementTree.fromstring(picture)
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"Title", "across", "up (µs)", "plain", "ours", "bare reader", "goal: 0.3 × plain at 50", "30", "15"} <= set(texts)
    assert "prefers-color-scheme:dark" in picture


def test_plot_of_one_point_and_of_a_name_with_marks() -> None:
    assert "&lt;a&gt;" in svg([Series("<a>", [(1.0, 5.0)]), Series("none", [])], ("goal", 5.0), "t", "x", "y")


def test_figures_of_points_close_to_each_other_stand_on_both_sides() -> None:
    picture = svg([Series("a", [(1.0, 100.0)]), Series("b", [(1.0, 97.0)])], ("goal", 10.0), "t", "x", "y")
    root = ElementTree.fromstring(picture)
    heights = {element.text: float(element.attrib["y"]) for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert heights["97"] - heights["100"] > 20
