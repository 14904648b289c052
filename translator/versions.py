"""Which server answers: a version that can be compared, and the versions at which the request side changes its spelling.

A server built from source calls itself `0.0.0`; that, an unreadable text and no text at all mean "assume the newest", because unknown
request fields are ignored by every server while an old spelling would lose meaning on a new one.
"""

import re
import sys
from typing import NamedTuple, Self

_VERSION = re.compile(r"\s*v?(\d{1,9})\.(\d{1,9})(?:\.(\d{1,9}))?(?:-(?:rc|alpha|beta|pre)[.-]?(\d{1,9}))?(?![\d.])")
_FINAL = sys.maxsize
_UNSTAMPED = (0, 0, 0)


class ServerVersion(NamedTuple):
    """Release numbers and, below the final release, the number of a release candidate (`0.33.0-rc2` < `0.33.0`)."""

    major: int
    minor: int
    patch: int = 0
    candidate: int = _FINAL

    @classmethod
    def parse(cls, text: str | None) -> Self:
        """Reads `0.24.0`, `v0.24`, `0.33.0-rc2`, `0.24.0-5-gdeadbee`; everything else, and `0.0.0`, is the newest version."""
        match = _VERSION.match(text or "")
        if match is None:
            return cls.newest()
        major, minor, patch, candidate = match.groups()
        release = (int(major), int(minor), int(patch or 0))
        if release == _UNSTAMPED:
            return cls.newest()
        return cls(*release, candidate=_FINAL if candidate is None else int(candidate))

    @classmethod
    def newest(cls) -> Self:
        """The version above all others, used when nothing is known."""
        return cls(sys.maxsize, 0)

    @property
    def is_known(self) -> bool:
        """False when the server did not say which version it is."""
        return self.major != sys.maxsize

    def __str__(self) -> str:
        if not self.is_known:
            return "unknown"
        release = f"{self.major}.{self.minor}.{self.patch}"
        return release if self.candidate == _FINAL else f"{release}-rc{self.candidate}"


NEWEST = ServerVersion.newest()
"""What to assume of a server whose version is not known."""

CAPABILITIES = ServerVersion(0, 6, 4)
"""`capabilities` in `/api/show` (api/types.go, ShowResponse)."""
TOOL_TYPE_LISTS = ServerVersion(0, 6, 6)
"""Tool properties take `type` lists, `items` and enum values that are no strings (api/types.go, PropertyType); before, 400 or dropped."""
STREAMED_TOOLS = ServerVersion(0, 8, 0)
"""Text and tool calls are streamed while tools are offered (server/routes.go, ChatHandler; 0.5.13 `tool-after-text`)."""
THINK = ServerVersion(0, 9, 0)
"""`think` and `message.thinking` (api/types.go); ignored before (0.5.13 recordings show raw tags)."""
RUNNING_WINDOW = ServerVersion(0, 10, 0)
"""`context_length` in `/api/ps`: the window a model runs with (api/types.go, ProcessModelResponse; 0.9.6 `ps` lacks it)."""
THINK_LEVELS = ServerVersion(0, 11, 0)
"""`think` may be `low`, `medium`, `high` (api/types.go, ThinkValue); before, 400 (0.9.6 `think-high`). gpt-oss only until 0.17.7."""
TOOL_ANY_OF = ServerVersion(0, 11, 3)
"""Tool properties take `anyOf` (api/types.go, ToolProperty); dropped before."""
EMBED_DIMENSIONS = ServerVersion(0, 11, 11)
"""`dimensions` of `/api/embed` (api/types.go, EmbedRequest)."""
THINK_BY_DEFAULT = ServerVersion(0, 12, 4)
"""An absent `think` means true on thinking models (server/routes.go, ChatHandler)."""
THINK_FALSE_ANYWHERE = ServerVersion(0, 12, 5)
"""`think: false` is accepted by every model; 0.12.4 alone refused it (server/routes.go, ChatHandler)."""
TRUNCATE = ServerVersion(0, 12, 6)
"""`truncate` and `shift`, and real HTTP statuses for errors before the stream (api/types.go, ChatRequest)."""
LOGPROBS = ServerVersion(0, 12, 11)
"""`logprobs` and `top_logprobs` (api/types.go, ChatRequest)."""
TOOL_NESTED_PROPERTIES = ServerVersion(0, 13, 5)
"""Tool properties take nested `properties` (api/types.go, ToolProperty); dropped before."""
THINK_LEVELS_ANYWHERE = ServerVersion(0, 17, 7)
"""Think levels on every thinking model (server/routes.go, ChatHandler)."""
TOOL_NESTED_REQUIRED = ServerVersion(0, 20, 0)
"""Tool properties take nested `required` (api/types.go, ToolProperty); dropped before."""
THINK_MAX = ServerVersion(0, 22, 0)
"""`think: "max"` (api/types.go, ThinkValue)."""
LLAMA_SERVER = ServerVersion(0, 30, 0)
"""Models run in llama-server; `size_vram` in `/api/ps` is no sign of a GPU any more (0.33.0-rc2-real `ps-after`, made without one)."""
FORMAT_WITHOUT_THINKING = ServerVersion(0, 31, 2)
"""`format` is honoured together with `think: false` by every built-in parser (server/routes.go, ChatHandler)."""
