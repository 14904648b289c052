"""Prints the table and draws the plot: `python -m tests.bench [--no-plot]`. Takes less than a minute."""

import subprocess
import sys
from pathlib import Path

from tests.bench import whole
from tests.bench.plot import svg

PLOT = Path(__file__).parents[2] / "docs" / "cpu-per-token.svg"


def main() -> None:
    """Runs everything; layers before the whole, so that a regression points at its room, and in a process patched as the plugin's is."""
    subprocess.run([sys.executable, "-m", "tests.bench.layers"], check=True)
    figures = whole.figures()
    print("Whole plugin over stdio")
    print(f"  start {figures.start_s:.2f} s, memory idle {figures.idle_mb:.0f} MB, after 500 streams {figures.busy_mb:.0f} MB")
    print(f"  first chunk, warm: {figures.first_ms:.2f} ms; added per token, one stream: {figures.added_ms:.2f} ms (medians)")
    print(f"  text that waits: {figures.flood_us_per_token:.1f} us per token, {figures.flood_tokens_per_s:,.0f} tokens/s")
    print("  streams x 50 tokens/s   us/token   tokens/frame   wall/ideal   worst first chunk (s)")
    for load in figures.loads:
        print(
            f"  {load.streams:21}   {load.us_per_token:8.1f}   {load.tokens_per_frame:12.2f}   "
            f"{load.wall_over_ideal:10.2f}   {load.worst_first_s:21.2f}"
        )
    if "--no-plot" not in sys.argv:
        points = [(float(load.streams), load.us_per_token) for load in figures.loads]
        PLOT.write_text(svg(points, "CPU per token", "streams at once, 50 tokens per second each", "microseconds of CPU per token"))
        print(f"  plot: {PLOT.relative_to(PLOT.parents[1])}")


main()
