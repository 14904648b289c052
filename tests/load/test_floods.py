"""Four floods of each kind beside a healthy stream: it hardly waits longer, and every flood comes to an end."""

from collections.abc import Iterator, Sequence
from functools import partial

import gevent
import pytest

from plugin_entry.cli.daemon import PluginProcess
from tests.load.healthy_streams import delays_s, elsewhere, flooded, telling
from tests.servers.hostile import FLOODS
from tests.servers.loopback import PATIENCE_S, serving
from tests.servers.stalling_server import aside

LATER_S, TRIES, AT_ONCE = 0.1, 4, 4


@pytest.fixture(scope="module", name="plugin")
def own_plugin() -> Iterator[PluginProcess]:
    with PluginProcess() as plugin:
        yield plugin


@pytest.fixture(scope="module", name="flood")
def own_flood() -> Iterator[str]:
    with elsewhere("tests.servers.hostile") as url:
        yield url


def ends(plugin: PluginProcess, sessions: Sequence[str]) -> list[str]:
    """What the last frame before the end of each session is."""
    return [list(plugin.frames(session, PATIENCE_S))[-2].kind for session in sessions]


@pytest.mark.parametrize("name", FLOODS)
def test_a_healthy_stream_hardly_waits_and_the_floods_end(plugin: PluginProcess, flood: str, name: str) -> None:
    with serving(telling) as server:
        url = f"http://127.0.0.1:{server.port}"
        later = []
        for _ in range(TRIES):
            alone = delays_s(plugin, url)
            healthy = gevent.spawn(delays_s, plugin, url)
            gevent.sleep(0.2)
            sessions = flooded(plugin, flood, name, AT_ONCE)
            assert aside(partial(ends, plugin, sessions)) == ["error"] * AT_ONCE
            later.append(healthy.get(timeout=PATIENCE_S)[-1] - alone[-1])
            print(f"{name}: {later[-1] * 1000:.0f} ms later")
            if later[-1] < LATER_S:
                return
    pytest.fail(f"a healthy stream waited {min(later):.3f} s longer at best")
