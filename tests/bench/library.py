"""The translator as a library: nanoseconds per reply line, beside `ollama` and `langchain-ollama` in the same run."""

import json
import os
import shutil
import subprocess

from plugin_entry.cli.daemon.process import ROOT
from tests.bench.report import Line, Size

WITH = ("ollama==0.6.*", "langchain-ollama", "attrs", "cattrs", "orjson")
"""What is installed from the package index for this one run."""


def library(size: Size) -> list[Line]:
    """Text, thinking and tool calls, a line a read. Ends the benchmark when the other libraries cannot be had."""
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        raise SystemExit("The comparison with other libraries needs uv: start the benchmark with `uv run`.")
    packages = [part for package in WITH for part in ("--with", package)]
    command = [uv, "run", "--no-project", "--isolated", "--quiet", *packages, "python", "-m", "tests.bench.parsers"]
    ran = subprocess.run([*command, str(size.tokens), str(size.rounds)], cwd=ROOT, stdout=subprocess.PIPE, check=False)
    if ran.returncode:
        raise SystemExit("The comparison with other libraries did not run: see the lines above; it needs a package index.")
    found: dict[str, dict[str, float]] = json.loads(ran.stdout)
    return [Line(what=kind, ours=costs.pop("ours"), unit="ns/line", beside=costs) for kind, costs in found.items()]
