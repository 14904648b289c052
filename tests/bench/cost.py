"""What one job costs inside this process.

Enters: a function. Leaves: its CPU time per token and per output, and the memory it takes on the way.
"""

import gc
import sys
import time
import tracemalloc
from collections.abc import Callable

import attrs

type Job = Callable[[], int]
"""Gives how many things came out of it: lines, events, deltas or frames."""


@attrs.frozen(kw_only=True)
class Cost:
    """Of one job. `peak_kb` is the most memory it held at once, `left` the blocks it left behind per 1,000 tokens."""

    us_per_token: float
    us_per_output: float
    peak_kb: float
    left: float

    @property
    def more(self) -> str:
        """What a table has no column for."""
        return f"{self.us_per_output:,.2f} us per output, {self.peak_kb:,.0f} kB at most, {self.left:.1f} blocks left per 1,000"


def measured(job: Job, tokens: int, repeats: int) -> Cost:
    """The best of a few runs, and two more that look at memory and are not timed."""
    best, outputs = float("inf"), 1
    for _ in range(repeats):
        began = time.process_time()
        outputs = job()
        best = min(best, time.process_time() - began)
    gc.collect()
    before = sys.getallocatedblocks()
    job()
    gc.collect()
    left = max(0, sys.getallocatedblocks() - before)
    tracemalloc.start()
    job()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    micros = best * 1e6
    return Cost(us_per_token=micros / tokens, us_per_output=micros / max(outputs, 1), peak_kb=peak / 1e3, left=left / tokens * 1e3)
