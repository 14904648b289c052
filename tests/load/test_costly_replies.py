"""Replies that are costly to read, alone and compressed: bounded memory, and nobody else waits.

Row by row: 60 MiB of `[[],[],...]` took up to 2 GB and kept all tenants waiting for 23 s.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from plugin_entry.cli.daemon import PluginProcess
from plugin_entry.cli.daemon.requests import invoke_llm, invoke_rerank, invoke_text_embedding, user_message, validate_model_credentials
from tests.load.delays import Bench
from tests.load.ticking_plugin import COMMAND
from tests.servers.hostile import LISTS, MIB, huge_answers, packed, plain
from tests.servers.loopback import Visit, serving
from tests.stdio.daemon_requests import as_daemon_sends

MORE_KIB, LATE_S, TRIES = 256 * 1024, 0.2, 4
LARGE: Callable[[Visit], None] = partial(plain, size=60 * MIB)
PACKED: Callable[[Visit], None] = partial(packed, block=b"[" + LISTS + b"[]]", times=60)


def chat(saved: dict[str, str]) -> dict[str, Any]:
    return invoke_llm("m", saved, [user_message("hi")])


def embedding(saved: dict[str, str]) -> dict[str, Any]:
    return invoke_text_embedding("m", saved, ["a", "b"])


def ranking(saved: dict[str, str]) -> dict[str, Any]:
    return invoke_rerank("m", {**saved, "rerank_service": "jina"}, "q", ["a", "b"])


def check(saved: dict[str, str]) -> dict[str, Any]:
    return validate_model_credentials("llm", "m", saved)


ROWS: dict[str, tuple[Callable[[dict[str, str]], dict[str, Any]], Callable[[Visit], None] | None]] = {
    "a description": (check, LARGE),
    "a compressed description": (check, PACKED),
    "a line of a chat": (chat, None),
    "vectors": (embedding, None),
    "scores": (ranking, None),
}


def peak_kib(plugin: PluginProcess, name: str) -> int:
    status = Path(f"/proc/{plugin.pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(row.split()[1]) for row in status if row.startswith(name))


@pytest.mark.usefixtures("_plugin_rests")
@pytest.mark.parametrize("name", ROWS)
def test_a_costly_reply_costs_little(name: str) -> None:
    make, show = ROWS[name]
    with (
        serving(partial(huge_answers, show=show)) as server,
        PluginProcess(command=COMMAND) as plugin,
        PluginProcess(command=COMMAND) as idle,
    ):
        saved = {"base_url": f"http://127.0.0.1:{server.port}"}
        bench = Bench(plugin, idle, saved)
        before, late = peak_kib(plugin, "VmRSS"), []
        bench.delay(as_daemon_sends(make(saved)))  # imports what it needs
        for number in range(TRIES):
            found = bench.delay(as_daemon_sends(make({**saved, "api_key": str(number)})))
            assert found.error
            late.append(found.late_s)
            if late[-1] < LATE_S:
                break
        more = peak_kib(plugin, "VmHWM") - before
        print(f"{name}: {more // 1024} MiB more, {min(late) * 1000:.0f} ms late, {found.error}")
    assert more < MORE_KIB
    assert min(late) < LATE_S
