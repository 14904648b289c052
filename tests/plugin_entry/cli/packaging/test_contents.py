"""What a package shows and carries: the icons, what is left out of it, and the statement of privacy."""

import re
from collections.abc import Iterable, Mapping
from xml.etree import ElementTree

import pytest

from plugin_entry.cli.packaging.archive import read_patterns
from tests.plugin_entry.cli.packaging.plugin_files import MANIFEST, PROVIDER, ROOT, words
from tests.structure.sources import Module, modules

DOMAIN = "http://www.w3.org/2000/svg"


ICON_KEYS = ("icon_small", "icon_small_dark", "icon_large", "icon_large_dark")
ICONS = sorted({MANIFEST["icon"], MANIFEST["icon_dark"], *(name for key in ICON_KEYS for name in PROVIDER[key].values())})
DRAWN = {"svg", "g", "path", "circle"}


@pytest.mark.parametrize("name", ICONS)
def test_icon_is_a_small_drawing_that_needs_nothing_else(name: str) -> None:
    content = (ROOT / "_assets" / name).read_text(encoding="utf-8")
    assert name.endswith(".svg")
    assert len(content) < 8 * 1024
    assert not re.search(r"<!|<\?|href|url\(|style|@import|data:|font", content)
    drawing = ElementTree.fromstring(content)
    assert {element.tag for element in drawing.iter()} <= {f"{{{DOMAIN}}}{tag}" for tag in DRAWN}
    assert drawing.get("viewBox") == f"0 0 {drawing.get('width')} {drawing.get('height')}"


def test_icons_are_top_level_assets_and_none_is_left_over() -> None:
    """The SDK sends only files directly under `_assets`."""
    assert sorted(path.name for path in (ROOT / "_assets").iterdir()) == ICONS


@pytest.mark.parametrize(
    ("light", "dark"), [("icon.svg", "icon_dark.svg"), ("icon_large.svg", "icon_large_dark.svg")], ids=["small", "large"]
)
def test_dark_icon_is_the_same_drawing_in_other_colours(light: str, dark: str) -> None:
    drawings = [(ROOT / "_assets" / name).read_text(encoding="utf-8") for name in (light, dark)]
    colours = [set(re.findall(r"#[0-9a-f]{6}", drawing)) for drawing in drawings]
    assert not colours[0] & colours[1]
    assert len({re.sub(r"#[0-9a-f]{6}", "", drawing) for drawing in drawings}) == 1


IGNORE_TEXT = (ROOT / ".difyignore").read_text(encoding="utf-8")
PATTERNS = [line for line in IGNORE_TEXT.splitlines() if line and not line.startswith("#")]
IGNORED = read_patterns(IGNORE_TEXT)

PACKED = words("""
    manifest.yaml README.md PRIVACY.md LICENSE CHANGELOG.md pyproject.toml requirements.txt .python-version _assets/icon.svg
    readme/README_zh_Hans.md plugin_entry/main.py plugin_entry/provider/ollama.yaml plugin_entry/models/llm.py translator/py.typed
    translator/request/messages.py plugin_entry/cli/__main__.py plugin_entry/cli/doctor.py plugin_entry/cli/screen.py
""")

LEFT_OUT = words("""
    .git/config .gitignore .venv/bin/python tests/plugin_entry/provider/test_manifest.py fixtures/0.24.0/chat-plain.json
    translator/pyproject.toml translator/README.md translator/LICENSE examples/tool_loop.py
    docs/architecture.md .ci/run translator/__pycache__/errors.cpython-312.pyc .mypy_cache/x.json .ruff_cache/x .pytest_cache/x
    .hypothesis/x .env server.key ca.pem run.log uv.lock dist/x.whl ollama.difypkg .DS_Store plugin_entry/.DS_Store .idea/x.xml
    .vscode/settings.json plugin_entry/cli/demo/command.py plugin_entry/cli/recording/scrubbing.py plugin_entry/cli/daemon/frames.py
""")


def test_ignore_patterns_are_of_the_plain_forms() -> None:
    """The daemon's packager stops at the first pattern that matches: an exception with `!` would not work."""
    assert all(re.fullmatch(r"/?[\w.*~-]+/?|(?:/[\w.-]+)+/?", pattern) for pattern in PATTERNS)


@pytest.mark.parametrize("path", PACKED)
def test_package_has(path: str) -> None:
    assert not IGNORED(path)


@pytest.mark.parametrize("path", LEFT_OUT)
def test_package_leaves_out(path: str) -> None:
    assert IGNORED(path)


STARTED = {
    MANIFEST["meta"]["runner"]["entrypoint"],
    "plugin_entry.cli.__main__",
    "plugin_entry.cli.doctor",
    "plugin_entry.serving.picture_process",
} | {
    path.removesuffix(".py").replace("/", ".")
    for path in (PROVIDER["extra"]["python"]["provider_source"], *PROVIDER["extra"]["python"]["model_sources"])
}
"""What Dify, administrators and the plugin itself start. The command line finds the doctor by its name."""


def test_package_has_every_module_that_is_used_and_no_other() -> None:
    known = {module.name: module for package in ("translator", "plugin_entry") for module in modules(package)}
    shipped = {name for name, module in known.items() if not IGNORED(module.place)}
    used = reached(known, STARTED)
    assert used - shipped == set()
    assert shipped - used <= {"plugin_entry.dify.liveness"}, "liveness is not wired yet"


def reached(known: Mapping[str, Module], start: Iterable[str]) -> set[str]:
    """The modules that the first ones import, at any depth, and the packages that hold them."""
    found: set[str] = set()
    waiting = list(start)
    while waiting:
        name = waiting.pop()
        if name in known and name not in found:
            found.add(name)
            waiting += [name.rpartition(".")[0], *(target for target, _ in known[name].imports)]
    return found


def test_privacy_statement_is_our_own() -> None:
    statement = (ROOT / "PRIVACY.md").read_text(encoding="utf-8")
    assert "!!!" not in statement, "a line of Dify's template"
    for topic in ("base URL", "API key", "image", "logged", "telemetry"):
        assert topic in statement
