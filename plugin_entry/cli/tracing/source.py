"""The reply to be traced: from a file, the standard input, or a recording."""

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

from plugin_entry.cli.commands import ArgumentError, CommandError
from translator import codec
from translator.tracing import OK, TimedBytes

ROUTES = ("/api/chat", "/api/generate")
STDIN = "-"
ARGUMENT = "FILE|-|VERSION/SCENARIO"
"""What the source is called on the command line."""
READ_BYTES = 65536
RECORDING_KEYS = {"request", "response"}
UNKNOWN = "unknown"


@attrs.frozen(slots=True, kw_only=True)
class Source:
    """A reply. `timed` is False where nobody knows when the pieces came."""

    name: str
    model: str
    pieces: tuple[TimedBytes, ...] = attrs.field(repr=False)
    status: int = OK
    content_type: str = ""
    route: str = ROUTES[0]
    timed: bool = True


def source_of(typed: str) -> Source:
    """Reads it. Raises ArgumentError when it is not there, and CommandError when it is no reply of a chat."""
    if typed == STDIN:
        return _from_body("standard input", tuple(_arriving(sys.stdin.fileno())), timed=True)
    path = Path(typed)
    if not path.exists():
        return _from_address(typed)
    try:
        return _from_body(path.name, ((0.0, path.read_bytes()),), timed=False)
    except OSError as error:
        raise ArgumentError(ARGUMENT, f"{path} cannot be read: {error.strerror}.") from error


def recorded_names() -> Iterator[str]:
    """The recordings that can be traced, by version. Raises CommandError where there are none."""
    try:
        from fixtures.recordings import every
    except ImportError as error:
        raise CommandError("The recordings are not part of this installation. Name a file, or - for the standard input.") from error
    yield from (exchange.address for exchange in every(lambda each: each.path in ROUTES))


def _arriving(descriptor: int) -> Iterator[TimedBytes]:
    started = time.perf_counter()
    while data := os.read(descriptor, READ_BYTES):
        yield (time.perf_counter() - started) * 1000, data


def _from_address(address: str) -> Source:
    version, _, scenario = address.partition("/")
    try:
        from fixtures.recordings import RecordingError, load
    except ImportError:
        raise ArgumentError(ARGUMENT, f"there is no file {address}.") from None
    try:
        return _from_exchange(load(version, scenario))
    except RecordingError as error:
        raise ArgumentError(ARGUMENT, f"there is no file {address}, and no recording of that name. {error}") from error


def _from_body(name: str, pieces: tuple[TimedBytes, ...], *, timed: bool) -> Source:
    body = b"".join(data for _, data in pieces)
    if not body.strip():
        raise CommandError(f"{name} is empty. Give the reply of a chat, such as the output of `curl -N .../api/chat -d ...`.")
    recording = _recording(body)
    if recording is not None:
        return _from_recording(name, recording)
    return Source(name=name, model=_model(body), pieces=pieces, timed=timed)


def _recording(body: bytes) -> dict[str, Any] | None:
    try:
        # orjson refuses lone surrogates, which stand for bytes that are no UTF-8
        document = json.loads(body)
    except ValueError:
        return None
    return document if isinstance(document, dict) and document.keys() >= RECORDING_KEYS else None


def _from_recording(name: str, recording: dict[str, Any]) -> Source:
    try:
        from fixtures.recordings import RecordingError, parse
    except ImportError:
        raise CommandError("Recordings cannot be read by this installation. Run the command from a clone of the project.") from None
    try:
        return _from_exchange(parse(recording, version=str(recording.get("server", UNKNOWN)), scenario=Path(name).stem))
    except RecordingError as error:
        raise CommandError(f"{name} is not a recording: {error}") from error


def _from_exchange(exchange: Any) -> Source:
    if exchange.path not in ROUTES:
        raise CommandError(f"{exchange.address} is a reply of {exchange.path}. Only those of {' and '.join(ROUTES)} can be traced.")
    asked = exchange.request_body
    return Source(
        name=exchange.address,
        model=str(asked.get("model", UNKNOWN)) if isinstance(asked, dict) else UNKNOWN,
        pieces=exchange.chunks,
        status=exchange.status,
        content_type=exchange.content_type,
        route=exchange.path,
    )


def _model(body: bytes) -> str:
    try:
        line = codec.loads(body.lstrip().partition(b"\n")[0])
    except codec.DecodeError:
        return UNKNOWN
    return str(line.get("model", UNKNOWN)) if isinstance(line, dict) else UNKNOWN
