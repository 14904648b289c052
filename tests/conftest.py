"""Settings of all tests. The Dify SDK is imported before this file (see `addopts`): its import patches the process for gevent.

Tests marked `plugin` use the objects that a plugin process has once, its event loop among them, and run in one thread of their own: asyncio
allows one running loop per thread, and other tests start loops as they like.
"""

from typing import Any

import pytest
from gevent.threadpool import ThreadPool
from hypothesis import HealthCheck, settings

settings.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")

PLUGIN_THREAD = ThreadPool(1)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "plugin: runs in the thread where the plugin's event loop lives")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if pyfuncitem.get_closest_marker("plugin") is None:
        return None
    arguments: dict[str, Any] = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    PLUGIN_THREAD.apply(pyfuncitem.obj, kwds=arguments)
    return True
