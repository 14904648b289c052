"""What one job costs inside this process."""

import time
from collections.abc import Callable

type Job = Callable[[], object]


def best_us(job: Job, repeats: int) -> float:
    """Microseconds of CPU of the best run."""
    best = float("inf")
    for _ in range(repeats):
        began = time.process_time_ns()
        job()
        best = min(best, time.process_time_ns() - began)
    return best / 1e3
