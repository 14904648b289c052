"""The start: what comes before the first heartbeat, what comes after it, and an installation that is not complete."""

import gc
import logging
import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import pytest
import yaml
from dify_plugin.errors.model import InvokeServerUnavailableError

from plugin_entry.cli.daemon import PluginProcess
from plugin_entry.cli.daemon.requests import LLM, get_ai_model_schemas, invoke_llm, user_message, validate_model_credentials
from plugin_entry.dify import startup
from plugin_entry.dify.sdk_import import UNUSED
from plugin_entry.models import llm, rerank, text_embedding
from plugin_entry.provider import ollama
from tests.stdio.daemon import Daemon
from tests.structure.sources import ROOT

CREDENTIALS = {"base_url": "http://127.0.0.1:9"}
LAST_PART = "plugin_entry.serving.rerank"
NOT_BEFORE = {"translator"}
NEVER = set(UNUSED) | {"jinja2", "urllib3"}
"""What the SDK would bring, and what that would bring."""
ALLOWED_BEFORE = {"main", "models", "provider"} | {
    f"dify.{name}"
    for name in (
        "callers",
        "executor",
        "frames",
        "liveness",
        "output",
        "requests",
        "sdk_import",
        "serverless",
        "shutdown",
        "slots",
        "startup",
    )
}
ALLOWED_BEFORE |= {"dify", "dify.sdk_patches", "log"}
"""Modules of the plugin that the first heartbeat needs."""


def start_as_told() -> Generator[str]:
    """Lines of frames and of imports, in the order in which they were written."""
    process = subprocess.Popen(
        [sys.executable, "-v", "-m", "plugin_entry.main"],
        cwd=ROOT,
        env=os.environ | {"INSTALL_METHOD": "local"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        yield from process.stdout
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def test_first_heartbeat_waits_for_nothing_it_does_not_need() -> None:
    before: set[str] = set()
    after: set[str] = set()
    imported = before
    with closing(start_as_told()) as lines:
        for line in lines:
            if '"event":"heartbeat"' in line:
                imported = after
            elif line.startswith("import '"):
                imported.add(line.split("'")[1])
            if LAST_PART in imported:
                break
    assert imported is after
    ours = {name.removeprefix("plugin_entry.") for name in before if name.startswith("plugin_entry.")}
    assert {name for name in ours if not name.startswith(("models.", "provider."))} - ALLOWED_BEFORE == set()
    assert {name.partition(".")[0] for name in before} & NOT_BEFORE == set()
    assert {name.partition(".")[0] for name in after} >= NOT_BEFORE
    assert {name.partition(".")[0] for name in before} >= set(startup.LIBRARIES)
    assert {name.partition(".")[0] for name in before | after} & NEVER == set()
    assert {f"plugin_entry.{part}" for part in startup.PARTS} - after == {f"plugin_entry.{part}" for part in startup.ONLY_WHEN_NEEDED}


@pytest.mark.parametrize("name", ["manifest.yaml", "plugin_entry/provider/ollama.yaml"])
def test_both_parsers_read_the_same(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert yaml.load(text, yaml.CSafeLoader) == yaml.load(text, yaml.SafeLoader)


@pytest.mark.parametrize("module", [llm, rerank, text_embedding, ollama], ids=lambda module: module.__name__)
def test_stand_ins_are_warmed_up(module: object) -> None:
    parts = {vars(value)["_part"] for value in vars(module).values() if isinstance(value, startup.LateModule)}
    assert parts
    assert parts <= set(startup.PARTS)


def test_stand_in_is_its_module() -> None:
    (stand_in,) = startup.modules("dify.errors")
    from plugin_entry.dify import errors

    assert stand_in.MAPPING is errors.MAPPING
    assert "MAPPING" in vars(stand_in)
    with pytest.raises(AttributeError):
        _ = stand_in.nothing_of_the_kind


def test_part_that_cannot_be_imported_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(startup.PARTS, "nowhere", InvokeServerUnavailableError)
    (stand_in,) = startup.modules("nowhere")
    for _ in range(2):
        with pytest.raises(InvokeServerUnavailableError, match="not installed completely"):
            _ = stand_in.anything


def test_warm_up_tells_the_log_and_goes_on(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    settled: list[bool] = []
    monkeypatch.setattr(startup, "collect_rarely", lambda: settled.append(True))
    monkeypatch.setattr(startup, "PARTS", {"nowhere": InvokeServerUnavailableError})
    monkeypatch.setattr(startup.logger, "propagate", True)
    with caplog.at_level(logging.ERROR, startup.logger.name):
        startup.warm_up()
    assert settled == [True]
    assert "requests will fail" in caplog.text
    assert "plugin_entry.nowhere" in caplog.text


def test_garbage_is_looked_for_again_after_the_imports() -> None:
    usual = gc.get_threshold()
    try:
        startup.collect_rarely()
        assert gc.get_threshold() == startup.WHILE_SERVING
        assert gc.isenabled()
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
        gc.set_threshold(*usual)


def test_broken_installation_is_told_to_everybody(tmp_path: Path) -> None:
    (tmp_path / "aiohttp.py").write_text("raise ImportError('broken on purpose')\n")
    with PluginProcess({"PYTHONPATH": str(tmp_path), "HEARTBEAT_INTERVAL": "0.1"}) as plugin:
        daemon = Daemon(plugin)
        answered = daemon.invoke(invoke_llm("m", CREDENTIALS, [user_message("Hello")]))
        checked = daemon.invoke(validate_model_credentials(LLM, "m", CREDENTIALS))
        described = daemon.invoke(get_ai_model_schemas(LLM, "m", CREDENTIALS))
        plugin.wait_for_heartbeat()
        logged = str(plugin.logs)
    assert (answered.error_type, checked.error_type) == ("InvokeServerUnavailableError", "CredentialsValidateFailedError")
    for reply in (answered, checked, described):
        assert "not installed completely (ImportError: broken on purpose)" in reply.message
    assert "requests will fail" in logged
    assert "broken on purpose" in logged
