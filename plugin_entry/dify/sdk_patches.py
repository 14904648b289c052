"""Everything that is replaced in Dify's SDK, a row per patch. Nothing else in the plugin assigns into the SDK.

The SDK has no settings for what these rows change. Each row names what it relies on: names in the SDK, and the parameters of what is called
or replaced there. A row whose names are gone or take other parameters is left out, and the SDK's own way serves: slower, or with less clear
errors, but with the same answers (tests/stdio/test_changed_sdk.py leaves out each row, and all of them).
"""

import inspect
from collections.abc import Callable, Mapping
from functools import reduce
from importlib import import_module
from importlib.metadata import version
from typing import Any

import attrs
from dify_plugin.config.config import InstallMethod

from plugin_entry.dify import executor, frames, requests, serverless, startup

SERVER = "dify_plugin.core.server"
WRITER, STDIO = f"{SERVER}.__base.response_writer:ResponseWriter", f"{SERVER}.stdio"
PLUGIN, IO_SERVER, REQUEST = "dify_plugin.plugin", f"{SERVER}.io_server", "dify_plugin.core.entities.plugin.request"
SESSION = "dify_plugin.core.runtime:Session"
YAML = "dify_plugin.core.utils.yaml_loader:yaml"
EXECUTE_PARAMETERS = "self session_id data reader writer conversation_id message_id app_id endpoint_id context"
ALL_MODES = frozenset(InstallMethod)


@attrs.frozen(kw_only=True)
class Patch:
    """One row. Names in the SDK are written `module:name` or `module:Class.name`."""

    why: str
    replaces: Mapping[str, Callable[[Any], Any]]
    """What is assigned to each name, made from the object that was there."""
    relies_on: Mapping[str, str]
    """Names with their parameters, separated by blanks; "" for what must only exist. The first one is the row's own."""
    modes: frozenset[InstallMethod] = ALL_MODES
    prepare: Callable[[], object] = lambda: None
    """Called before the first assignment."""
    tested: tuple[str, str] = ("0.9.0", "0.10.2")
    """The oldest and the newest SDK the stdio tests ran with."""


def _nothing(_: object) -> None:
    """Does nothing, instead of what is replaced."""


def _own_output() -> None:
    frames.write_frames_to(frames.own_stdout())


PATCHES: dict[str, Patch] = {
    "frame writer": Patch(
        why="frames share the standard output with nothing, one dump and one write per turn of the hub",
        replaces={
            f"{PLUGIN}:StdioResponseWriter": lambda _: frames.FrameWriter,
            f"{STDIO}.request_reader:StdioResponseWriter": lambda _: frames.FrameWriter,
        },
        relies_on={
            f"{STDIO}.response_writer:StdioResponseWriter.write": "self data",
            f"{WRITER}.put": "self event session_id data",
            f"{WRITER}.stream_object": "self data",
            f"{WRITER}.stream_end_object": "self",
        },
        modes=frozenset({InstallMethod.Local}),
        prepare=_own_output,
    ),
    "request reader": Patch(
        why="a request starts where its line is read, without a thread and a queue; the end of the input ends the process",
        replaces={f"{PLUGIN}:StdioRequestReader": lambda _: requests.LineReader},
        relies_on={
            f"{STDIO}.request_reader:StdioRequestReader._read_stream": "self",
            f"{STDIO}.request_reader:StdioRequestReader._read_async": "self",
            f"{SERVER}.__base.request_reader:RequestReader._process_line": "self data",
            f"{IO_SERVER}:IOServer._execute_request_in_thread": EXECUTE_PARAMETERS,
        },
        modes=frozenset({InstallMethod.Local}),
    ),
    "greenlets": Patch(
        why="requests run in greenlets that can be counted and ended, which an orderly end of the process needs",
        replaces={f"{IO_SERVER}:ThreadPoolExecutor": lambda _: executor.GreenletExecutor},
        relies_on={f"{IO_SERVER}:ThreadPoolExecutor": "max_workers thread_name_prefix initializer initargs"},
    ),
    "error texts": Patch(
        why="whatever ends a request is told as an error whose text Dify shows; the SDK passes an exit without a word",
        replaces={f"{PLUGIN}:Plugin._execute_request": requests.with_readable_errors},
        relies_on={f"{PLUGIN}:Plugin._execute_request": EXECUTE_PARAMETERS},
    ),
    "frame limit": Patch(
        why="a line of more than 5 MiB makes the daemon kill the process and every answer in it",
        replaces={f"{WRITER}.put": lambda _: frames.limited_put},
        relies_on={f"{WRITER}.put": "self event session_id data", f"{WRITER}.write": "self data"},
    ),
    "long histories": Patch(
        why="a thousand messages and more are validated in a thread, as everybody would wait for them",
        replaces={
            f"{REQUEST}:{name}.__init__": requests.long_histories_in_thread for name in ("ModelInvokeLLMRequest", "ModelGetLLMNumTokens")
        },
        relies_on={f"{REQUEST}:ModelInvokeLLMRequest.__init__": "self data", f"{REQUEST}:ModelGetLLMNumTokens.__init__": "self data"},
    ),
    "services": Patch(
        why="each request would make twenty objects for services of Dify that no model asks for, and keep them until cycles are looked for",
        replaces={f"{SESSION}._register_invocations": lambda _: _nothing},
        relies_on={f"{SESSION}._register_invocations": "self"},
    ),
    "callers": Patch(
        why="in serverless mode a caller that goes away ends its request, so that Ollama stops generating",
        replaces={
            f"{SERVER}.serverless.request_reader:ServerlessResponseWriter": lambda _: serverless.CallerAwareWriter,
            f"{IO_SERVER}:IOServer._execute_request_in_thread": serverless.ended_with_caller,
        },
        relies_on={
            f"{SERVER}.serverless.response_writer:ServerlessResponseWriter.__init__": "self queue",
            f"{IO_SERVER}:IOServer._execute_request_in_thread": EXECUTE_PARAMETERS,
        },
        modes=frozenset({InstallMethod.Serverless}),
    ),
    "yaml": Patch(
        why="the declarations are read with libyaml's parser, which shortens the start",
        replaces={YAML: startup.fast_yaml},
        relies_on={f"{YAML}.safe_load": "stream", f"{YAML}.YAMLError": ""},
    ),
}


def install(mode: InstallMethod) -> list[str]:
    """Applies the rows of a mode. Must come before `Plugin(...)`. Gives one sentence for each row that was left out."""
    left_out = []
    for name, patch in PATCHES.items():
        if mode not in patch.modes:
            continue
        if missing := [path for path, parameters in patch.relies_on.items() if not _is_unchanged(path, parameters)]:
            left_out.append(
                f"Dify's SDK {version('dify_plugin')} differs from {' and '.join(patch.tested)}, with which this plugin was tested: "
                f'{missing[0]} has changed. The plugin goes on without its patch "{name}" ({patch.why}).'
            )
            continue
        patch.prepare()
        for path, make in patch.replaces.items():
            assign(path, make(resolve(path)))
    return left_out


def resolve(path: str) -> Any:
    """The object at a name (see `Patch`). Raises ImportError or AttributeError."""
    module, _, dotted = path.partition(":")
    return reduce(getattr, dotted.split("."), import_module(module))


def assign(path: str, value: object) -> None:
    """Replaces the object at a name."""
    owner, _, name = path.rpartition("." if "." in path.partition(":")[2] else ":")
    setattr(resolve(owner) if ":" in owner else import_module(owner), name, value)


def _is_unchanged(path: str, parameters: str) -> bool:
    try:
        target = resolve(path)
        return not parameters or " ".join(inspect.signature(target).parameters) == parameters
    except (ImportError, AttributeError, ValueError, TypeError):
        return False
