"""Watches the greenlet of the event loop: if it hangs, every stream hangs.

Enters: that greenlet, and a way to have something done by the loop. Leaves: an exit thrown into a loop that does nothing while all other
greenlets run on: something in one of its callbacks waits for what never comes. The exit ends that callback; the loop reports it, fails the
stream it worked for, and goes on with the others.
"""

from collections.abc import Callable
from typing import Any

import gevent
from gevent.event import Event

LOOK_S = 0.2
PATIENCE = 4
"""Looks in a row without an answer. The hub runs whatever is ready before the next of our own timers, so a busy loop always answers."""


def watch(greenlet: Any, ask: Callable[[Callable[[], object]], object], is_needed: Callable[[], bool]) -> None:
    """Looks again and again while it is needed; `ask` has a function called by the loop."""
    answered, unanswered = Event(), 0
    ask(answered.set)
    while not greenlet.dead and is_needed():
        gevent.sleep(LOOK_S)
        if answered.is_set():
            answered, unanswered = Event(), 0
            ask(answered.set)
            continue
        unanswered += 1
        if unanswered == PATIENCE:
            greenlet.kill(block=False)
            unanswered = 0
