"""Settings of all tests. The Dify SDK is imported before this file (see `addopts`): its import patches the process for gevent."""

import atexit
import gc
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, settings

from plugin_entry.checks import doctor
from plugin_entry.checks.probing import Surroundings
from plugin_entry.network import budget
from plugin_entry.serving import rerank
from plugin_entry.serving.chat import BRIDGE, FACTS
from tests import two_processes

settings.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")


LIBRARY = Path(__file__).parent / "translator"

atexit.register(gc.freeze)  # the interpreter looks through everything several times before it ends
COMPILED = tempfile.TemporaryDirectory(prefix="dify-ollama-compiled-")


def pytest_configure(config: pytest.Config) -> None:
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
        keep_compiled(str(config.cache.mkdir("compiled")) if config.pluginmanager.has_plugin("cacheprovider") else COMPILED.name)
    two_processes.pytest_configure(config)
    # nothing that is collected is garbage: looking through it again and again would take a tenth of the time
    gc.disable()


def keep_compiled(folder: str) -> None:
    """Dozens of plugin processes are started, and each would compile the SDK anew; Dify's daemon compiles what it installs."""
    os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix = folder
    sys.dont_write_bytecode = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The library's tests last: they are many and short, so that both processes end at the same time."""
    items.sort(key=lambda item: item.path.is_relative_to(LIBRARY))


def pytest_collection_finish() -> None:
    gc.enable()
    gc.freeze()


def pytest_unconfigure() -> None:
    COMPILED.cleanup()


@pytest.fixture
def _fast_yaml(monkeypatch: pytest.MonkeyPatch) -> None:
    """The parser that the plugin uses, too: in Python alone each look at the form takes 40 ms."""
    monkeypatch.setattr(yaml, "SafeLoader", yaml.CSafeLoader)


@pytest.fixture
def waits_for_models() -> None:
    """For tests of just that: a model that is being loaded is waited for as in the plugin."""


@pytest.fixture
def _plugin_rests(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Tests that name it use the objects that a plugin process has once, its event loop among them.

    asyncio allows one running loop per thread, and other tests start loops as they like, so the plugin's own is ended after each of them.
    What was learned of servers is forgotten, too: a port may be given to another one. A busy server is asked again without waiting. No
    other address is looked for around this machine, whose gateway may let the doctor wait for a second.
    """
    monkeypatch.setattr(budget, "FIRST_WAIT_S", 0.0)
    monkeypatch.setattr(doctor, "read_surroundings", lambda: Surroundings(container="Docker"))
    if "waits_for_models" not in request.fixturenames:
        # a server that is for ever loading would be waited for until the limit of the first byte
        monkeypatch.setattr(budget.Budget, "wait_for_model", budget.Budget.wait)
    yield
    BRIDGE.close()
    FACTS.forget()
    rerank.forget()
