"""What leaves on the standard output is what the SDK would have written, and nothing else."""

import fcntl
import json
import os
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, cast

import gevent
import pytest
from dify_plugin.core.server.io_server import IOServer
from dify_plugin.core.server.stdio.response_writer import StdioResponseWriter
from dify_plugin.entities.model.llm import LLMResultChunk, LLMResultChunkDelta, LLMUsage
from dify_plugin.entities.model.message import AssistantPromptMessage
from hypothesis import given
from hypothesis import strategies as st

from plugin_entry.dify import frames
from plugin_entry.dify.frames import ChunkDump, FrameWriter, LogStream, text_chunk
from plugin_entry.dify.objects import chunk_to_sdk, usage_to_sdk
from plugin_entry.dify.output import LINE_LIMIT, MOST_GATHERED, FrameOutput, FrameTooLongError
from tests.stdio.processes import programs
from translator.response.chunks import Chunk
from translator.shapes.dify import FinishReason, ToolCall, Usage

USAGE = Usage(prompt_tokens=26, completion_tokens=282)
CALLS = (ToolCall(id="a", name="f", arguments='{"x": "é"}'), ToolCall(id="b", name="g", arguments="{}"))


class Lines:
    """Takes what a writer writes."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes, owner: object = None) -> None:
        self.data += data

    def take(self) -> list[Any]:
        data, self.data = self.data, b""
        assert data.endswith(b"\n\n")
        return [json.loads(line) for line in data.split(b"\n\n")[:-1]]


class SdkWriter(StdioResponseWriter):
    """The SDK's own writer, into a list."""

    def __init__(self) -> None:
        self.lines = Lines()

    def write(self, data: str) -> None:
        self.lines.write(data.encode())


@pytest.fixture
def ours(monkeypatch: pytest.MonkeyPatch) -> Lines:
    lines = Lines()
    monkeypatch.setattr(FrameWriter, "output", lines, raising=False)
    return lines


def chunk(content: Any = "", **fields: Any) -> LLMResultChunk:
    """A chunk with fields that ours never set, too."""
    outer = {name: fields.pop(name) for name in ("system_fingerprint",) if name in fields}
    message = AssistantPromptMessage(content=content, **{name: fields.pop(name) for name in ("name", "opaque_body") if name in fields})
    return LLMResultChunk(model="m", delta=LLMResultChunkDelta(index=3, message=message, **fields), **outer)


def own_chunks() -> list[ChunkDump]:
    """Every kind that the plugin sends."""
    kinds = [
        Chunk("The sky"),
        Chunk(""),
        Chunk("<think>\n"),
        Chunk('"quoted" \\ \n\r\t\x00\x7f 你好 🚀 \u2028'),
        Chunk(tool_calls=CALLS),
        Chunk(finish_reason=FinishReason.STOP, usage=USAGE),
        Chunk("end", CALLS, FinishReason.TOOL_CALLS, USAGE),
    ]
    return [chunk_to_sdk("qwen3:8b", index, kind, 0.0) for index, kind in enumerate(kinds)]


PAYLOADS = [
    *own_chunks(),
    chunk("x", system_fingerprint="fp"),
    chunk("x", name="n"),
    chunk("x", opaque_body={"a": [1, None]}),
    chunk("x", finish_reason="stop"),
    chunk("x", usage=LLMUsage.model_validate(usage_to_sdk(USAGE, 0.0) | {"total_price": Decimal("0.0001")})),
    chunk(None),
    {"num_tokens": 5},
    {"result": True, "credentials": {"key": "é"}},
]


def frames_of(writer: StdioResponseWriter, session: str | None, payload: Any) -> None:
    writer.session_message(session, writer.stream_object(payload))
    writer.session_message(session, writer.stream_end_object())
    writer.done()


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: repr(payload)[:60])
@pytest.mark.parametrize("session", ["s-1", 'quo"ted', None])
def test_a_frame_says_what_the_sdk_would_say(ours: Lines, session: str | None, payload: Any) -> None:
    sdk = SdkWriter()
    frames_of(FrameWriter(), session, payload)
    frames_of(sdk, session, payload)
    assert ours.take() == sdk.lines.take()


@pytest.mark.parametrize("dump", own_chunks(), ids=lambda dump: repr(dump["delta"])[:60])
def test_a_chunk_is_the_dump_of_its_model(dump: ChunkDump) -> None:
    assert LLMResultChunk.model_validate(dump).model_dump(mode="json") == dump


@given(text=st.text(), model=st.text(min_size=1), session=st.text() | st.none(), index=st.integers(min_value=0))
def test_any_text_survives(text: str, model: str, session: str | None, index: int) -> None:
    """The frame of a piece of text says what the SDK would say of its model."""
    writer, sdk = FrameWriter(), SdkWriter()
    writer.output = lines = cast("Any", Lines())
    dump = text_chunk(model, index, text)
    writer.session_message(session, writer.stream_object(dump))
    sdk.session_message(session, sdk.stream_object(LLMResultChunk.model_validate(dump)))
    assert lines.take() == sdk.lines.take()


def test_heartbeat_log_and_error_are_spelled_like_the_sdks(ours: Lines) -> None:
    sdk, own = SdkWriter(), FrameWriter()
    for writer in (sdk, own):
        writer.heartbeat()
        writer.log({"message": "é"})
        writer.error("s", {"error": "broken"})
        writer.session_message("s", writer.stream_error_object({"error_type": "InvokeError", "message": "m", "args": {"a": 1}}))
        writer.session_message("s", writer.stream_invoke_object({"request": 1}))
    assert ours.take() == sdk.lines.take()


class Pipe:
    """An output that is read back."""

    def __init__(self) -> None:
        self.read_end, self.write_end = os.pipe()
        self.output = FrameOutput(self.write_end)

    def read(self) -> bytes:
        return os.read(self.read_end, 1 << 20)

    def close(self) -> None:
        os.close(self.read_end)
        os.close(self.write_end)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    pipe.close()


def test_frames_of_one_turn_leave_together_and_in_order(pipe: Pipe) -> None:
    for number in range(3):
        pipe.output.write(b"%d\n\n" % number)
    gevent.idle()
    assert pipe.read() == b"0\n\n1\n\n2\n\n"


def test_many_bytes_do_not_wait_for_the_end_of_the_turn(pipe: Pipe) -> None:
    reader = gevent.get_hub().threadpool.spawn(pipe.read)
    pipe.output.write(b"x" * (MOST_GATHERED + 1))
    assert reader.get(timeout=60).startswith(b"x")


def test_a_line_that_would_kill_the_process_is_refused(pipe: Pipe) -> None:
    with pytest.raises(FrameTooLongError, match=str(LINE_LIMIT + 1)):
        pipe.output.write(b"x" * (LINE_LIMIT + 1))
    pipe.output.write(b"next\n\n")
    gevent.idle()
    assert pipe.read() == b"next\n\n"


class OneRequest(IOServer):
    """As much of the SDK's server as runs one request."""

    def __init__(self, payload: Any) -> None:
        self.payload = payload

    def _execute_request(self, session_id: str, data: Any, reader: Any, writer: Any, *_: Any, **__: Any) -> None:
        writer.session_message(session_id, writer.stream_object(self.payload))


def test_a_frame_that_is_too_long_ends_its_own_request_with_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = Lines()
    pipe = Pipe()
    monkeypatch.setattr(FrameWriter, "output", pipe.output, raising=False)
    OneRequest(chunk("x" * LINE_LIMIT))._execute_request_in_thread("s", {}, None, FrameWriter())  # type: ignore[arg-type]  # no reader
    gevent.idle()
    lines.write(pipe.read())
    pipe.close()
    error, end = lines.take()
    assert error["data"]["type"] == "error"
    assert error["data"]["data"]["error_type"] == "InvokeBadRequestError"
    assert "of 4.0 MiB cannot be handed to Dify" in error["data"]["data"]["message"]
    assert (error["session_id"], end) == ("s", {"event": "session", "session_id": "s", "data": {"type": "end", "data": {}}})


def test_log_lines_are_frames(pipe: Pipe) -> None:
    LogStream(pipe.output).write('{"event":"log"}\n\n')
    gevent.idle()
    assert pipe.read() == b'{"event":"log"}\n\n'


INTO_A_FILE = """
import os, subprocess, sys, tempfile
with tempfile.TemporaryFile() as file:
    subprocess.run([sys.executable, "-c", sys.argv[1]], stdout=file, check=True)
    sys.stdout.write(os.pread(file.fileno(), 1000, 0).decode())
"""


STRAY = """
import dify_plugin, os, sys, gevent
from plugin_entry.dify.frames import own_stdout
output = own_stdout()
print("stray", end="")
os.write(1, b"native")
os.system("echo child")
output.write(b'{"frame":1}\\n\\n')
gevent.idle()
"""


def test_nothing_but_frames_reaches_the_standard_output() -> None:
    assert PROGRAMS["stray"].printed == '{"frame":1}\n\n'
    for word in ("native", "stray", "child"):
        assert word in PROGRAMS["stray"].done.stderr


WIDE = """
import dify_plugin, fcntl, gevent
from plugin_entry.dify.frames import own_stdout
output = own_stdout()
output.write(b"%d" % fcntl.fcntl(output._descriptor, fcntl.F_GETPIPE_SZ))
gevent.idle()
"""


@pytest.mark.skipif(not hasattr(fcntl, "F_SETPIPE_SZ"), reason="this system has pipes of one size")
def test_the_pipe_has_room_for_many_streams() -> None:
    """The size is asked of the descriptor that frames leave by, and comes out by it."""
    assert int(PROGRAMS["wide"].printed) == frames.PIPE_BYTES


def test_an_output_that_is_no_pipe_serves_as_well() -> None:
    assert '{"frame":1}' in PROGRAMS["file"].printed


INSTALLED = """
import dify_plugin
from dify_plugin import plugin
from dify_plugin.config.config import InstallMethod
from plugin_entry.dify import sdk_patches
assert sdk_patches.install(InstallMethod.Local) == []
plugin.StdioResponseWriter().heartbeat()
import gevent; gevent.idle()
"""


def test_the_sdk_writes_through_us() -> None:
    assert json.loads(PROGRAMS["installed"].printed) == {"event": "heartbeat", "session_id": None, "data": {}}


PROGRAMS = programs({"stray": ("-c", STRAY), "wide": ("-c", WIDE), "file": ("-c", INTO_A_FILE, STRAY), "installed": ("-c", INSTALLED)})
