"""How often Python's cycle collector runs: hardly while modules are imported, seldom afterwards.

Enters and leaves: nothing. What is imported lives as long as the process; looking through it again and again is a tenth of the start, and
was the largest single cost of a burst of requests.
"""

import gc
import linecache

WHILE_IMPORTING = (4_000, 10, 10)
"""As fast as never looking, which would take 3 MB more for what classes leave behind when they are made."""

WHILE_SERVING = (10_000, 20, 50)
"""A request makes thousands of small objects that reference counting frees; looking for cycles every 700 took a tenth of the time."""


def expect_imports() -> None:
    """From now on modules are imported, until `settle`."""
    gc.set_threshold(*WHILE_IMPORTING)


def tidy() -> None:
    """Between imports: frees what the last ones left behind, so that the next ones use its memory; what is left is never looked at again.
    attrs keeps the source of all methods it makes, for tracebacks that show one line of them.
    """
    linecache.clearcache()
    gc.collect()
    gc.freeze()


def settle() -> None:
    """Looks once, and from now on only at what is made from now on, less often than Python does by itself."""
    tidy()
    gc.set_threshold(*WHILE_SERVING)
