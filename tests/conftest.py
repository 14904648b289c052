"""Settings of all tests. The Dify SDK is imported before this file (see `addopts`): its import patches the process for gevent.

Tests marked `plugin` use the objects that a plugin process has once, its event loop among them. asyncio allows one running loop per thread,
and other tests start loops as they like, so the plugin's own is ended after each of them. What was learned of servers is forgotten, too: a
port may be given to another one. A busy server is asked again without waiting.
"""

import os
import tempfile
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from plugin_entry import rerank_model, retrying
from plugin_entry.runtime import BRIDGE, FACTS

settings.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")


COMPILED = tempfile.TemporaryDirectory(prefix="dify-ollama-compiled-")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "plugin: uses the objects that a plugin process has once")
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
        # as Dify's daemon compiles what it installs: dozens of plugin processes are started, and each would compile the SDK anew
        os.environ["PYTHONPYCACHEPREFIX"] = COMPILED.name


def pytest_unconfigure() -> None:
    COMPILED.cleanup()


@pytest.fixture(autouse=True)
def _plugin_rests(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if request.node.get_closest_marker("plugin") is not None:
        monkeypatch.setattr(retrying, "FIRST_WAIT_S", 0.0)
    yield
    if request.node.get_closest_marker("plugin") is not None:
        BRIDGE.close()
        FACTS.forget()
        rerank_model.forget()
