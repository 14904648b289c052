"""Installs the package the way Dify's daemon does and asks the installed plugin a question: `python -m tests.install_check [PACKAGE]`.

Without a package, it builds one first; with `--offline` one that carries its wheels, which are fetched by the command that `dify-ollama
package` proposes. Such a package is installed without a cache in a network namespace without routes, where the system allows one.

It prints a line per way of installing. The exit code is 0 when after each of them the installed versions were those of `requirements.txt`,
the doctor ran, and the plugin answered: over its standard streams as the daemon starts it, and over HTTP as the marketplace's install test
does. It needs `uv`, and a package index unless the package carries wheels. It uses nothing of the plugin but its command line, so it checks
what a stranger gets. The server is a replay server in a process of its own.
"""

import argparse
import functools
import json
import os
import queue
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPResponse
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[1]
SCENARIO = "0.24.0/chat-plain"
EXPECTED = "The sky is blue because air scatters short wavelengths more."
READY_WITHIN_S, ANSWER_WITHIN_S = 120.0, 30.0
LISTENS_WITHIN_S, AGAIN_S = 3.0, 0.05
MARKETPLACE_WAITS_S, MARKETPLACE_LOOKS_FOR = 20.0, "Serving Flask app"
"""dify-marketplace-toolkit, validator/test-plugin-install.py."""
WHEELS = "wheels"
NAMESPACE = ("unshare", "--map-root-user", "--net")
FROM_NOWHERE = ("--offline", "--no-cache")
PROPOSED = re.compile(r"^python -m pip download .*?(?<!\\)$", re.MULTILINE | re.DOTALL)
"""The command that is proposed, up to the first line that does not go on."""
OF_ANOTHER_PROJECT = (
    "VIRTUAL_ENV",
    "UV_INTERNAL__PARENT_INTERPRETER",
    "UV_PROJECT",
    "UV_PROJECT_ENVIRONMENT",
    "UV_PYTHON",
    "PYTHONPATH",
    "PYTHONHOME",
)

WAYS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "pyproject.toml, as Dify's daemon": ("pyproject.toml", ("sync", "--no-dev", "--quiet")),
    "requirements.txt": ("requirements.txt", ("pip", "install", "--quiet", "-r", "requirements.txt")),
    "requirements.txt, hashes required": ("requirements.txt", ("pip", "install", "--quiet", "--require-hashes", "-r", "requirements.txt")),
}
"""A way of installing: the file it begins with, and uv's arguments. A package without that file is not installed in this way."""


class CheckError(RuntimeError):
    """The package cannot be installed, or what is installed does not work."""


def unpack(package: Path, directory: Path) -> None:
    """As the daemon does."""
    with zipfile.ZipFile(package) as archive:
        archive.extractall(directory)


def install(directory: Path, arguments: Sequence[str]) -> Path:
    """A fresh environment with the dependencies; gives its interpreter. Raises CheckError."""
    _uv(directory, ("venv", "--quiet", ".venv", "--python", "3.12"))
    _uv(directory, arguments, isolated=(directory / WHEELS).is_dir())
    python = directory / ".venv" / "bin" / "python"
    _run((str(python), "-m", "compileall", "-q", "plugin_entry", "translator"), directory)
    return python


VERSIONS = """
import json
from importlib.metadata import distributions
from packaging.markers import default_environment
print(json.dumps([{each.name: each.version for each in distributions()}, default_environment()["sys_platform"]]))
"""
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;]+)([^\n]*)", re.MULTILINE)


def compare_versions(python: Path, directory: Path) -> int:
    """How many packages are installed. Raises CheckError when they are not exactly those that `requirements.txt` pins for this system."""
    installed, platform = json.loads(_run((str(python), "-c", VERSIONS), directory))
    arrived = {_canonical(name): version for name, version in installed.items()}
    pins = PIN.findall((directory / "requirements.txt").read_text(encoding="utf-8"))
    pinned = {_canonical(name): version for name, version, rest in pins if "sys_platform" not in rest or f"'{platform}'" in rest}
    if wrong := sorted(arrived.items() ^ pinned.items()):
        raise CheckError(f"not the pinned versions: {', '.join(f'{name} {version}' for name, version in wrong)}")
    return len(arrived)


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def examine(python: Path, directory: Path, base_url: str) -> None:
    """Runs the doctor as an administrator does in the container. Raises CheckError."""
    _run((str(python), "-m", "plugin_entry.cli", "doctor", base_url), directory)


def answer_of(python: Path, directory: Path, base_url: str, model: str = "chat") -> str:
    """Starts the plugin in its directory, waits for the first heartbeat and asks; gives the answer's text. Raises CheckError."""
    with _started((str(python), "-m", "plugin_entry.main"), directory, {"INSTALL_METHOD": "local"}) as (process, lines):
        _until(lines, READY_WITHIN_S, lambda line: line.strip() != "" and json.loads(line).get("event") == "heartbeat")
        assert process.stdin is not None
        process.stdin.write(_request(base_url, model) + b"\n")
        process.stdin.flush()
        answer = Answer()
        _until(lines, ANSWER_WITHIN_S, answer.ends_with)
        return answer.text


def serverless_answer_of(python: Path, directory: Path, base_url: str, model: str = "chat") -> str:
    """The same in serverless mode, begun by `python -m main`. Raises CheckError."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = int(server.getsockname()[1])
    environment = {"INSTALL_METHOD": "serverless", "SERVERLESS_HOST": "127.0.0.1", "SERVERLESS_PORT": str(port)}
    with _started((str(python), "-m", "main"), directory, environment) as (_, lines):
        _until(lines, MARKETPLACE_WAITS_S, lambda line: MARKETPLACE_LOOKS_FOR in line)
        request = urllib.request.Request(f"http://127.0.0.1:{port}/invoke", _request(base_url, model), {"Content-Type": "application/json"})
        answer = Answer()
        with _opened(request) as response:
            if not any(answer.ends_with(line.decode("utf-8")) for line in response):
                raise CheckError("the answer did not end")
        return answer.text


def _opened(request: urllib.request.Request) -> HTTPResponse:
    """Sends a request; the plugin says that it serves a moment before it listens, and the marketplace gives it that moment."""
    deadline = time.monotonic() + LISTENS_WITHIN_S
    while True:
        try:
            response: HTTPResponse = urllib.request.urlopen(request, timeout=ANSWER_WITHIN_S)
        except urllib.error.URLError as error:
            if not isinstance(error.reason, ConnectionRefusedError) or time.monotonic() > deadline:
                raise CheckError(f"the plugin's HTTP server does not answer: {error}") from error
            threading.Event().wait(AGAIN_S)
        else:
            return response


class Answer:
    """What the frames of one request say."""

    def __init__(self) -> None:
        self.text = ""

    def ends_with(self, line: str) -> bool:
        """Takes a line; whether it was the last one. Raises CheckError for an error."""
        frame = json.loads(line) if line.strip() else {}
        if frame.get("event") != "session":
            return False
        data = frame["data"]
        if data.get("type") == "error":
            raise CheckError(f"the plugin answered with an error: {data['data']}")
        if data.get("type") == "stream":
            self.text += data["data"]["delta"]["message"]["content"]
        return bool(data.get("type") == "end")


@contextmanager
def replay_server() -> Iterator[str]:
    """A replay server; gives a base URL at which the scenario answers."""
    with _started((sys.executable, "-m", "fixtures.replay", "--port", "0"), ROOT, {}) as (_, lines):
        yield f"{_next(lines, time.monotonic() + READY_WITHIN_S).strip()}/replay/{SCENARIO}"


def _request(base_url: str, model: str) -> bytes:
    data = {
        "user_id": "u", "type": "model", "action": "invoke_llm", "provider": "ollama", "model_type": "llm", "model": model,
        "credentials": {"base_url": base_url}, "prompt_messages": [{"role": "user", "content": "Why is the sky blue?"}],
        "model_parameters": {}, "tools": [], "stop": [], "stream": True,
    }  # fmt: skip
    return json.dumps({"session_id": "check", "event": "request", "data": data}).encode()


@contextmanager
def _started(
    command: Sequence[str], directory: Path, environment: Mapping[str, str]
) -> Iterator[tuple["subprocess.Popen[bytes]", "queue.Queue[str | None]"]]:
    """A process and the lines of its output, None at their end. The end kills it."""
    process = subprocess.Popen(
        command, cwd=directory, env={**_environment(), **environment}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=sys.stderr
    )
    assert process.stdin is not None
    assert process.stdout is not None
    lines: queue.Queue[str | None] = queue.Queue()
    reader = threading.Thread(target=_read, args=(process.stdout, lines), daemon=True)
    reader.start()
    try:
        yield process, lines
    finally:
        process.kill()
        process.wait()
        reader.join(READY_WITHIN_S)
        process.stdout.close()
        process.stdin.close()


def _read(stream: IO[bytes], lines: "queue.Queue[str | None]") -> None:
    for line in stream:
        lines.put(line.decode("utf-8"))
    lines.put(None)


def _until(lines: "queue.Queue[str | None]", within_s: float, done: Callable[[str], bool]) -> None:
    deadline = time.monotonic() + within_s
    while not done(_next(lines, deadline)):
        pass


def _next(lines: "queue.Queue[str | None]", deadline: float) -> str:
    try:
        line = lines.get(timeout=max(0.0, deadline - time.monotonic()))
    except queue.Empty:
        raise CheckError("the process did not answer in time") from None
    if line is None:
        raise CheckError("the process ended")
    return line


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in OF_ANOTHER_PROJECT}


def _uv(directory: Path, arguments: Sequence[str], *, isolated: bool = False) -> None:
    command = (*_uv_command(), *arguments)
    _run((*without_network(), *command, *FROM_NOWHERE) if isolated else command, directory)


def _uv_command() -> tuple[str, ...]:
    uv = os.environ.get("UV") or shutil.which("uv")
    return (uv,) if uv else (sys.executable, "-m", "uv")


@functools.cache
def without_network() -> tuple[str, ...]:
    """What starts a command in a network namespace of its own, where there is not even a loopback; nothing where none can be made."""
    probe = subprocess.run((*NAMESPACE, "true"), capture_output=True, check=False) if shutil.which(NAMESPACE[0]) else None
    if probe is not None and probe.returncode == 0:
        return NAMESPACE
    print("note  this system allows no network namespace (unshare --map-root-user --net): the installation could reach a network")
    return ()


def _run(command: Sequence[str], directory: Path) -> str:
    done = subprocess.run(command, cwd=directory, env=_environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise CheckError(f"{' '.join(command)}:\n{done.stdout}{done.stderr}")
    return done.stdout


def build(package: Path, folder: Path, *, offline: bool) -> None:
    """Builds the package with the command line. Raises CheckError."""
    command: tuple[str, ...] = (sys.executable, "-m", "plugin_entry.cli", "package", "-o", str(package))
    if offline:
        wheels = folder / WHEELS
        command = (*command, "--wheels", str(wheels))
        refused = subprocess.run(command, cwd=ROOT, env=_environment(), capture_output=True, text=True, check=False)
        proposed = PROPOSED.search(refused.stderr)
        if proposed is None:
            raise CheckError(f"no command to fetch wheels is proposed:\n{refused.stderr}")
        # this environment was made by uv and has no pip of its own
        _run(("sh", "-ec", proposed[0].replace("python -m", f"{shlex.join(_uv_command())} tool run", 1)), ROOT)
    _run(command, ROOT)


def main(arguments: Sequence[str] | None = None) -> int:
    """Checks every way that the package offers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", nargs="?", type=Path, help="default: one that is built now")
    parser.add_argument("--offline", action="store_true", help="build one that carries its dependencies")
    options = parser.parse_args(arguments)
    given: Path | None = options.package
    with tempfile.TemporaryDirectory() as folder, replay_server() as base_url:
        package = given.resolve() if given else Path(folder) / "built.difypkg"
        if given is None:
            build(package, Path(folder), offline=options.offline)
        return max(_checked(package, Path(folder) / str(number), name, base_url) for number, name in enumerate(WAYS))


def _checked(package: Path, directory: Path, name: str, base_url: str) -> int:
    file, arguments = WAYS[name]
    started = time.monotonic()
    unpack(package, directory)
    if not (directory / file).exists():
        print(f"-     {name}: not in this package")
        return 0
    try:
        python = install(directory, arguments)
        packages = compare_versions(python, directory)
        examine(python, directory, base_url)
        answers = [answer_of(python, directory, base_url), serverless_answer_of(python, directory, base_url)]
    except CheckError as error:
        print(f"FAIL  {name}: {error}")
        return 1
    good = all(answer.startswith(EXPECTED) for answer in answers)
    print(f"{'ok' if good else 'FAIL':<6}{name}: {packages} pinned versions, {answers[0]!r} after {time.monotonic() - started:.0f} s")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
