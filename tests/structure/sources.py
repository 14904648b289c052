"""The repository as data: its files as git would publish them, its modules, and what each of them imports."""

import ast
import functools
import subprocess
from collections.abc import Iterator
from pathlib import Path

import attrs

ROOT = Path(__file__).parents[2]
PACKAGES = ("translator", "plugin_entry", "fixtures", "tests")
CACHES = {".venv", "dist", "build", "site", "node_modules", "__pycache__"}


@attrs.frozen(kw_only=True)
class Module:
    """One Python file. `imports` holds (module, inside a function or a type check)."""

    name: str
    path: Path
    text: str = attrs.field(repr=False)
    tree: ast.Module = attrs.field(repr=False)
    imports: tuple[tuple[str, bool], ...] = attrs.field(repr=False)

    @property
    def place(self) -> str:
        """The path as one reads it."""
        return self.path.relative_to(ROOT).as_posix()

    @property
    def lines(self) -> int:
        return self.text.count("\n")


@functools.cache
def modules(package: str) -> tuple[Module, ...]:
    """All modules of a package."""
    return tuple(_module(path) for path in sorted((ROOT / package).rglob("*.py")) if CACHES.isdisjoint(path.parts))


@functools.cache
def published_files() -> tuple[Path, ...]:
    """Files that are or would be committed; without git, every file outside of caches."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, check=False
    )
    if listed.returncode == 0 and listed.stdout:
        return tuple(path for name in listed.stdout.decode().split("\0") if name and (path := ROOT / name).is_file())
    return tuple(path for path in sorted(ROOT.rglob("*")) if path.is_file() and _outside_of_caches(path))


def _outside_of_caches(path: Path) -> bool:
    parts = path.relative_to(ROOT).parts
    return CACHES.isdisjoint(parts) and not any(part.startswith(".") for part in parts[:-1] if part != ".ci")


def _module(path: Path) -> Module:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    return Module(name=name, path=path, text=text, tree=tree, imports=tuple(_imports(tree, late=False)))


def _imports(node: ast.AST, *, late: bool) -> Iterator[tuple[str, bool]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from ((alias.name, late) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "relative imports hide where a name comes from"
            yield from ((target, late) for target in _targets(child.module or "", [alias.name for alias in child.names]))
        yield from _imports(child, late=late or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.If))


def _targets(module: str, names: list[str]) -> list[str]:
    """`from package import module` means the module."""
    folder = ROOT.joinpath(*module.split("."))
    if not folder.is_dir():
        return [module]
    return [f"{module}.{name}" if _is_module(folder / name) else module for name in names]


def _is_module(path: Path) -> bool:
    return path.is_dir() or path.with_suffix(".py").is_file()
