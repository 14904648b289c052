"""The server's own rules for what it reads, as a test double: what it would refuse raises `Refused`.

The texts are those of the recordings; `test_options.py` and `test_thinking.py` in `tests/translator/request/` hold
the double against them.
"""

import re
from collections.abc import Mapping
from typing import Any

from translator.versions import ServerVersion

INTS = frozenset(
    {
        "num_ctx", "num_batch", "num_gpu", "main_gpu", "num_thread", "draft_num_predict",
        "num_keep", "seed", "num_predict", "top_k", "repeat_last_n",
    }
)  # fmt: skip
FLOATS = frozenset({"top_p", "min_p", "typical_p", "repeat_penalty", "temperature", "presence_penalty", "frequency_penalty"})
BOOLS = frozenset({"use_mmap"})
DEFAULTS = {
    "temperature": 0.8, "top_p": 0.9, "top_k": 40, "min_p": 0.0, "typical_p": 1.0, "seed": -1, "num_predict": -1,
    "repeat_last_n": 64, "repeat_penalty": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0,
    "num_keep": 4, "num_batch": 512, "num_gpu": -1, "num_thread": 0,
}  # fmt: skip
"""DefaultOptions of api/types.go; what depends on machine, model or environment has none."""
DURATION = re.compile(r"[+-]?(?:0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)", re.ASCII)
INT64 = 2**63


class Refused(AssertionError):
    """The server answers 400 or 500."""


def read_options(options: Mapping[str, Any]) -> None:
    """Options.FromMap of api/types.go (0.33.0); names nobody knows are refused here, though the server only logs them."""
    for name, value in options.items():
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if name in INTS and not (is_number and float(value).is_integer() and abs(value) < INT64):
            raise Refused(f'option "{name}" must be of type integer')
        if name in FLOATS and not is_number:
            raise Refused(f'option "{name}" must be of type float32')
        if name in BOOLS and not isinstance(value, bool):
            raise Refused(f'option "{name}" must be of type boolean')
        if name == "stop" and not isinstance(value, list):
            raise Refused('option "stop" must be of type array')
        if name == "stop" and not all(isinstance(item, str) for item in value):
            raise Refused('option "stop" must be of an array of strings')
        if name not in INTS | FLOATS | BOOLS | {"stop"}:
            raise Refused(f"unknown option {name}")


def read_keep_alive(value: object) -> None:
    """Duration.UnmarshalJSON of api/types.go."""
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool) and value * 10**9 < INT64):
        return
    if isinstance(value, str) and DURATION.fullmatch(value):
        return
    if isinstance(value, str) and re.fullmatch(r"[+-]?\d+", value):
        raise Refused(f'time: missing unit in duration "{value}"')
    raise Refused(f'time: invalid duration "{value}"')


def read_think(think: object, *, version: ServerVersion, thinks: bool, gpt_oss: bool, name: str = "m") -> None:
    """What ChatHandler and ThinkValue accept, by version."""
    if think is None or version < ServerVersion(0, 9):
        return
    if isinstance(think, str):
        _read_level(think, version, gpt_oss)
    if think is False and not thinks and ServerVersion(0, 12, 4) <= version < ServerVersion(0, 12, 5):
        raise Refused(f'"{name}" does not support thinking')
    if think is not False and not thinks:
        full = name if version >= ServerVersion(0, 12) else f"registry.ollama.ai/library/{name}:latest"
        raise Refused(f'"{full}" does not support thinking' if version >= ServerVersion(0, 12) else f"{full} does not support thinking")


def _read_level(level: str, version: ServerVersion, gpt_oss: bool) -> None:
    if version < ServerVersion(0, 11):
        raise Refused("json: cannot unmarshal string into Go struct field ChatRequest.think of type bool")
    known = ("high", "medium", "low", "max") if version >= ServerVersion(0, 22) else ("high", "medium", "low")
    if level not in known:
        raise Refused(f'invalid think value: "{level}" (must be {", ".join(f'"{word}"' for word in known)}, true, or false)')
    if not gpt_oss and version < ServerVersion(0, 17, 7):
        raise Refused(f'think value "{level}" is not supported for this model')
