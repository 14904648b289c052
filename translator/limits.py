"""Sizes at which the translation stops and says so, so that no reply or picture can exhaust the process.

Passed in, never read from the environment: the library keeps no global settings.
"""

import attrs

MIB = 1024 * 1024

FRAME_BYTES = 4 * MIB
"""What may go to Dify in one piece. Its daemon kills a plugin, and with it every answer, that writes a line over 5 MiB
(PLUGIN_STDIO_MAX_BUFFER_SIZE); the difference is for what stands around a payload.
"""


@attrs.frozen(slots=True, kw_only=True)
class Limits:
    """Upper bounds; sizes in bytes unless said otherwise."""

    line_bytes: int = 16 * MIB
    """One reply line. Ollama's own client stops at 8 MB (api/client.go, maxBufferSize)."""

    answer_bytes: int = 64 * MIB
    """One whole answer in UTF-8: text, thinking and the arguments of tool calls. No model writes so much on purpose, and a caller that
    does not stream holds all of it. Users set it per model (`max_answer_size` in `translator.settings.credentials`)."""

    calls_bytes: int = FRAME_BYTES
    """All tool calls of one line, which Dify takes in one piece. Parsing more would be in vain, and is what holds up
    other answers the longest."""

    frame_chars: int = 256 * 1024
    """Characters of text in one delta; with escapes they fit into a frame (see `FRAME_BYTES`)."""

    image_bytes: int = 20 * MIB
    """One picture as it arrives, before any re-encoding."""

    image_pixels: int = 50_000_000
    """Width times height of a picture that has to be decoded."""


DEFAULT_LIMITS = Limits()
