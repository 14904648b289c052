"""A plugin that careless libraries talk into loses no frame: whatever writes to its standard output, Dify reads frames alone."""

import sys

from plugin_entry.cli.daemon.requests import get_llm_num_tokens, user_message
from tests.stdio.processes import beating_plugin

CHATTY = """
import dify_plugin
import os, runpy, sys
from gevent.monkey import get_original

sleep = get_original("time", "sleep")

def chatter():
    while sys.stdout is not sys.stderr:
        sleep(0.005)
    while True:
        print("half a line of a careless library ", end="", flush=True)
        os.write(1, b"half a line of a native library ")
        sleep(0.001)

get_original("_thread", "start_new_thread")(chatter, ())
runpy.run_module("plugin_entry.main", run_name="__main__", alter_sys=True)
"""


PLUGIN = beating_plugin({"HEARTBEAT_INTERVAL": "0.05"}, command=(sys.executable, "-c", CHATTY))


def test_plugin_that_is_chatted_over_loses_no_frame() -> None:
    with PLUGIN as plugin:
        plugin.write(b"this is no request\n")
        for _ in range(50):
            assert [frame.kind for frame in plugin.invoke(get_llm_num_tokens("m", {}, [user_message("hi")]))] == ["stream", "end"]
        plugin.wait_for_heartbeat()
        assert plugin.stray == ()
        assert len(plugin.complaints) == 1, "a line that is no request is answered and harms nobody"
    assert "careless" in plugin.stderr
    assert "native" in plugin.stderr
