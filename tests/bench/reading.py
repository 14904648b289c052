"""Starts the bare reader, the bound for whatever reads many answers from the same server."""

import json
import subprocess
import sys
from collections.abc import Sequence

import attrs

from plugin_entry.cli.daemon.process import ROOT

READER = "bare reader"
PATIENCE_S = 60.0


@attrs.frozen(kw_only=True)
class BareReading:
    """What it took, in seconds, and the bytes of its answers: all of them are of one kind, so there is one size."""

    wall_s: float
    cpu_s: float
    worst_first_s: float
    sizes: Sequence[int]


def bare_reading(port: int, model: str, streams: int = 1) -> BareReading:
    """Reads so many answers in a process of its own; ends the benchmark when they are damaged."""
    command = [sys.executable, "-m", "tests.bench.bare_reader", str(port), model, str(streams)]
    said = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, timeout=PATIENCE_S).stdout
    found = BareReading(**json.loads(said))
    if len(found.sizes) != 1:
        raise SystemExit(f"{model}: the bare reader was given answers of different lengths")
    return found
