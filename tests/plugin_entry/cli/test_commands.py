"""The command line as a whole: what there is, what was mistyped, completion, and how wrong arguments end."""

import json
from pathlib import Path

import pytest

from plugin_entry.cli import main
from plugin_entry.cli.commands import COMMANDS, COMPLETING, SHELLS
from tests.plugin_entry.cli.processes import run
from tests.structure.sources import ROOT


def test_without_a_command_it_shows_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    shown = capsys.readouterr().out
    assert all(f"\n    {name} " in shown for name in COMMANDS)


def test_version_is_that_of_the_manifest(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    version = capsys.readouterr().out.removeprefix("dify-ollama ").strip()
    assert f"\nversion: {version}\n" in (ROOT / "manifest.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("typed", "hint"), [("dmo", "Did you mean 'demo'?"), ("docter", "Did you mean 'doctor'?"), ("sing", "Choose one of demo, chat, ")]
)
def test_mistyped_command_is_suggested(typed: str, hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([typed, "--model", "x"]) == 2
    told = capsys.readouterr().err
    assert f"there is no command {typed!r}. {hint}" in told


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_is_a_script_for_the_shell(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--completion", shell]) == 0
    assert "dify-ollama" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "completed"),
    [("dify-ollama tr", ["trace "]), ("dify-ollama record --po", ["--port "]), ("dify-ollama trace --format ht", ["html "])],
)
def test_a_shell_completes_commands_options_and_values(line: str, completed: list[str], tmp_path: Path) -> None:
    """As the scripts ask."""
    told = tmp_path / "told"
    environment = {
        COMPLETING: "1", "COMP_LINE": line, "COMP_POINT": str(len(line)), "COMP_TYPE": "9", "_ARGCOMPLETE_IFS": "\n",
        "_ARGCOMPLETE_SHELL": "bash", "_ARGCOMPLETE_SUPPRESS_SPACE": "0", "_ARGCOMPLETE_STDOUT_FILENAME": str(told),
    }  # fmt: skip
    assert run(environment=environment).returncode == 0
    assert told.read_text(encoding="utf-8").split("\n") == completed


WRONG: dict[str, tuple[list[str], str]] = {
    "port": (["record", "http://a", "--port", "70000"], "argument --port: must be a number from 0 to 65535, and it is '70000'"),
    "port of replay": (["replay", "--port", "-1"], "argument --port: must be a number"),
    "time scale": (["replay", "--time-scale", "nan"], "argument --time-scale: must be 0 or a number above it"),
    "chunking": (["replay", "--chunking", "sliced"], "argument --chunking: 'sliced' is no way to cut a body"),
    "time limit": (["doctor", "http://a", "--connect-timeout", "0"], "argument --connect-timeout: must be a number above 0"),
    "format": (["trace", "x", "--format", "pdf"], "argument --format: invalid choice: 'pdf'"),
    "address": (["chat", "--base-url", "ftp://x"], "argument --base-url: "),
    "key": (["chat", "--api-key-env", "NO_SUCH_KEY"], "argument --api-key-env: the environment variable NO_SUCH_KEY is not set"),
    "wheels": (["package", "--wheels", "no-such-folder"], "argument --wheels: there is no folder no-such-folder. Fill it by"),
}


@pytest.mark.parametrize(("typed", "words"), WRONG.values(), ids=WRONG)
def test_wrong_arguments_are_told_in_the_words_of_the_option(typed: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code: object = main(typed)
    except SystemExit as ended:
        code = ended.code
    assert code == 2
    assert words in capsys.readouterr().err


def test_json_is_all_that_stands_on_the_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "htp://x", "--json"]) == 10
    doctor = json.loads(capsys.readouterr().out)
    assert (doctor["exit_code"], doctor["findings"][0]["step"], doctor["findings"][0]["ok"]) == (10, "address", False)
    assert main(["trace", "0.24.0/chat-plain", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["finish_reason"] == "stop"


@pytest.mark.parametrize("typed", [["trace"], ["replay", "--list"]], ids=" ".join)
def test_recordings_are_listed(typed: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(typed) == 0
    assert "\n0.24.0/chat-plain" in capsys.readouterr().out
