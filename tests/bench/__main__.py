"""Prints the tables and draws the plot: `python -m tests.bench [--quick] [--only layers,requests,...] [--runs N] [--no-plot]`.

Everything takes about ten minutes, `--quick` about one. Figures depend on the machine and on what else it does: compare ratios.
"""

# its import patches the process for gevent, as it does in the plugin
import dify_plugin  # isort: split

import argparse
import os
import platform
import resource
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from plugin_entry.dify.startup import collect_rarely
from tests.bench import crowd, dependencies, growth, layers, library, one_request, one_stream, vectors, whole
from tests.bench.plot import svg
from tests.bench.report import FULL, QUICK, Line, Section, Size, furthest, medians, text

assert dify_plugin
PLOT = Path(__file__).parents[2] / "docs" / "cpu-per-token.svg"
LOAD, CROWDS = "load", "Many streams, over stdio"
SECTIONS: dict[str, tuple[str, Section]] = {
    "layers": ("A token: CPU of one layer alone", layers.layers),
    "requests": ("A request: CPU of one stage of the whole way", one_request.stages),
    "burst": ("Requests at once, over stdio", one_request.burst),
    "growth": ("Growth with the length of the answer and of the conversation", growth.growth),
    "library": ("The translator as a library", library.library),
    "vectors": ("Embeddings, over stdio", vectors.vectors),
    "start": ("Start and idle memory", whole.start),
    "speed": ("One stream, over stdio", one_stream.speed),
    "dependencies": ("What is installed", dependencies.dependencies),
}
TITLE, ACROSS, UP = "CPU per token against load", "streams at once (50 tokens per second each)", "CPU per token (µs)"
NAMES = (*SECTIONS, LOAD)
PARTS = ("dify_plugin", "gevent", "aiohttp", "pydantic", "orjson")


def main() -> None:
    """Runs what was asked for, one section after the other."""
    asked = _arguments()
    size = QUICK if asked.quick else FULL
    _allow_many_connections()
    collect_rarely()
    print(_machine())
    runs = [_run(asked.only, size, is_drawn=asked.plot and not asked.quick and number == asked.runs) for number in range(1, asked.runs + 1)]
    if asked.runs > 1:
        for title in runs[0]:
            print(text(f"{title}: medians of {asked.runs} runs", medians([run[title] for run in runs])))
    print(furthest([line for title in runs[0] for line in medians([run[title] for run in runs])]))


def _run(names: Sequence[str], size: Size, *, is_drawn: bool) -> dict[str, list[Line]]:
    """The lines of each section by its title, one section after the other."""
    found: dict[str, list[Line]] = {}
    for name, (title, section) in SECTIONS.items():
        if name in names:
            found[title] = section(size)
            _show(title, found[title])
    if LOAD in names:
        found[CROWDS] = _load(size, is_drawn=is_drawn)
    return found


def _show(title: str, lines: Sequence[Line]) -> None:
    print(f"{text(title, lines)}\n  (load of the machine {os.getloadavg()[0]:.1f})", flush=True)


def _load(size: Size, *, is_drawn: bool) -> list[Line]:
    found = crowd.loads(size)
    _show(CROWDS, crowd.lines_of(found))
    if is_drawn:
        PLOT.write_text(svg(crowd.series_of(found), crowd.goal_of(found), TITLE, ACROSS, UP), encoding="utf-8")
        print(f"  plot: {PLOT.relative_to(PLOT.parents[1])}")
    return crowd.lines_of(found)


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
    parser.add_argument("--runs", type=int, default=1, metavar="N", help="how often everything is run, for medians (default 1)")
    parser.add_argument("--no-plot", action="store_false", dest="plot")
    return parser.parse_args()


if __name__ == "__main__":
    main()
