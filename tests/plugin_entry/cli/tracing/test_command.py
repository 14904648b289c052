"""`dify-ollama trace` in its three forms, from recordings, files and the standard input."""

import io
import json
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from fixtures.recordings import load
from plugin_entry.cli import main
from plugin_entry.cli.tracing.html import LANES
from tests.plugin_entry.cli.processes import run
from translator.shapes.events import Event


class Page(HTMLParser):
    """Checks that tags close and nothing comes from outside; collects ids and targets."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.text: list[str] = []
        self.tags: set[str] = set()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        values = dict(attrs)
        self.ids += [str(values["id"])] if "id" in values else []
        self.targets += [str(values[name]) for name in ("href", "src") if name in values]
        if tag not in {"meta", "link", "input"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["trace", *arguments]) == 0
    return capsys.readouterr().out


def test_text_shows_wire_events_states_deltas_and_frames(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, "0.24.0/tool-two")
    assert "finish reason tool_calls, 131 prompt + 14 answer tokens, 15.2 tokens/s" in text
    assert "line 3  1592.4 ms  START → FINISHED" in text
    assert '  event  CALLS "get_weather"' in text
    assert "  delta  CallsDelta" in text
    assert '  frame  {"content": "", "finish_reason": "tool_calls", "usage": {"prompt_tokens": 131, "completion_tokens": 14}}' in text
    assert text.count("  wire   ") == 3


def test_text_does_not_let_a_model_steer_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    body = tmp_path / "reply.ndjson"
    body.write_bytes(b'\x1b[2J{"message":{"content":"x"}}\n')
    assert "\x1b" not in shown(capsys, str(body))


def test_json_says_the_same_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(shown(capsys, "0.24.0/think-true", "--format", "json"))
    assert (document["finish_reason"], document["usage"]["completion_tokens"], document["error"]) == ("stop", 19, None)
    frames = [frame for line in document["lines"] for frame in line["frames"]]
    assert [frame["content"] for frame in frames[:2]] == ["<think>\n", "The"]
    assert frames[-1]["finish_reason"] == "stop"
    assert document["lines"][0]["events"] == [{"event": "THINKING", "text": "The", "before": "START", "after": "THINKING"}]


@pytest.mark.parametrize("address", ["0.24.0/chat-plain", "0.24.0/error-no-tools", "0.24.0/server-killed-midway", "0.33.0-rc2/native-tool"])
def test_html_is_one_sound_page_without_outside_resources(address: str, tmp_path: Path) -> None:
    out = tmp_path / "trace.html"
    assert main(["trace", address, "--format", "html", "-o", str(out)]) == 0
    page = Page(out.read_text(encoding="utf-8"))
    assert page.open == []
    assert not page.tags & {"script", "img", "iframe"}
    assert all(target == "data:," or target.removeprefix("#") in page.ids for target in page.targets)
    assert {target.removeprefix("#") for target in page.targets if target.startswith("#")} == {name for name in page.ids if "line-" in name}
    assert f"Trace of {address}" in page.text


def test_html_shows_markup_of_an_answer_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    html = shown(capsys, "0.24.0/inline-think-unflagged", "--format", "html")
    assert "<think>" not in html
    assert "&lt;think&gt;" in html


def test_every_event_has_one_row_in_the_timeline() -> None:
    kinds = [kind for _, lane in LANES for kind in lane]
    assert sorted(kinds) == sorted(event.name for event in Event)


def test_standard_input_is_read_as_it_arrives() -> None:
    done = run("trace", "-", "--format", "json", typed=load("0.24.0", "chat-plain").body.decode())
    document = json.loads(done.stdout)
    assert (document["source"], document["model"], document["timed"], document["finish_reason"]) == ("standard input", "chat", True, "stop")


def test_a_file_may_hold_a_recording_or_a_body(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    body = tmp_path / "reply.ndjson"
    body.write_bytes(load("0.24.0", "chat-plain").body)
    assert "times unknown" in shown(capsys, str(body))
    assert "0.24.0/chat-plain, model chat, status 200\n20 lines, 1518.0 ms" in shown(capsys, "fixtures/0.24.0/chat-plain.json")


@pytest.mark.parametrize(
    ("source", "exit_code", "sentence"),
    [
        ("0.24.0/embed-one", 1, "Only those of /api/chat and /api/generate can be traced."),
        ("0.24.0/chat-plan", 2, "Similar names: chat-plain"),
        ("nothing", 2, "there is no file nothing, and no recording of that name."),
        ("tests", 2, "cannot be read"),
    ],
)
def test_what_cannot_be_traced_is_said(source: str, exit_code: int, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", source]) == exit_code
    assert sentence in capsys.readouterr().err


def test_the_list_of_recordings_is_a_document_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", "--json"]) == 0
    assert "0.24.0/tool-two" in json.loads(capsys.readouterr().out)


def test_an_empty_body_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").touch()
    assert main(["trace", str(tmp_path / "empty")]) == 1
    assert "is empty" in capsys.readouterr().err


def test_a_broken_recording_and_a_place_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "broken.json").write_text('{"request": {}, "response": {}}')
    assert main(["trace", str(tmp_path / "broken.json")]) == 1
    assert "is not a recording: the recording lacks" in capsys.readouterr().err
    assert main(["trace", "0.24.0/chat-plain", "-o", str(tmp_path / "no" / "where")]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_output_goes_to_the_standard_output(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    assert main(["trace", "0.5.13/chat-plain"]) == 0
    assert "FINISHED" in out.getvalue()
