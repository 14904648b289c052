"""Where this process runs: inside a container or not, and behind which gateway.

Enters: the root of the file system and the environment. Leaves: a few words. The environment holds the daemon's secrets, so nothing of it
is kept but whether it names a proxy.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import attrs

from translator.diagnosis.containers import MARKS, container_word, default_gateway

PROXY_VARIABLES = frozenset({"http_proxy", "https_proxy", "all_proxy"})


@attrs.frozen(slots=True, kw_only=True)
class Surroundings:
    """`container` is the kind of container, "" for none; `gateway` an IPv4 address."""

    container: str = ""
    gateway: str | None = None
    names_proxy: bool = False


def look_around(root: Path = Path("/"), environment: Mapping[str, str] = os.environ) -> Surroundings:
    """Reads what the system says; what cannot be read says nothing."""
    return Surroundings(
        container=container_word([name for name in MARKS if (root / name).exists()], _text(root / "proc/1/cgroup"), environment),
        gateway=default_gateway(_text(root / "proc/net/route")),
        names_proxy=any(value.strip() for name, value in environment.items() if name.lower() in PROXY_VARIABLES),
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
