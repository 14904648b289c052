"""Writes the generated pages of the manual: `uv run python docs/generate.py`; with `--check` it only says which are out of date."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from docs.pages import PAGES  # noqa: E402  # the repository is no installed package


def main(arguments: list[str]) -> int:
    """Gives the exit code: 1 when a page differs and `--check` was asked for."""
    stale = {name: text for name, make in PAGES.items() if _written(HERE / name) != (text := make())}
    for name, text in stale.items():
        if "--check" not in arguments:
            (HERE / name).write_text(text, encoding="utf-8")
        sys.stdout.write(f"docs/{name} {'is out of date' if '--check' in arguments else 'written'}\n")
    return 1 if stale and "--check" in arguments else 0


def _written(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
