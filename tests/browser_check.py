"""Looks at the pages people look at, in a real browser: `python -m tests.browser_check [--site FOLDER] [--pictures FOLDER]`.

The pages are those of `dify-ollama trace` for some recordings and, with --site, the manual as mkdocs built it. It prints a line per page.
The exit code is 0 when every page is whole: nothing in the console, nothing asked from elsewhere, everything in its
place by day and by night, and every click does what it says.
"""

import argparse
import itertools
import json
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from typing import Any

from PIL import Image, ImageStat

from plugin_entry.cli import main as command_line
from tests.browser import Browser, BrowserError, browser

TRACES = (
    "0.24.0/think-then-tool",
    "0.24.0/inline-think-unflagged",
    "0.24.0/runner-killed-midway",
    "0.24.0/error-no-tools",
    "0.33.0-rc2/native-crash-midway-message",
)
"""Thinking with a call, tags inside text, an answer that is cut, a refusal, an error inside the stream."""

PAGES = (
    *("index", "using", "architecture", "state-machine", "performance", "errors", "parameters", "compatibility", "decisions", "tutorial"),
    *(
        "migration",
        "offline",
        "several-servers",
        "fault-matrix",
        "modules",
        "form",
        "limits",
        "hostile",
        "reference/index",
        "reference/answer",
        "reference/request",
        "reference/think-splitter",
    ),
)
WIDE, NARROW = (1200, 900), (400, 800)
LEAST_LETTER = 10
"""Pixels that a line of letters is high, at least, so that it can be read."""
ON_TOP = (
    "(tick => (box => document.elementFromPoint((box.left + box.right) / 2, (box.top + box.bottom) / 2) === tick)"
    "(tick.getBoundingClientRect()))(document.querySelector(`svg a[href='#line-{index}'] .tick`))"
)
"""Lines that came at the same time cover one another."""
PARTS = {"wire": "wire", "events": "event", "deltas": "delta", "frames": "frame"}


class LookError(AssertionError):
    """A page is not as it should be."""


def require(found: object, wanted: object, what: str) -> None:
    """Raises LookError."""
    if found != wanted:
        raise LookError(f"{what}: {found!r}, and it should be {wanted!r}")


def look_at_trace(page: Browser, address: str, folder: Path) -> None:
    """Raises LookError, BrowserError."""
    path = folder / f"{address.replace('/', '-')}.html"
    command_line(["trace", address, "--format", "html", "-o", str(path)])
    document = _document(address)
    page.resize(*WIDE)
    page.open(path.as_uri())
    _look_at_lines(page, document)
    _look_at_filters(page)
    _look_at_colours(page, path.as_uri())
    _look_at_pictures(page, folder / path.stem)
    _look_at_narrow_timeline(page)
    _look_behind(page, path.as_uri())


def _document(address: str) -> Any:
    with redirect_stdout(StringIO()) as written:
        command_line(["trace", address, "--format", "json"])
    return json.loads(written.getvalue())


def _look_at_lines(page: Browser, document: Any) -> None:
    lines = document["lines"]
    wire = [index for index, line in enumerate(lines) if line["wire"]]
    require(page.ask("document.querySelectorAll('svg .tick').length"), len(wire), "ticks in the timeline")
    require(page.ask("document.querySelectorAll('section').length"), len(lines), "lines below it")
    shown = [line["wire"] for line in lines if line["wire"]]
    require(page.ask("[...document.querySelectorAll('section .wire pre')].map(each => each.textContent)"), shown, "what was on the wire")
    states = [line["after"] for line in lines if line["before"] != line["after"]]
    require(page.ask("[...document.querySelectorAll('svg .band title')].map(each => each.textContent).slice(1)"), states, "states")
    require(page.ask("document.querySelectorAll('.bad').length > 0"), document["error"] is not None, "an error is shown as one")
    reachable = [index for index in wire if page.ask(ON_TOP.format(index=index))]
    require(reachable != [], True, "a tick that can be clicked")
    for index in (reachable[0], reachable[-1]):
        page.click(f"svg a[href='#line-{index}'] .tick")
        require(page.ask("document.querySelector('section:target').id"), f"line-{index}", "where a click leads")
        in_view = "(box => box.top >= 0 && box.top < innerHeight)(document.querySelector('section:target h2').getBoundingClientRect())"
        require(_soon(page, in_view), True, "that it is in view")
        page.ask("scrollTo({top: 0, behavior: 'instant'})")


def _look_at_filters(page: Browser) -> None:
    for name, part in PARTS.items():
        visible = f"[...document.querySelectorAll('section .{part} dd')].filter(each => each.getClientRects().length).length"
        all_of_them = page.ask(f"document.querySelectorAll('section .{part}').length")
        require(page.ask(visible), all_of_them, f"{name} at first")
        page.click(f"#{name}")
        require(page.ask(visible), 0, f"{name} after they were switched off")
        page.click(f"#{name}")
        require(page.ask(visible), all_of_them, f"{name} after they were switched on again")
    page.click("#moved")
    left = "[...document.querySelectorAll('section')].filter(each => each.getClientRects().length).length"
    require(page.ask(left), page.ask("document.querySelectorAll('section.moved').length"), "lines that move the machine")
    page.click("#moved")


def _look_at_colours(page: Browser, address: str) -> None:
    seen = {}
    for scheme in ("light", "dark"):
        page.prefer(scheme)
        page.open(address)
        seen[scheme] = [_brightness(page, name) for name in ("backgroundColor", "color")]
    require(seen["light"][0] > 200 and seen["light"][1] < 60, True, f"dark on light by day ({seen['light']})")
    require(seen["dark"][0] < 60 and seen["dark"][1] > 200, True, f"light on dark by night ({seen['dark']})")
    page.prefer("light")


def _look_at_pictures(page: Browser, place: Path) -> None:
    """A picture by day and one by night, wide and narrow, as a person sees the page."""
    for size in (NARROW, WIDE):
        page.resize(*size)
        page.ask("scrollTo({top: 0, behavior: 'instant'})")
        shades = {}
        for scheme in ("light", "dark"):
            page.prefer(scheme)
            path = place.with_name(f"trace-{place.name}-{size[0]}-{scheme}.png")
            page.picture(path)
            with Image.open(path) as picture:
                require(picture.size, size, f"the size of {path.name}")
                shades[scheme] = ImageStat.Stat(picture.convert("L")).median[0]
        require(shades["light"] > 200 and shades["dark"] < 60, True, f"pictures by day and by night ({shades})")
    page.prefer("light")


def _look_at_narrow_timeline(page: Browser) -> None:
    """It scrolls in its own box, and can be read."""
    _look_at_width(page, NARROW)
    box = "document.querySelector('figure')"
    require(page.ask(f"{box}.scrollWidth > {box}.clientWidth + 100"), True, "that the timeline scrolls in its box")
    page.ask(f"{box}.scrollTo({{left: {box}.scrollWidth, behavior: 'instant'}})")
    require(page.ask(f"{box}.scrollLeft > 100"), True, "that it was scrolled")
    height = page.ask("document.querySelector('svg text').getBoundingClientRect().height")
    require(height >= LEAST_LETTER, True, f"letters of the timeline that can be read ({height})")


def _brightness(page: Browser, name: str) -> float:
    where = "document.querySelector('.md-typeset') ?? document.body" if name == "color" else "document.body"
    numbers = page.ask(f"getComputedStyle({where}).{name}.match(/\\d+/g).slice(0, 3).map(Number)")
    return float(sum(numbers)) / 3


def _look_at_width(page: Browser, size: tuple[int, int]) -> None:
    page.resize(*size)
    require(page.ask("document.documentElement.scrollWidth <= innerWidth"), True, f"that nothing sticks out at {size[0]} pixels")


def _look_behind(page: Browser, own: str) -> None:
    require(page.complaints(), [], "the console")
    require([url for url in page.requests() if not url.startswith((own, "data:", "about:"))], [], "what was asked from elsewhere")


def look_at_manual(page: Browser, name: str, base: str, pictures: Path | None) -> None:
    """Raises LookError, BrowserError."""
    for size in (NARROW, WIDE):
        page.resize(*size)
        page.open(f"{base}/{name}.html")
        _look_at_width(page, size)
    require(page.ask("document.querySelectorAll('h1').length"), 1, "headings of the page")
    broken = "[...document.images].filter(each => !each.naturalWidth).map(each => each.src)"
    require(page.ask(broken), [], "pictures that are missing")
    clipped = "[...document.querySelectorAll('article pre > code')].filter(each => each.scrollWidth > each.clientWidth + 1).length"
    if name == "architecture":
        require(page.ask(clipped), 0, "pictures in letters that are cut")
    if pictures is not None:
        for size, scheme in itertools.product((NARROW, WIDE), ("light", "dark")):
            page.resize(*size)
            page.prefer(scheme)
            page.open(f"{base}/{name}.html")
            page.picture(pictures / f"manual-{name.replace('/', '-')}-{size[0]}-{scheme}.png")
        page.prefer("light")
    _look_behind(page, base)


TYPED = (
    "(field => {{field.focus(); field.value = {text}; for (const kind of ['input', 'keyup']) "
    "field.dispatchEvent(new Event(kind, {{bubbles: true}}))}})(document.querySelector('{field}'))"
)


def look_at_manual_from_disk(page: Browser, site: Path) -> None:
    """Day and night, the search, and the field above the errors. Raises LookError, BrowserError."""
    page.resize(*WIDE)
    _look_at_colours(page, (site / "errors.html").as_uri())
    page.open((site / "errors.html").as_uri())
    page.ask(TYPED.format(field=".md-search__input", text="'keep_alive'"))
    require(_soon(page, "document.querySelectorAll('.md-search-result__item').length > 0"), True, "that the search finds something")
    rows = "[...document.querySelectorAll('tbody tr')].filter(each => each.getClientRects().length).map(each => each.cells[0].textContent)"
    require(len(page.ask(rows)) > 100, True, "the catalogue at first")
    message = "The computation of the model 'llama3' failed on the server's hardware. The server said: CUDA error. Try again"
    page.ask(TYPED.format(field=".filter input", text=json.dumps(message)))
    require(page.ask(rows), ["gpu_failed"], "the row of a message that was pasted")
    wider = "[...document.querySelectorAll('.md-typeset__scrollwrap')].filter(each => each.scrollWidth > each.clientWidth)"
    for size in (NARROW, WIDE):
        page.resize(*size)
        require(page.ask(f"{wider}.length"), 0, f"tables of errors that do not fit {size[0]} pixels")
    _look_behind(page, site.as_uri())


def _soon(page: Browser, expression: str) -> object:
    """Waits for a page that scrolls gently."""
    for _ in range(100):
        if page.ask(expression):
            return True
        threading.Event().wait(0.02)
    return False


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """A folder under an address of this machine."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Looks at every page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--site", type=Path, help="the manual as built by mkdocs")
    parser.add_argument("--pictures", type=Path, help="where to write pictures of the pages")
    options = parser.parse_args(arguments)
    if options.pictures:
        options.pictures.mkdir(parents=True, exist_ok=True)
    try:
        with browser() as page:
            return max([*_traces(page, options.pictures), *(_manual(page, options.site, options.pictures) if options.site else [])])
    except BrowserError as error:
        print(f"FAIL  the browser: {error}")
        return 1


def _traces(page: Browser, pictures: Path | None) -> Iterator[int]:
    with tempfile.TemporaryDirectory() as folder:
        for address in TRACES:
            yield _told(page, f"trace {address}", partial(look_at_trace, page, address, pictures or Path(folder)))


def _manual(page: Browser, site: Path, pictures: Path | None) -> Iterator[int]:
    with served(site) as base:
        for name in PAGES:
            yield _told(page, f"manual {name}", partial(look_at_manual, page, name, base, pictures))
    yield _told(page, "manual from disk", partial(look_at_manual_from_disk, page, site.resolve()))


def _told(page: Browser, name: str, look: Callable[[], None]) -> int:
    page.open("about:blank")
    for forget in (page.complaints, page.requests):
        forget()  # what came before, the browser's own first page among it
    try:
        look()
    except LookError as error:
        print(f"FAIL  {name}: {error}")
        return 1
    print(f"ok    {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
