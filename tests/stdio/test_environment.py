"""The environment of the process holds the daemon's secrets: none of it is shown, not even what cannot be used."""

from collections.abc import Iterator

import pytest

from plugin_entry.cli.daemon import PluginProcess
from tests.stdio.processes import beating_plugin, programs

SECRET = "PLANTED-SECRET"


PROGRAMS = programs({"plugin": ("-m", "plugin_entry.main")}, {"INSTALL_METHOD": "local", "MAX_WORKER": SECRET, "ANOTHER": SECRET})
PLUGIN = beating_plugin()


def test_a_variable_that_cannot_be_used_is_named_and_not_shown() -> None:
    ended = PROGRAMS["plugin"].done
    assert ended.returncode == 1
    assert "MAX_WORKER" in ended.stderr
    assert SECRET not in ended.stderr + ended.stdout


REFUSED_BY_THE_SDK = {
    "credentials": {"credentials": f"{SECRET}"},
    "tools": {"tools": [{"name": SECRET}]},
    "stream": {"stream": SECRET},
    "model type": {"model_type": SECRET},
}


@pytest.fixture(scope="module")
def plugin() -> Iterator[PluginProcess]:
    with PLUGIN as running:
        yield running


@pytest.mark.parametrize("values", REFUSED_BY_THE_SDK.values(), ids=REFUSED_BY_THE_SDK)
def test_what_the_sdk_refuses_is_not_quoted(plugin: PluginProcess, values: dict[str, object]) -> None:
    """pydantic quotes the value that it refuses, and the SDK sends and logs whole tracebacks."""
    request = {
        "type": "model",
        "action": "invoke_llm",
        "user_id": "u",
        "provider": "ollama",
        "model_type": "llm",
        "model": "m",
        "credentials": {"base_url": "http://127.0.0.1:9"},
        "prompt_messages": [{"role": "user", "content": "hi"}],
        "model_parameters": {},
        "stream": True,
        **values,
    }
    frames = list(plugin.invoke(request))
    assert frames[-1].kind == "end"
    assert [frame.kind for frame in frames[:-1]] == ["error"]
    assert SECRET not in str([frame.data for frame in frames])
    assert SECRET not in str(plugin.logs) + plugin.stderr + str(plugin.complaints)
