"""What the manual says, held against the code: generated pages, links, names of files and recordings, the tutorial."""

import re
import sys
from pathlib import Path

import pytest

from docs.pages import PAGES
from fixtures.recordings import load, scenarios, versions
from fixtures.replay import ThreadedReplayServer
from tests.stdio.processes import programs
from tests.structure.sources import ROOT, modules
from tests.structure.test_layers import HOUSES
from tests.structure.test_public_names import PUBLIC

DOCS = ROOT / "docs"
WRITTEN = sorted(path for path in DOCS.rglob("*.md"))
TEXTS = [
    *WRITTEN,
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "PRIVACY.md", "fixtures/README.md", "translator/README.md")),
]
TEXTS += sorted((ROOT / "readme").glob("*.md"))
LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
FILE = re.compile(r"`((?:translator|plugin_entry|fixtures|tests|docs|examples)/[\w./-]*)`")
RECORDING = re.compile(r"(?<![\w.])(\d+\.\d+\.\d+(?:-rc\d+)?) ((?:`[a-z0-9][a-z0-9-]*`(?:, | and )?)+)")
BLOCKS = re.findall(r"```python\n(.*?)```", (DOCS / "tutorial.md").read_text(encoding="utf-8"), re.DOTALL)
(LIBRARY,) = re.findall(r"```python\n(.*?)```", (ROOT / "translator" / "README.md").read_text(encoding="utf-8"), re.DOTALL)
PROGRAMS = programs({"generator": ("docs/generate.py", "--check"), "tutorial": ("-c", "\n".join(BLOCKS))})


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("name", PAGES)
def test_generated_page_is_up_to_date(name: str) -> None:
    """To write it again: uv run python docs/generate.py."""
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name]()


def test_generator_runs_as_a_program() -> None:
    done = PROGRAMS["generator"].done
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("path", TEXTS, ids=name_of)
def test_links_lead_somewhere(path: Path) -> None:
    prose = re.sub(r"`[^`\n]*`", "", path.read_text(encoding="utf-8"))
    targets = [target for target in LINK.findall(prose) if "://" not in target and not target.startswith("mailto:")]
    assert [target for target in targets if not _leads_somewhere(path, target)] == []


def _leads_somewhere(path: Path, target: str) -> bool:
    """To a file, and to a heading in it if one is named."""
    name, _, anchor = target.partition("#")
    file = path.parent / name if name else path
    return file.exists() and (not anchor or anchor in _anchors(file.read_text(encoding="utf-8")))


def _anchors(text: str) -> set[str]:
    """As GitHub and the manual's builder make them of headings."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\s-]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def test_a_link_to_a_heading_that_is_not_there_is_found() -> None:
    assert _leads_somewhere(ROOT / "README.md", "docs/using.md#what-dify-cannot-do")
    assert not _leads_somewhere(ROOT / "README.md", "docs/using.md#what-dify-can-do")
    assert not _leads_somewhere(ROOT / "README.md", "docs/abusing.md")


def test_reference_has_every_public_name_once_and_nothing_else() -> None:
    pages = [path.read_text(encoding="utf-8") for path in WRITTEN]
    described = [name for page in pages for name in re.findall(r"^::: translator\.(\S+)$", page, re.MULTILINE)]
    assert sorted(described) == sorted(PUBLIC)
    assert sum(page.count("\n::: ") for page in pages) == len(described)


@pytest.mark.parametrize("path", [path for path in TEXTS if path.name not in PAGES], ids=name_of)
def test_named_files_exist(path: Path) -> None:
    named = FILE.findall(path.read_text(encoding="utf-8"))
    assert [name for name in named if not (ROOT / name).exists() and not _is_a_folder_of_recordings(name)] == []


def _is_a_folder_of_recordings(name: str) -> bool:
    return "<" in name or "*" in name


def test_data_flow_names_modules_that_exist() -> None:
    picture = re.search(r"```\n(.*?)```", (DOCS / "architecture.md").read_text(encoding="utf-8"), re.DOTALL)
    assert picture is not None
    known = {module.path.name for package in ("translator", "plugin_entry") for module in modules(package)}
    named = set(re.findall(r"\b(\w+\.py)\b", picture[1]))
    assert len(named) > 20
    assert named <= known


@pytest.mark.parametrize("path", WRITTEN, ids=name_of)
def test_named_recordings_exist(path: Path) -> None:
    claims = RECORDING.findall(path.read_text(encoding="utf-8"))
    named = {(version, name) for version, names in claims for name in re.findall(r"`([a-z0-9-]+)`", names) if version in versions()}
    assert {(version, name) for version, name in named if not _recorded(version, name)} == set()


def _recorded(version: str, name: str) -> bool:
    """A name, the beginning of a family of names, or a word of the code."""
    return any(known == name or known.startswith(f"{name}-") for known in scenarios(version))


def test_tutorial_runs() -> None:
    """Its blocks are one program, run from top to bottom in a fresh interpreter: what a reader types in must work."""
    assert len(BLOCKS) == 7
    done = PROGRAMS["tutorial"].done
    assert (done.returncode, done.stderr) == (0, "")


def test_the_tutorial_needs_nothing_but_the_library() -> None:
    imported = {
        line.split()[1].partition(".")[0] for block in BLOCKS for line in block.splitlines() if line.startswith(("from ", "import "))
    }
    assert imported - sys.stdlib_module_names == {"translator"}


def test_reading_a_reply_takes_ten_lines() -> None:
    assert [len([line for line in block.splitlines() if line]) <= 10 for block in (BLOCKS[0], LIBRARY)] == [True, True]


def test_the_ten_lines_of_the_library_run(capsys: pytest.CaptureFixture[str]) -> None:
    with ThreadedReplayServer([load("0.24.0", "chat-plain")]) as server:
        program = LIBRARY.replace("http://localhost:11434", server.url_of("0.24.0/chat-plain"))
        assert program != LIBRARY
        exec(compile(program, "translator/README.md", "exec"), {})
    assert capsys.readouterr().out.startswith("The sky is blue because")


@pytest.mark.parametrize("house", HOUSES)
def test_architecture_shows_the_rooms_that_the_test_of_layers_holds(house: str) -> None:
    page = (DOCS / "architecture.md").read_text(encoding="utf-8")
    table = page.partition(f"| Rooms of `{house}/`, from top to bottom |")[2].partition("\n\n")[0]
    shown = [re.findall(r"`(\w+)`", row) for row in re.findall(r"^\| (`[^|]*) \|", table, re.MULTILINE)]
    assert shown == [named for row in reversed(HOUSES[house]) if (named := [room for room in row if room])]


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert [name for path in WRITTEN if (name := path.relative_to(DOCS).as_posix()) not in navigation] == []
