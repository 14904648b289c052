"""What `chat` and `demo` say of an address where no Ollama answers: the same as the doctor."""

import io

import pytest

from plugin_entry.checks import doctor_network
from plugin_entry.cli import main
from tests.servers.function_server import FunctionServer
from translator.shapes.exchange import HttpReply

PAGE = HttpReply(status=200, headers={"Content-Type": "text/html"}, body=b"<!doctype html><title>Something else</title>")


@pytest.mark.parametrize("command", ["chat", "demo"])
def test_an_address_that_is_no_ollama_is_told_as_the_doctor_tells_it(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    # a real Ollama may run next door
    monkeypatch.setattr(doctor_network, "other_addresses", lambda *_, **__: ())
    with FunctionServer(lambda _: PAGE) as server:
        assert main(["doctor", server.url]) >= 10
        sentence = capsys.readouterr().out.splitlines()[-1]
        assert main([command, "--base-url", server.url]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == f"dify-ollama: {sentence}"
