"""The path of a token as a drawing: the modules it passes, who runs them, and what the token is there.

The token is a recorded one: its line is read from a recording, and what the translator makes of it is asked of the translator.
"""

from html import escape

import attrs

from fixtures.recordings import load
from translator import ReplyStream
from translator.shapes.events import TextDelta

RECORDING = ("0.24.0", "chat-plain")
WIDTH, TOP, STEP, BOX_HEIGHT = 820, 20, 62, 46
LEFT, BOX_WIDTH, TOKEN_X = 20, 330, 372

SERVER, TASK, GREENLET, OUTPUT = "server", "task", "greenlet", "output"
RUNNERS = {TASK: "the request's task in the event loop", GREENLET: "the request's greenlet", OUTPUT: "one for all requests"}

STYLE = """
svg{--back:#ffffff;--fore:#1f2328;--quiet:#59636e;--task:#0969da;--greenlet:#8250df;--output:#1a7f37;--server:#59636e}
@media(prefers-color-scheme:dark){svg{--back:#20242b;--fore:#e6edf3;--quiet:#9198a1;--task:#4493f8;--greenlet:#ab7df8;--output:#3fb950;
--server:#9198a1}}
text{font:13px ui-sans-serif,system-ui,sans-serif;fill:var(--fore)}.name{font-weight:600}.small{font-size:11.5px;fill:var(--quiet)}
.token{font:12px ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace}
rect{fill:var(--back);stroke-width:2}.back{stroke:none}path{fill:none;stroke:var(--quiet);stroke-width:1.5}.tip{fill:var(--quiet);stroke:none}
.task{stroke:var(--task)}.greenlet{stroke:var(--greenlet)}.output{stroke:var(--output)}.server{stroke:var(--server)}
"""


@attrs.frozen(slots=True)
class Stop:
    """A box: a module or one of the two ends, what happens there, who runs it, and what the token is when it leaves."""

    name: str
    does: str
    runner: str
    token: str = ""


def stops() -> tuple[Stop, ...]:
    """From the server to Dify."""
    line, delta = _token()
    text = f"{delta.text!r}".replace("'", '"')
    return (
        Stop("Ollama", "writes a line for each token", SERVER, line),
        Stop("plugin_entry/network/transport.py", "reads the connection", TASK, "bytes, cut anywhere"),
        Stop("plugin_entry/network/inbox.py", "holds them until the request has its turn", TASK, "all bytes that wait"),
        Stop("plugin_entry/serving/chat.py", "takes them, and leads what follows", GREENLET),
        Stop("translator/response/stream.py", "lines, events, the state machine", GREENLET, f"{type(delta).__name__}({text})"),
        Stop(
            "plugin_entry/dify/frames.py", "what the SDK passes on, and its JSON", GREENLET, f'{{"event":"session",…,"content":{text},…}}'
        ),
        Stop("plugin_entry/dify/output.py", "lines of all requests in turn", OUTPUT, "one write for all that wait"),
        Stop("Dify's daemon", "hands it to who asked", SERVER),
    )


def _token() -> tuple[str, TextDelta]:
    """The second line of the recording, and its delta."""
    lines = load(*RECORDING).body.splitlines(keepends=True)
    stream = ReplyStream(model="chat", new_id=lambda: "", estimate_prompt=lambda: 0)
    stream.feed(lines[0])
    (delta,) = stream.feed(lines[1])
    if not isinstance(delta, TextDelta):
        raise TypeError(f"The second line of {'/'.join(RECORDING)} is no text.")
    content = lines[1].decode().partition('"content"')[2].partition("}")[0]
    return f'{{"model":…,"message":{{…,"content"{content}}},…}}', delta


def token_picture() -> str:
    """The whole file."""
    rows = stops()
    height = TOP + STEP * len(rows) + 34
    boxes = "\n".join(_box(number, row) for number, row in enumerate(rows))
    arrows = "\n".join(
        f'<path d="M{LEFT + 60} {TOP + STEP * number + BOX_HEIGHT} v{STEP - BOX_HEIGHT - 1}" marker-end="url(#tip)"/>'
        for number in range(len(rows) - 1)
    )
    legend = "\n".join(
        f'<rect class="{runner}" x="{LEFT + 260 * number}" y="{height - 30}" width="14" height="14" rx="3"/>'
        f'<text class="small" x="{LEFT + 22 + 260 * number}" y="{height - 19}">{words}</text>'
        for number, (runner, words) in enumerate(RUNNERS.items())
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="The path of a token">\n'
        f"<style>{STYLE}</style>\n"
        '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto">'
        '<path class="tip" d="M0 0 L10 5 L0 10 z"/></marker></defs>\n'
        f'<rect class="back" width="{WIDTH}" height="{height}"/>\n{boxes}\n{arrows}\n{legend}\n</svg>\n'
    )


def _box(number: int, row: Stop) -> str:
    y = TOP + STEP * number
    token = f'<text class="token" x="{TOKEN_X}" y="{y + 28}">{escape(row.token, quote=False)}</text>' if row.token else ""
    return (
        f'<rect class="{row.runner}" x="{LEFT}" y="{y}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="8"/>'
        f'<text class="name" x="{LEFT + 14}" y="{y + 20}">{row.name}</text>'
        f'<text class="small" x="{LEFT + 14}" y="{y + 37}">{row.does}</text>{token}'
    )
