"""The program that converts one picture and ends; `pictures.py` starts it.

The arguments are the folders of Pillow and `reencode`, the decoder, the limit of pixels, and whether the file, which comes on the standard
input, is `raw` or in `base64`. On what was the standard output comes a line of JSON: the refusal, or `{"size": ...}` followed by the base64
of the new file. It imports neither the plugin nor the library, whose `__init__` would take longer than most pictures.
"""

import contextlib
import importlib
import json
import os
import resource
import signal
import sys
from base64 import b64decode, b64encode

MEMORY_BYTES = 1536 << 20
"""A WebP or JPEG 2000 of 50 megapixels takes 0.9 GiB."""
CPU_S, TIME_S = 30, 60
"""The slowest picture of 50 megapixels takes 7 s. Past either limit the kernel ends the process."""
LIMITS = {resource.RLIMIT_AS: MEMORY_BYTES, resource.RLIMIT_CPU: CPU_S, resource.RLIMIT_FSIZE: 0, resource.RLIMIT_CORE: 0}
NICENESS = 5
"""Added to the process's own: streams come first."""


def limit() -> None:
    """Bounds what a hostile picture can cost. If memory runs out for all, this process goes first, not the plugin."""
    signal.alarm(TIME_S)
    os.nice(NICENESS)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as adjustment:
        adjustment.write("1000")
    for kind, most in LIMITS.items():
        with contextlib.suppress(ValueError, OSError):  # not every system has each of them
            resource.setrlimit(kind, (most, most))


def main(folders: str, decoder: str, pixel_limit: str, encoding: str) -> None:
    """Converts the picture. What a decoder prints is thrown away."""
    limit()
    output = os.fdopen(os.dup(1), "wb")
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 1)
    os.dup2(devnull, 2)
    sys.path += folders.split(os.pathsep)
    module = importlib.import_module("reencode")
    given, file = sys.stdin.buffer.read(), b""
    try:
        file = b64encode(module.reencode(b64decode(given) if encoding == "base64" else given, decoder, int(pixel_limit)))
        head: dict[str, object] = {"size": len(file)}
    except module.ConversionError as error:
        head = {"reason": error.reason, "width": error.width, "height": error.height}
    output.write(json.dumps(head).encode() + b"\n" + file)
    output.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
