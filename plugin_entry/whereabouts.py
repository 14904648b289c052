"""What may be said in a log of an exception that nobody expected.

Enters: an exception. Leaves: its class and the place it came from. Its own words are left out: they may hold whatever the code had in its
hands, a key or a prompt (pydantic quotes the value that it refuses).
"""

import os
import traceback


def whereabouts(error: BaseException) -> str:
    """Such as "KeyError in answering.py:101"."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} in {os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else type(error).__name__
