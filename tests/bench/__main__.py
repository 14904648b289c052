"""Prints the tables and draws the plot: `python -m tests.bench [--quick] [--only layers,growth,...] [--no-plot]`.

Everything takes about five minutes, `--quick` less than one. Figures depend on the machine and on what else it does: compare ratios.
"""

import argparse
import os
import platform
import resource
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tests.bench import crowd, one_stream, whole
from tests.bench.plot import svg
from tests.bench.report import FULL, QUICK, Section, Size, text

PLOT = Path(__file__).parents[2] / "docs" / "cpu-per-token.svg"
INSIDE = ("layers", "growth", "vectors")
"""Layers come before the whole, so that a regression points at its room, and run in a process patched as the plugin's is."""

OUTSIDE: dict[str, tuple[str, Section]] = {
    "start": ("Start", whole.start),
    "memory": ("Memory", whole.memory),
    "speed": ("One stream", one_stream.speed),
}
LOAD = "load"
TITLE, ACROSS, UP = "CPU per token against load", "streams at once (50 tokens per second each)", "CPU per token (µs)"
NAMES = (*INSIDE, *OUTSIDE, LOAD)
PARTS = ("dify_plugin", "gevent", "aiohttp", "pydantic", "orjson")


def main() -> None:
    """Runs what was asked for."""
    asked = _arguments()
    size = QUICK if asked.quick else FULL
    chosen = [name for name in NAMES if name in asked.only]
    _allow_many_connections()
    print(_machine())
    if inside := [name for name in chosen if name in INSIDE]:
        subprocess.run([sys.executable, "-m", "tests.bench.inside", *inside, *(["--quick"] if asked.quick else [])], check=True)
    for name in chosen:
        if name in OUTSIDE:
            title, section = OUTSIDE[name]
            print(text(title, section(size)), flush=True)
    if LOAD in chosen:
        _load(size, draw=_draw if asked.plot and not asked.quick else _leave)


type Draw = Callable[[crowd.Loads], None]


def _load(size: Size, draw: Draw) -> None:
    found = crowd.loads(size)
    print(text("Many streams", crowd.lines_of(found)), flush=True)
    draw(found)


def _draw(found: crowd.Loads) -> None:
    PLOT.write_text(svg(crowd.series_of(found), crowd.goal_of(found), TITLE, ACROSS, UP), encoding="utf-8")
    print(f"  plot: {PLOT.relative_to(PLOT.parents[1])}")


def _leave(_: crowd.Loads) -> None:
    """A quick run draws nothing."""


def _machine() -> str:
    cores = len(os.sched_getaffinity(0))
    versions = ", ".join(f"{part} {version(part)}" for part in PARTS)
    system = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return f"{datetime.now(UTC):%Y-%m-%d}, {cores} cores, {system}, {versions}"


def _allow_many_connections() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _names(text: str) -> list[str]:
    names = text.split(",")
    if unknown := sorted(set(names) - set(NAMES)):
        raise argparse.ArgumentTypeError(f"no such part: {', '.join(unknown)}; there are {', '.join(NAMES)}")
    return names


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="What the plugin costs, beside a plain one in the same run.")
    parser.add_argument("--quick", action="store_true", help="small sizes, no plot")
    parser.add_argument("--only", type=_names, default=list(NAMES), metavar="NAMES", help=f"some of {','.join(NAMES)}")
    parser.add_argument("--no-plot", action="store_false", dest="plot")
    return parser.parse_args()


if __name__ == "__main__":
    main()
