"""Runs the plugin with a guard over the interpreter: `python -m tests.stdio.plugin_without_network REPORT`.

Every attempt to connect to, to ask or to resolve anything but this machine fails, and so does every new process; each is written to the
report, and so is each module that is imported. CPython's audit events see all of it below every library, patched or not.
"""

import ipaddress
import json
import os
import runpy
import sys
from collections.abc import Callable
from typing import Any

LOCAL_NAMES = {"localhost", ""}


def is_local(address: object) -> bool:
    """Whether a host, or the address of a socket, is this machine."""
    host = address[0] if isinstance(address, tuple) else address
    if isinstance(host, bytes):
        host = host.decode()
    if not isinstance(host, str):
        return host is None
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in LOCAL_NAMES


def _host(arguments: tuple[Any, ...]) -> object:
    return arguments[0]


def _target(arguments: tuple[Any, ...]) -> object:
    return arguments[1]


def _process(arguments: tuple[Any, ...]) -> object:
    return f"process {arguments[0]!r}"


GUARDED: dict[str, Callable[[tuple[Any, ...]], object]] = {
    "socket.connect": _target,
    "socket.sendto": _target,
    "socket.sendmsg": _target,
    "socket.getaddrinfo": _host,
    "socket.gethostbyname": _host,
    "socket.gethostbyaddr": _host,
    "socket.getnameinfo": _host,
    "subprocess.Popen": _process,
    "os.system": _process,
    "os.exec": _process,
    "os.posix_spawn": _process,
}
"""Event to what it wants to reach."""


def guard(report: int) -> None:
    """Installs the guard; `report` is the descriptor of the report."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "import":
            os.write(report, json.dumps(["import", arguments[0]]).encode() + b"\n")
        elif (target := GUARDED.get(event)) is not None and not is_local(wanted := target(arguments)):
            os.write(report, json.dumps([event, str(wanted)]).encode() + b"\n")
            raise PermissionError(f"the guard refuses {event}")

    sys.addaudithook(hook)


def main() -> None:
    """Guards this process, then is the plugin."""
    guard(os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND))
    runpy.run_module("plugin_entry.main", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
