"""Whatever goes wrong inside the plugin, the streams concerned are told, and the next request works.

The faults are planted into processes of their own, one of which plants the faults of the event loop (`tests/stdio/loop_faults.py`).
"""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest

from tests.stdio.processes import programs

SECRET = "sk-secret"
STREAMS = 3
OF_THE_LOOP = ("poll_fails", "greenlet_is_killed", "callback_exits", "task_exits", "epoll_is_closed", "loop_is_stopped")


@cache
def found_in_loops() -> Mapping[str, Any]:
    lines = [json.loads(line) for line in PROGRAMS["loops"].printed.splitlines()]
    return {name: found for line in lines for name, found in line.items()}


@pytest.mark.parametrize("fault", OF_THE_LOOP)
def test_the_end_of_the_loop_fails_its_streams_and_a_new_one_serves_the_next(fault: str) -> None:
    found = found_in_loops()[fault]
    assert found["codes"] == ["plugin_fault"] * STREAMS
    assert found["left"], "the servers go on generating"
    assert found["next"] == ["fine", "fine"]
    assert found["is_new"]


def test_a_fault_in_a_callback_of_a_library_ends_nothing() -> None:
    found = found_in_loops()["callback_fails"]
    assert found["codes"] == [None] * STREAMS, "streams were ended"
    assert found["next"] == ["fine", "fine"]
    assert not found["is_new"]


def test_a_session_that_is_closed_under_our_feet_is_replaced() -> None:
    found = found_in_loops()["session_is_closed"]
    assert found["codes"] == ["payload_cut"] * STREAMS
    assert found["next"] == ["fine", "fine"]


def test_a_loop_that_finds_no_descriptors_is_an_error_of_one_request() -> None:
    assert found_in_loops()["no_descriptors"] == {"codes": ["too_many_files"], "next": "fine"}


def test_the_log_names_errors_and_places_and_nothing_else() -> None:
    log = PROGRAMS["loops"].done.stderr
    assert "ValueError in loop_faults.py" in log
    assert SECRET not in log


WORDLESS = """
import dify_plugin
import gevent, json, sys
from dify_plugin.core.server.io_server import IOServer
from plugin_entry.dify import executor as workers, requests
faults = {"exit": SystemExit(3), "killed": gevent.GreenletExit(), "interrupt": KeyboardInterrupt(), "memory": MemoryError(),
          "depth": RecursionError(), "other": KeyError("sk-secret")}
def execute(*_, **__):
    raise FAULT
FAULT = None
told = []
class Writer:
    def session_message(self, session_id, data): told.append(data)
    def stream_error_object(self, data): return [data["error_type"], data["message"]]
    def stream_end_object(self): return "end"
    def done(self): pass
class Server(IOServer):
    _execute_request = requests.with_readable_errors(execute)
    def __init__(self): self.executer = workers.GreenletExecutor(5)
server, found = Server(), {}
for name, FAULT in faults.items():
    told.clear()
    server.executer.submit(server._execute_request_in_thread, "s", {}, None, Writer())
    gevent.idle()
    found[name] = list(told)
print(json.dumps(found))
"""


def test_a_request_that_ends_in_anything_says_so_and_ends() -> None:
    """The SDK lets what is no `Exception` pass without a word, and SystemExit of a greenlet would end the process."""
    found = json.loads(PROGRAMS["wordless"].printed)
    for name, (error, end) in found.items():
        assert error[0] == "InvokeServerUnavailableError", name
        assert end == "end"
        assert "sk-secret" not in error[1]
    assert "stopped or restarted" in found["exit"][0][1]
    assert "MemoryError" in found["memory"][0][1]


PLANTED = """
import dify_plugin
import json, gevent
from plugin_entry.serving import chat as language_model
from tests.sdk_chunks import as_models
from tests.servers.stalling_server import stalling
from translator.response.machine import Machine
from translator.turn import Ask
from translator.shapes.dify import Message, Role
found = {}
feed = Machine.feed
def ask(stage, url):
    return "".join(str(chunk.delta.message.content) for chunk in as_models(language_model.stream(
        Ask(model=stage, messages=(Message(role=Role.USER, content="hi"),)), {"base_url": url})))
with stalling() as server, gevent.Timeout(60):
    for fault in (MemoryError, RecursionError, KeyError):
        def fail(machine, event):
            raise fault("sk-secret")
        Machine.feed = fail
        try:
            ask("begun", server.url)
        except Exception as error:
            found[fault.__name__] = [type(error).__name__, str(error)]
        assert server.left["begun"].wait(30)
        server.left["begun"].clear()
        Machine.feed = feed
        assert ask("quick", server.url) == "yes"
print(json.dumps(found))
"""


def test_an_error_inside_the_translator_is_an_error_of_its_stream() -> None:
    found = json.loads(PROGRAMS["planted"].printed)
    for name, (kind, text) in found.items():
        assert kind == "InvokeServerUnavailableError"
        assert name in text
        assert "sk-secret" not in text
    assert len(found) == 3
    assert "sk-secret" not in PROGRAMS["planted"].done.stderr


OTHERS = ("callback_fails", "session_is_closed", "no_descriptors")
PROGRAMS = programs(
    {
        "loops": ("-m", "tests.stdio.loop_faults", *OF_THE_LOOP, *OTHERS),
        "wordless": ("-c", WORDLESS),
        "planted": ("-c", PLANTED),
    },
)
