"""Which functions of ours one streamed token passes, from the read of its bytes to its frame: `python -m tests.bench.token_way`.

A server sends one line after the other, and the plugin answers through the SDK as in its process. Between two frames every start and
every resumption of a function in `plugin_entry/` and `translator/` is noted, but for how the event loop waits for its connections.
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import groupby
from types import CodeType

import attrs
import dify_plugin
from gevent.event import Event

from plugin_entry.dify.frames import FrameWriter
from plugin_entry.dify.output import FrameOutput
from plugin_entry.serving.chat import BRIDGE
from tests.bench.route import execute, request_line, requests_of
from tests.servers.loopback import END, HEAD, Visit
from tests.servers.stalling_server import DONE, line, stalling
from tests.structure.sources import ROOT

assert dify_plugin, "its import patches the process, as it does in the plugin"
TOKENS = 40
LAST_FUNCTION = ("plugin_entry/dify/output.py", "write")
FIRST_FILE = "plugin_entry/network/transport.py"
SELECTOR = "plugin_entry/network/selector.py"
WAITING = frozenset({(SELECTOR, name) for name in ("select", "_poll", "_poll_resting", "_wait")})
TOOL = sys.monitoring.PROFILER_ID

type Passed = tuple[str, str]
"""File and function."""


@attrs.frozen(kw_only=True)
class Way:
    """What one token passes, in this order."""

    passed: tuple[Passed, ...]

    def of(self, package: str = "") -> "Way":
        """The part that lies in a package."""
        return Way(passed=tuple(passed for passed in self.passed if passed[0].startswith(package)))

    @property
    def functions(self) -> int:
        return len(self.passed)

    @property
    def files(self) -> int:
        return len({file for file, _ in self.passed})

    @property
    def returns(self) -> int:
        """How often a file is entered that had been left."""
        return sum(1 for _ in groupby(file for file, _ in self.passed)) - self.files


@contextmanager
def noted() -> Iterator[list[Passed]]:
    """Every start and resumption of our functions meanwhile."""
    found: list[Passed] = []
    files: dict[str, str] = {}
    for folder in ("plugin_entry", "translator"):
        files |= {str(path): path.relative_to(ROOT).as_posix() for path in (ROOT / folder).rglob("*.py")}

    def note(code: CodeType, _: int) -> None:
        if code.co_filename in files:
            found.append((files[code.co_filename], code.co_name))

    events = sys.monitoring.events
    sys.monitoring.use_tool_id(TOOL, "token way")
    for event in (events.PY_START, events.PY_RESUME):
        sys.monitoring.register_callback(TOOL, event, note)
    sys.monitoring.set_events(TOOL, events.PY_START | events.PY_RESUME)
    try:
        yield found
    finally:
        sys.monitoring.set_events(TOOL, 0)
        sys.monitoring.free_tool_id(TOOL)


class ToldOutput(FrameOutput):
    """Says when there was a frame."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor)
        self.came = Event()

    def write(self, data: bytes, owner: object = None) -> None:
        super().write(data, owner)
        self.came.set()


def slowly(output: ToldOutput, visit: Visit) -> None:
    """Sends a line when the one before has become a frame."""
    visit.send(HEAD)
    for number in range(TOKENS):
        output.came.clear()
        visit.chunk(line(content=f" word{number}"))
        output.came.wait()
    visit.chunk(json.dumps(DONE).encode() + b"\n")
    visit.send(END)


def way() -> Way:
    """The way of a token in the middle of an answer."""
    descriptor = os.open(os.devnull, os.O_WRONLY)
    output = ToldOutput(descriptor)
    before, FrameWriter.output = vars(FrameWriter).get("output"), output
    try:
        with stalling(slowly=partial(slowly, output)) as server:
            (request,) = requests_of(request_line(), 1)
            request.data.update(model="slowly", credentials={"base_url": server.url})
            with noted() as found:
                execute(request)
    finally:
        if before is None:
            del FrameWriter.output
        else:
            FrameWriter.output = before
        os.close(descriptor)
    return _of_one(found)


def _of_one(found: list[Passed]) -> Way:
    ends = [number for number, passed in enumerate(found) if passed == LAST_FUNCTION]
    start, end = ends[TOKENS // 2], ends[TOKENS // 2 + 1]
    between = found[start + 1 : end + 1]
    while between[0][0] != FIRST_FILE:  # the reply is asked for more, and waited for
        between.pop(0)
    return Way(passed=tuple(passed for passed in between if passed not in WAITING))


def main() -> None:
    """Prints the way."""
    found = way()
    for file, function in found.passed:
        print(f"{file:40} {function}")
    for package in ("plugin_entry", "translator", ""):
        part = found.of(package)
        print(f"{package or 'together'}: {part.functions} functions, {part.files} files, {part.returns} returns to a file")
    BRIDGE.close()


if __name__ == "__main__":
    main()
