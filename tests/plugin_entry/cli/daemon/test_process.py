"""The driver of the plugin's process, against programs that behave and misbehave on purpose."""

import os
import signal
import sys
from pathlib import Path

import pytest

from plugin_entry.cli.daemon import PluginProcess, PluginProcessError
from tests.stdio.processes import programs

ECHO = """
import json, sys
def say(message): sys.stdout.write(json.dumps(message) + "\\n\\n"); sys.stdout.flush()
def frame(session, kind, data): say({"event": "session", "session_id": session, "data": {"type": kind, "data": data}})
say({"name": "fake"})
say({"event": "log", "data": {"message": "hello"}})
say({"event": "heartbeat", "session_id": None, "data": {}})
for line in sys.stdin:
    request = json.loads(line)
    session, asked = request["session_id"], request["data"]
    for step in asked["steps"]:
        match step:
            case "die": sys.stderr.write("last words"); sys.stderr.flush(); sys.exit(3)
            case "beat": say({"event": "heartbeat", "session_id": None, "data": {}})
            case "foreign": frame("nobody", "stream", {})
            case "nameless": frame(["no name"], "stream", {})
            case "noise": sys.stdout.write("half a line "); sys.stdout.flush(); frame(session, "stream", "lost")
            case "long": frame(session, "stream", "x" * 3_000_000)
            case "error" | "end": frame(session, step, {})
            case _: frame(session, "stream", step)
"""
FAKE = (sys.executable, "-c", ECHO)

UNPATCHED = """
import sys
from plugin_entry.cli.daemon import PluginProcess
from plugin_entry.cli.daemon.requests import get_llm_num_tokens, user_message
with PluginProcess() as plugin:
    print([frame.kind for frame in plugin.invoke(get_llm_num_tokens("m", {}, [user_message("hi")]))])
print([name for name in ("gevent", "dify_plugin", "aiohttp") if name in sys.modules])
"""


PROGRAMS = programs({"unpatched": ("-c", UNPATCHED)})


def steps(*steps: str) -> dict[str, tuple[str, ...]]:
    return {"steps": steps}


def test_frames_of_sessions_that_run_at_the_same_time() -> None:
    with PluginProcess(command=FAKE) as plugin:
        assert plugin.ready
        assert (plugin.manifest, plugin.logs) == ({"name": "fake"}, [{"message": "hello"}])
        one, two = plugin.send(steps("a", "b", "end")), plugin.send(steps("c", "error", "end"))
        second, first = list(plugin.frames(two)), list(plugin.frames(one))
        assert [(frame.kind, frame.data) for frame in first] == [("stream", "a"), ("stream", "b"), ("end", {})]
        assert [frame.kind for frame in second] == ["stream", "error", "end"]
        assert 0 < first[0].seconds <= first[-1].seconds
        assert plugin.stray == ()


def test_long_lines_are_read_whole() -> None:
    with PluginProcess(command=FAKE) as plugin:
        long, _ = plugin.invoke(steps("long", "end"))
        assert (len(long.data), long.size > 3_000_000) == (3_000_000, True)


@pytest.mark.parametrize(
    ("asked", "stray"),
    [(steps("noise", "end"), b"half a line"), (steps("foreign", "end"), b"nobody"), (steps("nameless", "end"), b"no name")],
    ids=["a frame glued to noise", "a frame for nobody", "a frame whose session is no name"],
)
def test_what_the_daemon_would_lose_is_kept_as_stray(asked: dict[str, tuple[str, ...]], stray: bytes) -> None:
    with PluginProcess(command=FAKE) as plugin:
        assert [frame.kind for frame in plugin.invoke(asked)] == ["end"]
        (line,) = plugin.stray
        assert stray in line


def test_frames_after_the_end_are_stray() -> None:
    with PluginProcess(command=FAKE) as plugin:
        assert [frame.kind for frame in plugin.invoke(steps("end", "late", "beat"))] == ["end"]
        plugin.invoke(steps("beat"))
        list(plugin.invoke(steps("end")))
        assert len(plugin.stray) == 1


def test_reader_that_leaves_is_sent_nothing_more() -> None:
    with PluginProcess(command=FAKE) as plugin:
        frames = plugin.invoke(steps("a", "b", "c", "end"))
        assert next(frames).data == "a"
        del frames
        assert [frame.kind for frame in plugin.invoke(steps("end"))] == ["end"]
        assert plugin.stray == ()


def test_heartbeats() -> None:
    with PluginProcess(command=FAKE) as plugin:
        assert plugin.heartbeats == 1
        list(plugin.invoke(steps("beat", "beat", "end")))
        assert plugin.heartbeats == 3
        with pytest.raises(PluginProcessError, match="sent no heartbeat"):
            plugin.wait_for_heartbeat(0.05)


def test_death_is_told_with_its_last_words() -> None:
    with PluginProcess(command=FAKE) as plugin:
        asked = plugin.invoke(steps("a", "die"))
        assert next(asked).data == "a"
        with pytest.raises(PluginProcessError, match=r"ended with exit code 3(.|\n)*last words"):
            next(asked)
        with pytest.raises(PluginProcessError, match="exit code 3"):
            list(plugin.invoke(steps("end")))
        with pytest.raises(PluginProcessError, match="exit code 3"):
            plugin.wait_for_heartbeat()


def test_kill_is_told() -> None:
    with PluginProcess(command=FAKE) as plugin:
        asked = plugin.invoke(steps("a"))
        assert next(asked).data == "a"
        os.kill(plugin.pid, signal.SIGKILL)
        with pytest.raises(PluginProcessError, match="exit code -9"):
            next(asked)


def test_silence_is_told() -> None:
    with PluginProcess(command=FAKE) as plugin, pytest.raises(PluginProcessError, match="did not answer in time"):
        list(plugin.invoke(steps("a"), 0.05))


@pytest.mark.parametrize(
    ("program", "within_s", "words"),
    [
        ("raise SystemExit('no such module')", 30.0, "ended with exit code 1(.|\n)*no such module"),
        ("input()", 0.1, "did not become ready"),
    ],
    ids=["dies", "says nothing"],
)
def test_plugin_that_does_not_start(program: str, within_s: float, words: str) -> None:
    plugin = PluginProcess(command=(sys.executable, "-c", program))
    plugin.start()
    with pytest.raises(PluginProcessError, match=words):
        plugin.wait_until_ready(within_s)
    plugin.close()
    assert not Path(f"/proc/{plugin.pid}").exists()


def test_end_leaves_no_process_and_no_descriptor() -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with PluginProcess(command=FAKE) as plugin:
            pid = plugin.pid
        plugin.close()
        assert not Path(f"/proc/{pid}").exists()
    assert len(os.listdir("/proc/self/fd")) <= before


def test_works_in_a_process_without_gevent() -> None:
    assert PROGRAMS["unpatched"].printed.splitlines() == ["['stream', 'end']", "[]"]
