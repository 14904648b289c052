"""An installation without what the commands need says so in a sentence."""

from collections.abc import Sequence

import pytest

from plugin_entry.cli import commands, main


@pytest.fixture(params=["rich.console", "translator", "elsewhere"])
def missing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module that a command does not find."""
    name: str = request.param

    def run(_: Sequence[str] | None) -> int:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(commands, "main", run)
    return name


def test_missing_package_is_named_with_what_brings_it(missing: str, capsys: pytest.CaptureFixture[str]) -> None:
    if missing == "elsewhere":
        with pytest.raises(ModuleNotFoundError):
            main([])
    else:
        assert main([]) == 1
        assert "pip install 'dify-ollama[cli]'" in capsys.readouterr().err
