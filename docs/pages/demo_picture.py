"""What `dify-ollama demo` shows, as a picture: the first thing that a reader of the README sees.

`LINES` is copied from a run; a test of the demo compares them with a run of today, figures aside. The SVG file needs no font and no other
file, and follows the reader's light or dark.
"""

import textwrap
from html import escape

TITLE, USER, THOUGHT, PLAIN, TOOL, QUIET, GOOD, BAD = "title", "user", "thought", "plain", "tool", "quiet", "good", "bad"

LINES: tuple[tuple[str, str], ...] = (
    (TITLE, "2. An answer with thinking"),
    (USER, "qwen35-think ← What makes the sky blue? Keep it short."),
    (THOUGHT, "thinking: The user asks about the sky."),
    (THOUGHT, "Keep it short."),
    (PLAIN, "Rayleigh scattering makes it blue."),
    (QUIET, "finish reason stop · 3 prompt + 19 answer tokens · 62.2 tokens/s · first chunk after 45 ms · 21 frames"),
    (PLAIN, ""),
    (TITLE, "4. Parallel tool calls, and the turn with their results"),
    (USER, "tool-two ← How is the weather in Paris and in Oslo? Ask for both cities at once."),
    (TOOL, 'calls get_weather({"city":"Paris"})'),
    (TOOL, 'calls get_weather({"city":"Oslo"})'),
    (QUIET, "finish reason tool_calls · 131 prompt + 14 answer tokens · first chunk after 80 ms · 2 frames"),
    (TOOL, "fed back: get_weather → 21 °C, sunny"),
    (TOOL, "fed back: get_weather → 9 °C, rain"),
    (PLAIN, "It is 21 °C in Paris."),
    (QUIET, "finish reason stop · 489 prompt + 8 answer tokens · 58.5 tokens/s · first chunk after 43 ms · 8 frames"),
    (PLAIN, ""),
    (TITLE, "7. An error in the middle of an answer"),
    (USER, "native-crash-message ← What is the answer?"),
    (PLAIN, "The answer is not"),
    (
        BAD,
        'error: The computation of the model "native-crash-message" failed on the server\'s hardware. The server said: "an error was '
        'encountered while running the model: CUDA error: an illegal memory access was encountered". Try again; if it comes back, update '
        "the graphics driver and Ollama, or lower the context size.",
    ),
    (PLAIN, ""),
    (GOOD, "All 7 scenes came out as they should."),
)
"""Kind and text; three of the seven scenes."""

COMMAND = "$ uv run dify-ollama demo"
COLUMNS = 104
ROW, CHARACTER, MARGIN, TOP = 19, 7.9, 20, 34
"""Pixels: height of a line, width of a character, and the room at the sides and above."""

STYLE = """
svg{--back:#f6f8fa;--edge:#d1d9e0;--plain:#1f2328;--quiet:#59636e;--title:#0550ae;--tool:#8250df;--good:#1a7f37;--bad:#cf222e}
@media(prefers-color-scheme:dark){svg{--back:#151b23;--edge:#3d444d;--plain:#e6edf3;--quiet:#9198a1;--title:#79c0ff;--tool:#d2a8ff;
--good:#3fb950;--bad:#ff7b72}}
rect{fill:var(--back);stroke:var(--edge)}
text{font:13px ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace;fill:var(--plain);white-space:pre}
.title{fill:var(--title);font-weight:600}.user{font-weight:600}.thought{fill:var(--quiet);font-style:italic}.quiet{fill:var(--quiet)}
.tool{fill:var(--tool)}.good{fill:var(--good);font-weight:600}.bad{fill:var(--bad)}
"""


def demo_picture() -> str:
    """The whole file."""
    rows = [(USER, COMMAND), (PLAIN, "")]
    for kind, text in LINES:
        rows += [(kind, part) for part in textwrap.wrap(text, COLUMNS)] or [(kind, "")]
    width, height = round(2 * MARGIN + COLUMNS * CHARACTER), TOP + ROW * len(rows)
    texts = "\n".join(
        f'<text class="{kind}" x="{MARGIN}" y="{TOP + ROW * number}">{escape(text, quote=False)}</text>'
        for number, (kind, text) in enumerate(rows)
        if text
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-label="What the demo shows">\n'
        f'<style>{STYLE}</style>\n<rect x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8"/>\n{texts}\n</svg>\n'
    )
