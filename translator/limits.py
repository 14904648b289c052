"""Sizes at which the translation stops and says so, so that no reply or picture can exhaust the process or hold up others.

Passed in, never read from the environment: the library keeps no global settings. The manual has a page made from this file.
"""

from collections.abc import Mapping

import attrs

MIB = 1024 * 1024

FRAME_BYTES = 4 * MIB
"""What may go to Dify in one piece. Its daemon kills a plugin, and with it every answer, that writes a line over 5 MiB
(PLUGIN_STDIO_MAX_BUFFER_SIZE); the difference is for what stands around a payload.
"""

SLICE_LINES, SLICE_BYTES = 128, 4 * 1024
"""What is read of a reply in one go before others may have their turn (see `ReplyStream.slices`): so many lines, or so many bytes of lines
that are more than the next piece of text. The dearest lines known make 3 milliseconds of it."""


WHOLE_REPLY_BYTES = 16 * MIB
"""A reply that is read as a whole, after it was unpacked, where its route says nothing else. One character beyond the basic plane makes a
text take four bytes for each of its characters, so this may become 80 MiB."""

REPLY_BYTES: Mapping[str, int] = {
    "/api/version": MIB // 16,
    "/api/me": MIB // 16,
    "/api/ps": MIB,
    "/api/show": 4 * MIB,
    "/api/tags": 4 * MIB,
}
"""The same for the small questions, by route. The description of a model with a thousand tensors has 200 kB, most of it licence and
tensors; a list of a thousand models has half a million bytes."""

VECTORS_BYTES = 32 * MIB
"""The vectors of one request at most; Dify takes `FRAME_BYTES` of them."""

MOST_DIMENSIONS, NUMBER_BYTES = 16 * 1024, 25
"""Numbers of one vector, four times what large models have, and what the longest number takes with a comma and a blank."""

REFUSAL_BYTES = MIB
"""Of a refusal that are read; it says all it has to say in the first few."""


def vectors_bytes(texts: int) -> int:
    """Bytes that a reply with so many vectors may have."""
    return min(VECTORS_BYTES, MIB + texts * MOST_DIMENSIONS * NUMBER_BYTES)


def scores_bytes(documents: int, sent: int) -> int:
    """Bytes that a reply with the scores of so many documents may have. Services repeat the documents, each character as its escape."""
    return min(2 * WHOLE_REPLY_BYTES, MIB + documents * 1024 + 6 * sent)


@attrs.frozen(slots=True, kw_only=True)
class Limits:
    """Upper bounds; sizes in bytes unless said otherwise."""

    line_bytes: int = 16 * MIB
    """One line of a reply. Ollama's own client stops at 8 MB (api/client.go, maxBufferSize)."""

    line_values: int = 300_000
    """Values in one line of a reply. The most that servers send is the `context` of `/api/generate`: a number per token of the window."""

    line_containers: int = 60_000
    """Lists and objects in one line of a reply. They cost the most to parse: 16 MiB of them are seconds in which nothing else runs. So many
    are 4 MiB of records in the arguments of a call, and 20 milliseconds."""

    silent_lines: int = 20_000
    """Lines in a row that say nothing: empty ones, objects without text or call, text and thinking that is only white space. Some servers
    send an empty line for each token of a tool call (0.11 with gpt-oss)."""

    reply_bytes: int = 1024 * MIB
    """One reply as it arrives, whatever it says; each line counts for 1 KiB more. A line is a token with some 150 bytes of JSON around it,
    so this is an answer of nearly a million tokens. Dify ends an answer after 600 seconds."""

    answer_bytes: int = 64 * MIB
    """One whole answer in UTF-8: text, thinking and tool calls. No model writes so much on purpose, and a caller that does not stream holds
    all of it. Users set it per model (`max_answer_size` in `translator.settings.credentials`)."""

    calls: int = 1_000
    """Tool calls of one answer."""

    calls_bytes: int = FRAME_BYTES
    """Tool calls of one answer, all together, as Dify takes them in one piece."""

    frame_chars: int = 256 * 1024
    """Characters of text in one delta; with escapes they fit into a frame (see `FRAME_BYTES`)."""

    image_bytes: int = 20 * MIB
    """One picture as it arrives, before any re-encoding."""

    image_pixels: int = 50_000_000
    """Width times height of a picture that has to be decoded."""


DEFAULT_LIMITS = Limits()
