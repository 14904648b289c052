"""What one job costs inside this process: CPU time per token, and the memory it takes on the way."""

import gc
import sys
import time
import tracemalloc
from collections.abc import Callable

import attrs

type Job = Callable[[], object]


@attrs.frozen(kw_only=True)
class Cost:
    """Of one job. `peak_kb` is the most memory it held at once, `left` the blocks it left behind per 1,000 tokens."""

    us_per_token: float
    peak_kb: float
    left: float


def measured(job: Job, tokens: int, repeats: int) -> Cost:
    """The best of a few runs, and two more that look at memory and are not timed."""
    us_per_token = best_us(job, repeats) / tokens
    gc.collect()
    before = sys.getallocatedblocks()
    job()
    gc.collect()
    left = max(0, sys.getallocatedblocks() - before)
    tracemalloc.start()
    job()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return Cost(us_per_token=us_per_token, peak_kb=peak / 1e3, left=left / tokens * 1e3)


def best_us(job: Job, repeats: int) -> float:
    """Microseconds of CPU of the best run."""
    best = float("inf")
    for _ in range(repeats):
        began = time.process_time_ns()
        job()
        best = min(best, time.process_time_ns() - began)
    return best / 1e3
