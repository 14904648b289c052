"""A headless Chromium, driven through ChromeDriver with nothing but HTTP.

It tells what a page says, what it complained of and what it asked for, and takes pictures of it. Needs Debian's
packages `chromium` and `chromium-driver`, or others of that name.
"""

import base64
import json
import re
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs

CHROMIUM, DRIVER = ("chromium", "chromium-browser", "google-chrome"), ("chromedriver",)
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars"),
    # without these the browser itself looks for hosts that a closed network does not have
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions"),
)
READY = re.compile(r"started successfully on port (\d+)")
ANSWER_WITHIN_S = 60.0


class BrowserError(RuntimeError):
    """There is no browser, or it does not do what it is told."""


@attrs.frozen(slots=True)
class Browser:
    """One window."""

    _session: str

    def open(self, url: str) -> None:
        """Loads a page to its end."""
        self._call("POST", "/url", {"url": url})

    def resize(self, width: int, height: int) -> None:
        """In pixels, of what the page sees."""
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def prefer(self, scheme: str) -> None:
        """`light` or `dark`, as a person's desktop says."""
        self.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def ask(self, expression: str) -> Any:
        """The value of an expression in the page; works under any content policy."""
        answer = self.devtools("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise BrowserError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def click(self, selector: str) -> None:
        """As a person does: the element must be there, in view, and not covered. Raises BrowserError."""
        element = self._call("POST", "/element", {"using": "css selector", "value": selector})
        (reference,) = element.values()
        self._call("POST", f"/element/{reference}/click", {})

    def complaints(self) -> list[str]:
        """What the console holds since it was asked last."""
        return [entry["message"] for entry in self._call("POST", "/se/log", {"type": "browser"})]

    def requests(self) -> list[str]:
        """The addresses the pages asked for since it was asked last."""
        entries = [json.loads(entry["message"])["message"] for entry in self._call("POST", "/se/log", {"type": "performance"})]
        return [entry["params"]["request"]["url"] for entry in entries if entry["method"] == "Network.requestWillBeSent"]

    def picture(self, path: Path) -> None:
        """Writes what is in view as a PNG."""
        path.write_bytes(base64.b64decode(self._call("GET", "/screenshot")))

    def devtools(self, command: str, **params: Any) -> Any:
        """A command of the DevTools protocol."""
        return self._call("POST", "/goog/cdp/execute", {"cmd": command, "params": params})

    def _call(self, method: str, path: str, body: object = None) -> Any:
        return _call(method, self._session + path, body)


@contextmanager
def browser() -> Iterator[Browser]:
    """A fresh one. Raises BrowserError when none is installed."""
    binary, driver = _installed(CHROMIUM), _installed(DRIVER)
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,
        subprocess.Popen((driver, "--port=0"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process,
    ):
        try:
            base = f"http://127.0.0.1:{_port(process)}"
            options = {"binary": binary, "args": [*FLAGS, f"--user-data-dir={profile}"]}
            wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}
            session = f"{base}/session/{_call('POST', f'{base}/session', {'capabilities': {'alwaysMatch': wanted}})['sessionId']}"
            try:
                yield Browser(session)
            finally:
                _call("DELETE", session)
        finally:
            process.terminate()


def _installed(names: tuple[str, ...]) -> str:
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        raise BrowserError(f"There is no {names[0]} here. Install Debian's packages chromium and chromium-driver, or others of that name.")
    return found


def _port(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if ready := READY.search(line):
            return ready[1]
    raise BrowserError("ChromeDriver ended before it was ready.")


def _call(method: str, url: str, body: object = None) -> Any:
    request = urllib.request.Request(
        url, None if body is None else json.dumps(body).encode(), {"Content-Type": "application/json"}, method=method
    )
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_WITHIN_S) as response:
            return json.load(response)["value"]
    except urllib.error.HTTPError as error:
        raise BrowserError(f"{url.rpartition('/')[2]}: {json.load(error)['value']['message']}") from error
