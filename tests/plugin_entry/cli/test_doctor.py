"""`dify-ollama doctor`: what it prints, how it ends, and what it never shows."""

from pathlib import Path

import pytest

from fixtures.recordings import every
from fixtures.replay import ThreadedReplayServer
from plugin_entry.checks import doctor_network
from plugin_entry.cli import main
from plugin_entry.cli.doctor import EXIT_MEANINGS
from tests.plugin_entry.checks.sentences import faults
from tests.servers.asyncio_server import free_port
from tests.stdio.processes import programs
from translator.diagnosis.conclusion import EXIT_CODES, TROUBLES, Layer

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _nobody_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A real Ollama may run next door."""
    monkeypatch.setattr(doctor_network, "other_addresses", lambda *_, **__: ())


def test_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "sk-secret")
    with ThreadedReplayServer(every()) as recordings:
        code = main(["doctor", f"{recordings.url}/replay/0.24.0", "--model", "chat", "--api-key-env", "MY_KEY", "--plain"])
    lines = capsys.readouterr().out.splitlines()
    assert code == 0
    assert lines[0] == f"ok    address     Requests go to {recordings.url}/replay/0.24.0."
    assert lines[-1].endswith('is ready and has the model "chat".')
    assert "sk-secret" not in "\n".join(lines)


def test_command_ends_with_its_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["doctor", f"http://127.0.0.1:{free_port()}"])
    told = capsys.readouterr().out
    assert code == EXIT_CODES[Layer.TCP]
    assert told.endswith(".\n")
    assert faults(told.splitlines()[-1]) == [], "one line, as this is no terminal"
    assert told.splitlines()[-2] == ""


def test_command_in_a_terminal_has_lines_of_its_width(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    main(["doctor", f"http://127.0.0.1:{free_port()}", "--plain"])
    lines = capsys.readouterr().out.splitlines()
    last = lines[lines.index("") + 1 :]
    assert all(len(line) <= 60 for line in lines)
    assert len(last) > 1
    assert faults(" ".join(last)) == []


def test_exit_codes_are_told_alike_by_the_help_and_the_manual(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["doctor", "--help"])
    told, manual = capsys.readouterr().out, (ROOT / "docs" / "using.md").read_text(encoding="utf-8")
    assert {code for code, _ in EXIT_MEANINGS} >= {EXIT_CODES[step] for step in TROUBLES}
    for code, meaning in EXIT_MEANINGS:
        assert f"  {code:<3} {meaning}\n" in told
        assert f"| {code} | {meaning} |\n" in manual
    rest = "Any other number from 10 to 23 means that the time ran out."
    assert rest in told
    assert rest in manual


COMMANDS: dict[str, tuple[list[str], int, str]] = {
    "no address": (["htp://x"], EXIT_CODES[Layer.ADDRESS], "something other than http:// or https://"),
    "key over plain http": (["http://public.example", "--api-key-env", "MY_KEY"], EXIT_CODES[Layer.ADDRESS], "unencrypted"),
    "variable that is not set": (
        ["http://localhost", "--api-key-env", "NO_SUCH_KEY"],
        2,
        "argument --api-key-env: ",
    ),
    "no certificate": (
        ["https://localhost", "--ca-certificate", "/no/such.pem"],
        2,
        "argument --ca-certificate: there is no file",
    ),
}


@pytest.mark.parametrize(("arguments", "code", "part"), COMMANDS.values(), ids=COMMANDS)
def test_command_refuses(
    arguments: list[str], code: int, part: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", "sk-secret")
    assert main(["doctor", *arguments, "--plain"]) == code
    told = "".join(capsys.readouterr())
    assert part in told
    assert "sk-secret" not in told


FREE = "import sys; from plugin_entry.cli import main; main(['doctor', 'htp://x']); print({'gevent', 'dify_plugin'} & set(sys.modules))"
PROGRAMS = programs({"free": ("-c", FREE)})


def test_command_stays_free_of_the_sdk_and_gevent() -> None:
    assert PROGRAMS["free"].printed.splitlines()[-1] == "set()"
