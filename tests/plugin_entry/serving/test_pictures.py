"""The second process for heavy work: the same results, the same refusals, and no harm when it is missing, killed or crashes."""

import io
import json
import os
import signal
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator

import pytest
from PIL import Image

from plugin_entry.serving import pictures
from plugin_entry.serving.pictures import MANY, Side, SideLostError, SideUnavailableError, arguments_aside, convert_aside
from tests.structure.sources import ROOT
from translator.codec import dumps
from translator.errors import RequestError
from translator.limits import DEFAULT_LIMITS, MIB
from translator.media.images import convert, image_to_base64
from translator.media.sniff import Media
from translator.schema.json_data import arguments_to_object
from translator.shapes.wire import SpelledObject

WITHIN_S = 30
LIMIT = DEFAULT_LIMITS.image_pixels
ODD_JOBS = """
import os
from plugin_entry.serving import side_process
def crash(settings, data): os._exit(9)
def talk(settings, data):
    print("half a line", flush=True)
    return b"said"
def environment(settings, data): return repr(dict(os.environ)).encode()
side_process.JOBS = {**side_process.JOBS, "crash": crash, "talk": talk, "environment": environment}
side_process.main()
"""


@pytest.fixture(scope="module")
def one() -> Iterator[Side]:
    """The plugin's own, with a few jobs more."""
    started = Side((sys.executable, "-c", ODD_JOBS))
    yield started
    started.close()


@pytest.fixture
def _used(one: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "SIDE", one)


def file_of(kind: str, mode: str = "RGB") -> bytes:
    target = io.BytesIO()
    image = Image.linear_gradient("L").convert("RGB")
    image.putalpha(Image.radial_gradient("L"))
    image.convert(mode).save(target, kind)
    return target.getvalue()


def refusal_of(work: object, *given: object) -> tuple[str, str]:
    assert callable(work)
    with pytest.raises(RequestError) as caught:
        work(*given)
    return caught.value.code, str(caught.value)


# --- pictures --------------------------------------------------------------------------------------------------------------------

FILES = {
    "WebP": (Media.WEBP, file_of("WEBP")),
    "WebP with alpha": (Media.WEBP, file_of("WEBP", "RGBA")),
    "GIF": (Media.GIF, file_of("GIF", "P")),
    "BMP": (Media.BMP, file_of("BMP")),
    "TIFF": (Media.TIFF, file_of("TIFF", "CMYK")),
    "JPEG 2000": (Media.JPEG2000, file_of("JPEG2000")),
}


@pytest.mark.usefixtures("_used")
@pytest.mark.parametrize(("media", "data"), FILES.values(), ids=FILES)
def test_pictures_are_the_same_to_the_byte(media: Media, data: bytes) -> None:
    here = convert(data, media, LIMIT)
    assert convert_aside(data, media, LIMIT) == here
    assert convert_aside(b64encode(data).decode(), media, LIMIT) == here
    assert image_to_base64(data, DEFAULT_LIMITS, convert_aside) == here


@pytest.mark.usefixtures("_used")
@pytest.mark.parametrize(("data", "limit"), [(b"GIF89a", LIMIT), (file_of("GIF", "P"), 10)], ids=["damaged", "too many pixels"])
def test_refusals_of_pictures_are_the_same(data: bytes, limit: int) -> None:
    assert refusal_of(convert_aside, data, Media.GIF, limit) == refusal_of(convert, data, Media.GIF, limit)


# --- arguments -------------------------------------------------------------------------------------------------------------------

LONG = "y" * MANY
ARGUMENTS = {
    "records": json.dumps({"x": [{"k": number, "v": "é" * 50} for number in range(MANY // 70)]}),
    "numbers": json.dumps({"a": [1e-7, 1e16, 2**70, 0.1, -0.0], "b": LONG}),
    "a lone surrogate": json.dumps({"a": "\ud800", "b": LONG}),
    "the text has one itself": f'{{"a": "\ud800", "b": "{LONG}"}}',
    "blanks and keys twice": f'{{ "a" : 1,\n "b": "{LONG}", "a": [ ] }}',
}


@pytest.mark.usefixtures("_used")
@pytest.mark.parametrize("text", ARGUMENTS.values(), ids=ARGUMENTS)
def test_arguments_are_sent_the_same_to_the_byte(text: str) -> None:
    spelled = arguments_aside(text, "f")
    assert isinstance(spelled, SpelledObject)
    assert dumps({"arguments": spelled}) == dumps({"arguments": arguments_to_object(text, "f")})
    assert spelled == arguments_to_object(text, "f")


BROKEN = {"malformed": f'{{"a": "{LONG}"', "a list": f'["{LONG}"]', "too deep": "[" * 300 + f'"{LONG}"' + "]" * 300}


@pytest.mark.usefixtures("_used")
@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_refusals_of_arguments_are_the_same(text: str) -> None:
    told = refusal_of(arguments_aside, text, "f")
    assert told == refusal_of(arguments_to_object, text, "f")
    assert "yyy" not in told[1]


def test_small_arguments_stay_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "SIDE", None)
    assert arguments_aside('{"a": 1}', "f") == {"a": 1}


# --- the process -----------------------------------------------------------------------------------------------------------------


def test_it_starts_with_the_first_job_and_goes_on() -> None:
    fresh = Side()
    assert fresh.pid is None
    assert fresh.do({"job": "arguments", "name": "f"}, b'{ "a": 1 }') == b'{"a":1}'
    first = fresh.pid
    fresh.do({"job": "arguments", "name": "f"}, b"{}")
    assert fresh.pid == first
    fresh.close()
    assert fresh.pid is None


def test_one_that_was_killed_is_replaced(one: Side) -> None:
    one.do({"job": "arguments", "name": "f"}, b"{}")
    before = one.pid
    assert before is not None
    os.kill(before, signal.SIGKILL)
    assert one.do({"job": "arguments", "name": "f"}, b"{}") == b"{}"
    assert one.pid != before


def test_a_job_that_ends_it_is_given_up(one: Side) -> None:
    with pytest.raises(SideLostError):
        one.do({"job": "crash"}, b"")
    assert one.do({"job": "arguments", "name": "f"}, b"{}") == b"{}"


def test_a_picture_that_ends_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    crashing = Side((sys.executable, "-c", ODD_JOBS.replace('"crash": crash', '"convert": crash')))
    monkeypatch.setattr(pictures, "SIDE", crashing)
    assert refusal_of(convert_aside, b"x", Media.WEBP, LIMIT) == (
        "image-damaged",
        "The image begins like a WebP picture, but the program that converts it ended. Convert it to PNG or JPEG and send it again.",
    )
    crashing.close()


def test_what_is_printed_does_not_mix_with_results(one: Side, capfd: pytest.CaptureFixture[str]) -> None:
    one.close()  # so that the next one inherits the descriptors of this test
    assert one.do({"job": "talk"}, b"") == b"said"
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "half a line\n")


def test_it_does_not_see_the_secrets_of_the_daemon(one: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMOTE_INSTALL_KEY", "sk-secret")
    one.close()
    seen = one.do({"job": "environment"}, b"")
    assert b"PYTHONPATH" in seen
    assert b"sk-secret" not in seen


MISSING = {"no such program": ("/nonexistent/python",), "one that ends at once": (sys.executable, "-c", "")}


@pytest.mark.parametrize("command", MISSING.values(), ids=MISSING)
def test_without_it_the_work_is_done_here(
    command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(pictures, "SIDE", Side(command))
    with pytest.raises(SideUnavailableError):
        pictures.SIDE.do({"job": "arguments", "name": "f"}, b"{}")
    media, data = FILES["WebP"]
    assert convert_aside(data, media, LIMIT) == convert(data, media, LIMIT)
    assert arguments_aside(ARGUMENTS["records"], "f") == arguments_to_object(ARGUMENTS["records"], "f")
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]


def test_no_descriptor_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    before = len(os.listdir("/dev/fd"))
    for command in MISSING.values():
        with pytest.raises(SideUnavailableError):
            Side(command).do({"job": "arguments", "name": "f"}, b"{}")
    used = Side()
    used.do({"job": "arguments", "name": "f"}, b"{}")
    used.close()
    assert len(os.listdir("/dev/fd")) == before


PLUGIN_LIKE = """
import dify_plugin, sys
from plugin_entry.serving.pictures import SIDE
from plugin_entry.threads import HEAVY, in_thread
in_thread(HEAVY, lambda: SIDE.do({"job": "arguments", "name": "f"}, b"{}"))
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=lambda how: how.name)
def test_it_ends_with_the_plugin(how: signal.Signals) -> None:
    """Both hold the standard error: it ends when both have."""
    with subprocess.Popen(
        (sys.executable, "-c", PLUGIN_LIKE), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(how)
        _, errors = process.communicate(timeout=WITHIN_S)
    assert errors == b""


def test_large_data_goes_both_ways(one: Side) -> None:
    """More than pipes hold."""
    text = json.dumps({"x": "y" * (4 * MIB)}, separators=(",", ":")).encode()
    assert one.do({"job": "arguments", "name": "f"}, text) == text
