"""The program of the second process: `python -m plugin_entry.serving.side_process`, started by `side.py` when it is first needed.

Enters: jobs on the standard input, each a name with its settings and bytes. Leaves: their results or refusals on what was the standard
output, in order. It knows no address, no key and no request, only the one piece of data of a job. It ends with the process that started it,
in the middle of a job, too, because the other end of its input closes then.
"""

import contextlib
import json
import os
import select
import signal
import struct
import threading
from collections.abc import Callable, Mapping
from io import FileIO
from typing import Any

from translator.errors import RequestError
from translator.media.images import convert
from translator.media.sniff import Media
from translator.schema.json_data import spelled_arguments

READY = b"+"
"""Said once, when everything is imported."""
SIZES = struct.Struct(">IQ")
"""Bytes of the head, which is JSON, and of the data."""
KINDER = 5
"""Streams come first: this is added to the process's niceness."""

type Settings = Mapping[str, Any]
type Job = Callable[[Settings, bytes], bytes]


def _convert(settings: Settings, data: bytes) -> bytes:
    file = data.decode("ascii") if settings["is_base64"] else data
    return convert(file, Media[settings["media"]], settings["pixel_limit"]).encode("ascii")


def _arguments(settings: Settings, data: bytes) -> bytes:
    return spelled_arguments(data.decode("utf-8", "surrogatepass"), settings["name"])


JOBS: Mapping[str, Job] = {"convert": _convert, "arguments": _arguments}


def send(file: FileIO, head: Settings, data: bytes = b"") -> None:
    """Writes one message. Raises OSError."""
    spelled = json.dumps(head).encode()
    for part in (SIZES.pack(len(spelled), len(data)) + spelled, data):
        view = memoryview(part)
        while view:
            view = view[file.write(view) :]


def receive(file: FileIO) -> tuple[dict[str, Any], bytes]:
    """Reads one message. Raises EOFError when there is none, or only a part of one."""
    head, length = SIZES.unpack(_exactly(file, SIZES.size))
    return json.loads(_exactly(file, head)), bytes(_exactly(file, length))


def _exactly(file: FileIO, length: int) -> bytearray:
    data = bytearray(length)
    view = memoryview(data)
    while view:
        read = file.readinto(view)
        if not read:
            raise EOFError
        view = view[read:]
    return data


def result(settings: Settings, data: bytes) -> tuple[Settings, bytes]:
    """The answer to a job; a refusal is one, too."""
    try:
        return {}, JOBS[settings["job"]](settings, data)
    except RequestError as error:
        problem = error.problem
        return {"code": problem.code, "cause": problem.cause, "remedy": problem.remedy}, b""


def serve(jobs: FileIO, results: FileIO) -> None:
    """Does jobs until there are no more."""
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            send(results, *result(*receive(jobs)))


def _end_with(descriptor: int) -> None:
    """Waits until the other end of a pipe is closed; ends the process."""
    poll = select.poll()
    poll.register(descriptor, 0)
    poll.poll()
    os._exit(0)


def main() -> None:
    """Serves the process that started this one. Whatever else is printed goes to the standard error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # from a terminal it comes to both processes; the other one decides
    os.nice(KINDER)
    results = FileIO(os.dup(1), "w")
    os.dup2(2, 1)
    threading.Thread(target=_end_with, args=(0,), daemon=True).start()
    results.write(READY)
    serve(FileIO(0, closefd=False), results)


if __name__ == "__main__":
    main()
