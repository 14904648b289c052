"""Nothing but `plugin_entry/dify/sdk_patches.py` assigns into Dify's SDK."""

import ast
from collections.abc import Iterator

import pytest

from tests.structure.sources import modules

SDK = "dify_plugin"
PATCHING = "plugin_entry.dify.sdk_patches"
SETTERS = frozenset({"setattr", "delattr"})


def test_nothing_else_assigns_into_the_sdk() -> None:
    found = [f"{module.place}:{line}" for module in modules("plugin_entry") if module.name != PATCHING for line in lines(module.tree)]
    assert found == []


def test_nothing_in_the_plugin_patches_a_library_as_a_whole() -> None:
    """By name, as `setattr` of anything or as a change of a module's namespace."""
    calls = [
        f"{module.place}:{ast.unparse(node)}"
        for module in modules("plugin_entry")
        if module.name not in {PATCHING, "plugin_entry.dify.startup"}  # a stand-in keeps what it found in itself
        for node in ast.walk(module.tree)
        if (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SETTERS) or _changes_a_namespace(node)
    ]
    assert calls == []


def lines(tree: ast.Module) -> Iterator[int]:
    """Where a name that comes from the SDK, or another name for it, is assigned into."""
    names = set(_imported(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign) and _root(node.value) in names:
            names |= {target.id for target in _targets(node) if isinstance(target, ast.Name)}
    for node in ast.walk(tree):
        for target in _targets(node):
            if not isinstance(target, ast.Name) and _root(target) in names:
                yield target.lineno
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SETTERS and _root(node.args[0]) in names:
            yield node.lineno


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == SDK:
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (SDK for alias in node.names if alias.name.partition(".")[0] == SDK)


def _targets(node: ast.AST) -> list[ast.expr]:
    match node:
        case ast.Assign(targets=targets) | ast.Delete(targets=targets):
            return targets
        case ast.AnnAssign(target=target) | ast.AugAssign(target=target):
            return [target]
    return []


def _root(node: ast.AST | None) -> str:
    """The name that an expression such as `vars(a.b)["c"]` or `a.b.c` begins with."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=inner) | ast.Subscript(value=inner):
            return _root(inner)
        case ast.Call(func=ast.Name(id="vars"), args=[inner]):
            return _root(inner)
    return ""


def _changes_a_namespace(node: ast.AST) -> bool:
    return any(isinstance(target, ast.Subscript) and isinstance(target.value, ast.Call) for target in _targets(node))


@pytest.mark.parametrize(
    "code",
    [
        "from dify_plugin import plugin\nplugin.Plugin = 1",
        "from dify_plugin import plugin\nvars(plugin)['Plugin'] = 1",
        "from dify_plugin import Plugin\nsetattr(Plugin, 'run', 1)",
        "from dify_plugin.a import B as C\nanother = C\nanother.put = 1",
        "import dify_plugin.plugin\ndify_plugin.plugin.Plugin.run = 1",
    ],
)
def test_an_assignment_is_found(code: str) -> None:
    assert list(lines(ast.parse(code))) != []
