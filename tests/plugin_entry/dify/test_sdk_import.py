"""The import of the SDK: without unused packages where the daemon runs the plugin, with all of them in other modes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from plugin_entry.dify.sdk_import import LOCAL, METHOD, UNUSED
from tests.structure.sources import ROOT

IMPORT = "import sys; from plugin_entry.dify.sdk_import import UNUSED, import_sdk; import_sdk()"
LOADED = "print(*(name for name in UNUSED if name in sys.modules))"


def run(code: str, *, method: str | None = LOCAL, ahead: str = "") -> str:
    """What a fresh process prints; `ahead` is a folder whose modules come first."""
    environment = {name: value for name, value in os.environ.items() if name != METHOD}
    environment |= {METHOD: method} if method else {}
    environment |= {"PYTHONPATH": os.pathsep.join(filter(None, (ahead, str(ROOT))))}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.strip()


def test_local_plugin_is_without_the_unused_packages() -> None:
    assert run(f"{IMPORT}; {LOADED}") == ""


@pytest.mark.parametrize("method", ["remote", "serverless", None])
def test_other_modes_have_all_packages(method: str | None) -> None:
    assert run(f"{IMPORT}; {LOADED}", method=method).split() == list(UNUSED)


def test_what_the_sdk_kept_is_the_package_once_it_is_used() -> None:
    code = f"{IMPORT}; from dify_plugin.file import file; kept = file.httpx.get; import httpx; print(kept is httpx.get)"
    assert run(code) == "True"


def test_a_name_that_the_sdk_kept_calls_the_package() -> None:
    code = (
        f"{IMPORT}\nfrom dify_plugin.interfaces.model.openai_compatible.rerank import post\nimport requests\n"
        "try: post('nothing:')\nexcept requests.RequestException as error: print(type(error).__name__)"
    )
    assert run(code) == "InvalidSchema"


def test_stand_in_has_no_names_that_the_package_lacks() -> None:
    code = (
        f"{IMPORT}; from dify_plugin.invocations import file; print(hasattr(file.requests, 'nothing_of_the_kind'), file.requests.__name__)"
    )
    assert run(code) == "False requests"


SDK_THAT_DOES_MORE = """
import requests

from dify_plugin import session

SESSION = session.made()
"""


def test_sdk_that_does_more_with_them_is_imported_as_it_is(tmp_path: Path) -> None:
    sdk = tmp_path / "dify_plugin"
    sdk.mkdir()
    (sdk / "__init__.py").write_text(SDK_THAT_DOES_MORE)
    (sdk / "session.py").write_text("import requests\n\n\ndef made() -> object:\n    return requests.Session().headers\n")
    code = f"{IMPORT}; import dify_plugin; print('User-Agent' in dify_plugin.SESSION)"
    assert run(code, ahead=str(tmp_path)) == "True"


@pytest.mark.parametrize("method", [LOCAL, "remote"])
def test_sdk_that_cannot_be_imported_is_an_error(tmp_path: Path, method: str) -> None:
    (tmp_path / "dify_plugin.py").write_text("raise ImportError('broken')")
    with pytest.raises(subprocess.CalledProcessError) as caught:
        run(IMPORT, method=method, ahead=str(tmp_path))
    assert "ImportError: broken" in caught.value.stderr
