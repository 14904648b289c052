"""`dify-ollama record URL -- COMMAND`: runs a client against the recorder."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.recordings import every, load_directory
from fixtures.replay import ThreadedReplayServer
from plugin_entry.cli import main
from tests.plugin_entry.cli.processes import run


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadedReplayServer]:
    with ThreadedReplayServer(every(lambda exchange: exchange.version == "0.24.0")) as running:
        yield running


CLIENT = """
import os, urllib.request
print("saw " + str(urllib.request.urlopen(os.environ["OLLAMA_HOST"] + "/api/tags").status))
raise SystemExit({code})
"""


@pytest.mark.parametrize("code", [0, 3])
def test_client_is_run_against_the_proxy_and_ends_it(server: ThreadedReplayServer, tmp_path: Path, code: int) -> None:
    client = ("--", sys.executable, "-c", CLIENT.format(code=code))
    done = run("record", server.url_of("0.24.0"), "--port", "0", "-o", str(tmp_path), "--plain", *client)
    assert (done.returncode, done.stderr) == (code, "")
    assert "saw 200" in done.stdout
    assert "1 exchanges in" not in done.stdout
    assert "1 exchange in" in done.stdout
    (exchange,) = load_directory(tmp_path)
    assert exchange.path == "/api/tags"


def test_client_that_is_not_there_is_said(server: ThreadedReplayServer, tmp_path: Path) -> None:
    done = run("record", server.url_of("0.24.0"), "--port", "0", "-o", str(tmp_path), "--", "no-such-client")
    assert done.returncode == 1
    assert done.stderr == "dify-ollama: no-such-client cannot be run: No such file or directory.\n"


def test_client_behind_a_command_that_runs_none_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["trace", "0.24.0/chat-plain", "--", "ollama", "run"])
    assert "this command runs no other: -- ollama run" in capsys.readouterr().err
