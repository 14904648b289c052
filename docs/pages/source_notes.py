"""The explanations that stand under names in the source: the strings after members of an enum, fields of a class or constants of a module.

They exist in the text only, so the text is read.
"""

import ast
import inspect
import itertools
from collections.abc import Sequence
from types import ModuleType


def notes_of(module: ModuleType, owner: str = "") -> dict[str, str]:
    """Name to explanation, on one line: of the constants of a module, or of the members and fields of its class `owner`."""
    body = ast.parse(inspect.getsource(module)).body
    if owner:
        body = next(node for node in body if isinstance(node, ast.ClassDef) and node.name == owner).body
    notes: dict[str, str] = {}
    for statement, after in itertools.pairwise(body):
        match statement, after:
            case (
                (ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name))),
                ast.Expr(value=ast.Constant(value=str(note))),
            ):
                notes[name] = " ".join(note.split())
    return notes


def table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [header, tuple("---" for _ in header), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def generated_from(*sources: str) -> str:
    """The note at the head of a generated page."""
    return f"<!-- Generated from {', '.join(sources)}; a test keeps it equal. To write it again: uv run python docs/generate.py -->\n"
