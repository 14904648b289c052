"""Answers that never end: a thousand of them beside a healthy stream, and as many as there are slots."""

import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import gevent
import pytest

from plugin_entry.cli.daemon import PluginProcess
from plugin_entry.cli.daemon.requests import get_llm_num_tokens, invoke_llm, user_message, validate_model_credentials
from plugin_entry.dify.executor import PER_WORKER
from plugin_entry.dify.slots import SHARE
from tests.load.healthy_streams import delays_s, elsewhere, telling
from tests.servers.loopback import PATIENCE_S, serving
from tests.servers.stalling_server import aside, stalling

STREAMS, LIMIT_S = 1000, "3"
LATER_S, TRIES = 0.1, 4
WORKERS = 10
SLOTS = WORKERS * PER_WORKER
SAYS_SO_WITHIN_S = 1.0


# --- a thousand answers that trickle ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", name="hostile")
def own_hostile() -> Iterator[str]:
    with elsewhere("tests.servers.hostile") as url:
        yield url


def all_frames(plugin: PluginProcess, sessions: list[str]) -> list[list[Any]]:
    return [list(plugin.frames(session, 3 * PATIENCE_S)) for session in sessions]


def test_a_thousand_answers_that_trickle_end_and_delay_nobody(hostile: str) -> None:
    """Each says a word, and then a line break more often than its limit between chunks: a pause is a pause."""
    later = []
    with serving(telling) as server:
        url = f"http://127.0.0.1:{server.port}"
        for _ in range(TRIES):
            with PluginProcess() as plugin:
                alone = typical_s(plugin, url)
                saved = {"base_url": hostile, "chunk_timeout": LIMIT_S}
                sessions = [plugin.send(invoke_llm("trickle", saved, [user_message("hi")])) for _ in range(STREAMS)]
                gevent.sleep(float(LIMIT_S) / 2)
                later.append(typical_s(plugin, url) - alone)
                ended = aside(partial(all_frames, plugin, sessions))
            print(f"trickle: {later[-1] * 1000:.0f} ms later than {alone * 1000:.0f} ms")
            for frames in ended:
                assert "".join(frame.data["delta"]["message"]["content"] for frame in frames if frame.kind == "stream") == "Hi"
                assert [frame.kind for frame in frames][-2:] == ["error", "end"]
            if later[-1] < LATER_S:
                return
    pytest.fail(f"a healthy stream waited {min(later):.3f} s longer at best")


def typical_s(plugin: PluginProcess, url: str) -> float:
    """What all but the slowest twentieth of the pieces needed."""
    found = delays_s(plugin, url)
    return found[len(found) * 19 // 20]


# --- a plugin that is full -------------------------------------------------------------------------------------------------------


def told_within(plugin: PluginProcess, data: dict[str, Any]) -> tuple[str, float]:
    """What a request is told, and the seconds until then."""
    began = time.monotonic()
    frames = list(plugin.invoke(data, PATIENCE_S))
    return str(frames[0].data), time.monotonic() - began


def test_a_full_plugin_says_so_within_a_second_and_short_requests_go_on() -> None:
    with stalling() as server, PluginProcess({"MAX_WORKER": str(WORKERS)}) as plugin:

        def saved(tenant: int) -> dict[str, str]:
            return {"base_url": server.url, "extra_headers": f"X-Tenant: {tenant}"}

        def chat(tenant: int) -> dict[str, Any]:
            return invoke_llm("silent", saved(tenant), [user_message("hi")])

        def fill(tenant: int) -> None:
            for _ in range(SLOTS // SHARE):
                plugin.send(chat(tenant))

        def exchange() -> None:
            for tenant in range(SHARE - 1):
                fill(tenant)
            told, took = told_within(plugin, chat(0))
            assert f"already has {SLOTS // SHARE} requests" in told
            assert took < SAYS_SO_WITHIN_S
            fill(SHARE - 1)
            told, took = told_within(plugin, chat(SHARE))
            print(f"full: {took * 1000:.0f} ms")
            assert f"busy with {SLOTS} requests" in told
            assert took < SAYS_SO_WITHIN_S
            told, _ = told_within(plugin, get_llm_num_tokens("silent", saved(0), [user_message("hi")]))
            assert "num_tokens" in told
            told, _ = told_within(plugin, validate_model_credentials("llm", "quick", saved(SHARE)))
            assert "'result': True" in told

        aside(exchange)
