"""`dify-ollama demo`: what it shows, and that its exit code tells the truth."""

import base64
import json
import re
from io import BytesIO
from typing import Any

import attrs
import pytest
from PIL import Image

from docs.pages.demo_picture import LINES
from fixtures.recordings import load
from fixtures.replay import ThreadedReplayServer
from plugin_entry.checks import doctor_network
from plugin_entry.cli import main
from plugin_entry.cli.chat.turns import TurnResult
from plugin_entry.cli.demo import scenes
from plugin_entry.cli.demo.scenes import SCENES, Expected, Scene
from plugin_entry.cli.demo.stages import RecordedStage
from tests.stdio.processes import programs

CLOSED = "http://127.0.0.1:9"
RECORDINGS = [load("0.24.0", name) for name in ("chat-plain", "show-chat", "tags", "version")]
DEMO = ("-m", "plugin_entry.cli", "demo", "--plain")
# an empty address is none
PROGRAMS = programs(
    {
        "everything": (*DEMO, "--speed", "20"),
        "for programs": (*DEMO, "--speed", "50", "--json"),
    },
    {"OLLAMA_HOST": ""},
)


@pytest.fixture(scope="module")
def shown() -> str:
    done = PROGRAMS["everything"].done
    assert done.returncode == 0
    assert set(done.stderr.splitlines()) == {"Starting the plugin and the server of recordings ...", "Waiting for the model ..."}
    return done.stdout


@pytest.mark.parametrize(
    "fact",
    [
        "thinking: The user asks about the sky.",
        'calls get_weather({"city":"Paris"})\ncalls get_weather({"city":"Oslo"})\nfinish reason tool_calls · 131 prompt + 14 answer tokens',
        "fed back: get_weather → 21 °C, sunny\nfed back: get_weather → 9 °C, rain\nIt is 21 °C in Paris.\nfinish reason stop",
        "A single transparent pixel.",
        '{"city": "Paris", "temp": 21}',
        'The answer is not\nerror: The computation of the model "native-crash-message" failed',
        "All 7 scenes came out as they should.",
    ],
)
def test_demo_shows(fact: str, shown: str) -> None:
    assert fact in shown


def test_demo_for_programs_is_one_document() -> None:
    done = PROGRAMS["for programs"].done
    document = json.loads(done.stdout)
    assert (done.returncode, document["good"], document["unknown_lines"]) == (0, True, 0)
    assert [scene["scene"] for scene in document["scenes"]] == [scene.title for scene in SCENES]
    assert all(scene["complaints"] == [] and scene["turns"] for scene in document["scenes"])


def test_every_turn_has_its_figures(shown: str) -> None:
    assert len(re.findall(r"first chunk after \d+ ms · \d+ frames?\n", shown)) == len(SCENES) + 1
    assert "\x1b" not in shown


def test_the_picture_in_the_readme_is_what_the_demo_shows(shown: str) -> None:
    real = {_without_figures(line) for line in shown.splitlines()}
    assert [line for _, line in LINES if _without_figures(line) not in real] == []


def _without_figures(line: str) -> str:
    return re.sub(r"\d+(\.\d+)?", "#", re.sub(r" · [\d.]+ tokens/s|, process \d+|frames?$", "", line))


def test_a_closed_port_is_one_sentence_and_no_success(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    # a real Ollama may run next door
    monkeypatch.setattr(doctor_network, "other_addresses", lambda *_, **__: ())
    assert main(["demo", "--base-url", CLOSED]) == 1
    assert "Nothing accepts connections at http://127.0.0.1:9" in capsys.readouterr().err


def test_a_real_server_is_asked_for_its_models_and_what_it_cannot_do_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with ThreadedReplayServer(RECORDINGS) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        code = main(["demo", "--plain", "--model", "chat"])
        assert server.requests[0].path == "/api/tags"
        chats = [request.body for request in server.requests if request.path == "/api/chat"]
    shown = capsys.readouterr().out
    assert "model chat" in shown
    assert "not shown: the model chat cannot (vision)" in shown
    assert "not shown: a healthy server does not do this on demand" in shown
    assert [(body["model"], "format" in body) for body in chats] == [("chat", False), ("chat", True)]
    # this recording answers a question for JSON with plain text
    assert (code, "wrong: the answer is no JSON object" in shown) == (1, True)


def test_a_missing_key_variable_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--base-url", CLOSED, "--api-key-env", "NO_SUCH_KEY"]) == 2
    assert "argument --api-key-env: the environment variable NO_SUCH_KEY is not set" in capsys.readouterr().err


@pytest.mark.parametrize("speed", ["0", "-1", "fast", "nan"])
def test_speed_is_a_number_above_zero(speed: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["demo", f"--speed={speed}"])
    assert "must be a number above 0" in capsys.readouterr().err


GOOD = TurnResult(
    text="yes",
    finish_reason="stop",
    prompt_tokens=1,
    completion_tokens=1,
    first_s=0.1,
    last_s=0.2,
    frames=2,
)
SCENE = Scene(title="t", prompt="p", recordings=("0.24.0/chat-plain",), expected=Expected(finish=("stop",), says="yes"))
BREAKING = attrs.evolve(SCENE, expected=Expected(finish=(None,), says="yes", breaks_off=True))


@pytest.mark.parametrize(
    ("scene", "change", "complaint"),
    [
        (SCENE, {}, None),
        (SCENE, {"finish_reason": "length"}, "finish reasons ('length',) instead of ('stop',)"),
        (SCENE, {"text": "no"}, "the answer does not say 'yes'"),
        (SCENE, {"thinking": "hm"}, "thinking where none was expected"),
        (attrs.evolve(SCENE, expected=attrs.evolve(SCENE.expected, thinks=True)), {}, "no thinking"),
        (SCENE, {"error": "broken"}, "it ended in an error"),
        (BREAKING, {"finish_reason": None, "error": "broken"}, None),
        (BREAKING, {"finish_reason": None}, "the error of the server did not arrive"),
        (attrs.evolve(SCENE, structured=True), {}, "the answer is no JSON object"),
        (SCENE, {"calls": [{"id": "call_1"}]}, "the server got 0 results for 1 calls"),
    ],
)
def test_what_differs_from_the_recordings_is_wrong(scene: Scene, change: dict[str, Any], complaint: str | None) -> None:
    with ThreadedReplayServer(()) as server:
        complaints = list(RecordedStage(server).complaints(scene, [attrs.evolve(GOOD, **change)]))
    assert complaints == ([] if complaint is None else [complaint])


def test_the_picture_of_the_demo_is_one() -> None:
    part = scenes.picture_part()
    with Image.open(BytesIO(base64.b64decode(part["base64_data"]))) as picture:
        picture.load()
        assert (picture.format, picture.size) == ("PNG", (64, 64))
