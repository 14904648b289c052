"""What `chat` and `demo` say of an address where no Ollama answers: the same as the doctor."""

import subprocess
import sys

import pytest

from tests.servers.function_server import FunctionServer
from tests.structure.sources import ROOT
from translator.shapes.exchange import HttpReply

PAGE = HttpReply(status=200, headers={"Content-Type": "text/html"}, body=b"<!doctype html><title>Something else</title>")


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = (sys.executable, "-m", "plugin_entry.cli", *arguments)
    return subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("command", ["chat", "demo"])
def test_an_address_that_is_no_ollama_is_told_as_the_doctor_tells_it(command: str) -> None:
    with FunctionServer(lambda _: PAGE) as server:
        doctor = run("doctor", server.url)
        asked = run(command, "--base-url", server.url)
    assert doctor.returncode >= 10
    assert asked.returncode == 1
    assert asked.stderr.splitlines()[-1] == f"dify-ollama: {doctor.stdout.splitlines()[-1]}"
