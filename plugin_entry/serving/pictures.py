"""Converts pictures that Ollama cannot read: each in a process of its own that ends with it.

Decoders hold the interpreter's lock, can take a gigabyte and can crash; in a process with limits that ends the picture and nothing else.
The process gets the bytes of the file and a few names of the environment, none of the daemon's secrets. Pictures that are sent as they are
cost no process.
"""

import contextlib
import importlib.util
import json
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gevent.monkey import get_original

from translator.errors import RequestError
from translator.media import reencode
from translator.media.images import CONVERT, DECODERS, conversion_refused
from translator.media.reencode import ConversionError
from translator.media.sniff import Media

logger = logging.getLogger(__name__)

COMMAND = (sys.executable, "-I", "-S", "-B", str(Path(__file__).with_name("picture_process.py")))
"""Without site packages and without the environment's Python settings, which is faster and keeps the plugin's own modules out."""
KEPT_NAMES = frozenset({"LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"})
"""What an interpreter and its native libraries may need of the environment."""

PROCESSES_AT_ONCE = 2

_places = get_original("queue", "SimpleQueue")()
"""Holds one item per process that may be started. Not gevent's queue: threads wait here."""
for _ in range(PROCESSES_AT_ONCE):
    _places.put(None)


def convert(data: bytes | str, media: Media, pixel_limit: int) -> str:
    """`images.convert` in a process of its own. It waits without gevent: call it from a thread. Raises RequestError."""
    file, encoding = (data.encode("ascii"), "base64") if isinstance(data, str) else (data, "raw")
    place = _places.get()
    try:
        answer = _run(file, (*COMMAND, _folders(), DECODERS[media], str(pixel_limit), encoding))
    except OSError as error:
        logger.warning("a picture is refused, because no process can be started to convert it: %s", error.strerror)
        cause = f"The image is {media.value}, and this installation can start no process to convert it."
        raise RequestError.of("image-format", cause, CONVERT) from None
    finally:
        _places.put(place)
    head, _, converted = answer.partition(b"\n")
    told: Mapping[str, Any] = json.loads(head) if head else {}
    if "reason" in told:
        raise conversion_refused(ConversionError(**told), media, pixel_limit)
    if told.get("size") != len(converted):
        cause = f"The image begins like {media.value}, but converting it took too much time or memory, or made the decoder crash."
        raise RequestError.of("image-damaged", cause, CONVERT)
    return converted.decode("ascii")


def _folders() -> str:
    """Where the process finds Pillow and `reencode`, and nothing else of the plugin's path: Pillow is looked for, not imported."""
    pillow = importlib.util.find_spec("PIL")
    found = Path(pillow.origin).parent.parent if pillow and pillow.origin else Path()
    return os.pathsep.join((str(found), str(Path(reencode.__file__).parent)))


def _run(file: bytes, command: Sequence[str]) -> bytes:
    """The output of a program that reads `file`, complete or not. Raises OSError when it cannot be started.

    With what gevent has not patched: its `subprocess` and `posix_spawn` watch the child in the hub of the main thread.
    """
    close, environment = get_original("os", "close"), {name: os.environ[name] for name in KEPT_NAMES & os.environ.keys()}
    given_in, given = os.pipe()
    try:
        answer, answer_out = os.pipe()
    except OSError:
        close(given_in)
        close(given)
        raise
    try:
        ends = [(os.POSIX_SPAWN_DUP2, given_in, 0), (os.POSIX_SPAWN_DUP2, answer_out, 1)]
        pid = get_original("os", "posix_spawn")(command[0], command, environment, file_actions=ends)
    except OSError:
        close(given)
        close(answer)
        raise
    finally:
        close(given_in)
        close(answer_out)
    try:
        with contextlib.suppress(BrokenPipeError), open(given, "wb") as writer:  # a descriptor
            writer.write(file)
        with open(answer, "rb") as reader:  # a descriptor
            return reader.read()
    finally:
        with contextlib.suppress(ChildProcessError):  # gevent may have been told before
            get_original("os", "waitpid")(pid, 0)
