"""Pictures are converted in processes of their own: same results, no harm from hostile ones, nothing left behind. Downloads run at once."""

import io
import os
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from plugin_entry.serving import picture_process, pictures
from plugin_entry.serving.pictures import COMMAND, convert
from translator.errors import RequestError
from translator.limits import DEFAULT_LIMITS, MIB
from translator.media import images
from translator.media.sniff import Media

LIMIT = DEFAULT_LIMITS.image_pixels


def file_of(kind: str, mode: str = "RGB") -> bytes:
    target = io.BytesIO()
    image = Image.linear_gradient("L").convert("RGB")
    image.putalpha(Image.radial_gradient("L"))
    image.convert(mode).save(target, kind)
    return target.getvalue()


def refusal_of(work: Callable[..., object], *given: object) -> tuple[str, str]:
    with pytest.raises(RequestError) as caught:
        work(*given)
    return caught.value.code, str(caught.value)


FILES = {
    "WebP": (Media.WEBP, file_of("WEBP")),
    "WebP with alpha": (Media.WEBP, file_of("WEBP", "RGBA")),
    "GIF": (Media.GIF, file_of("GIF", "P")),
    "BMP": (Media.BMP, file_of("BMP")),
    "TIFF": (Media.TIFF, file_of("TIFF", "CMYK")),
    "JPEG 2000": (Media.JPEG2000, file_of("JPEG2000")),
    "JPEG": (Media.JPEG, file_of("JPEG")),
}


@pytest.mark.parametrize(("media", "data"), FILES.values(), ids=FILES)
def test_a_picture_is_the_same_to_the_byte(media: Media, data: bytes) -> None:
    here = images.convert(data, media, LIMIT)
    assert convert(data, media, LIMIT) == here
    assert convert(b64encode(data).decode(), media, LIMIT) == here


@pytest.mark.parametrize(("data", "limit"), [(b"GIF89a", LIMIT), (file_of("GIF", "P"), 10)], ids=["damaged", "too many pixels"])
def test_refusals_are_the_same(data: bytes, limit: int) -> None:
    assert refusal_of(convert, data, Media.GIF, limit) == refusal_of(images.convert, data, Media.GIF, limit)


# --- hostile pictures ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def decoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts other code in the place of `reencode`."""

    def replace(code: str) -> None:
        body = "import os, sys\nclass ConversionError(Exception): pass\ndef reencode(data, decoder, pixel_limit):\n    "
        (tmp_path / "reencode.py").write_text(body + code, "utf-8")
        monkeypatch.setattr(pictures, "_folders", lambda: str(tmp_path))

    return replace


ENDED = (
    "image-damaged",
    "The image begins like a WebP picture, but converting it took too much time or memory, or made the decoder crash. "
    "Convert it to PNG or JPEG and send it again.",
)
CRASHES = {
    "a crash": "os.kill(os.getpid(), 11)",
    "it ends without a word": "os._exit(0)",
    "more memory than allowed": "return b'x' * (2 << 30)",
    "a full disk": "open(__file__ + '.more', 'w').write('x')",
    "an error": "raise ValueError('sk-secret')",
}


@pytest.mark.parametrize("code", CRASHES.values(), ids=CRASHES)
def test_what_ends_the_process_is_refused(code: str, decoder: Callable[[str], None], capfd: pytest.CaptureFixture[str]) -> None:
    decoder(code)
    assert refusal_of(convert, b"x", Media.WEBP, LIMIT) == ENDED
    assert capfd.readouterr() == ("", "")


WITH_ONE_SECOND = f"""
import resource, sys
sys.path.insert(0, {str(Path(picture_process.__file__).parent)!r})
import picture_process
picture_process.LIMITS[resource.RLIMIT_CPU] = 1
picture_process.main(*sys.argv[1:])
"""


def test_an_endless_picture_is_ended(decoder: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    decoder("while True: pass")
    monkeypatch.setattr(pictures, "COMMAND", (sys.executable, "-I", "-S", "-c", WITH_ONE_SECOND))
    assert refusal_of(convert, b"x", Media.WEBP, LIMIT) == ENDED


def test_the_limits_are_set(decoder: Callable[[str], None]) -> None:
    decoder("import resource\n    return repr([resource.getrlimit(kind) for kind in (resource.RLIMIT_AS, resource.RLIMIT_CPU)]).encode()")
    memory, seconds = picture_process.MEMORY_BYTES, picture_process.CPU_S
    assert b64decode(convert(b"x", Media.WEBP, LIMIT)) == repr([(memory, memory), (seconds, seconds)]).encode()


def test_what_is_printed_does_not_mix_with_the_result(decoder: Callable[[str], None], capfd: pytest.CaptureFixture[str]) -> None:
    decoder("print('half a line', flush=True)\n    os.write(2, b'warning')\n    return b'new'")
    assert b64decode(convert(b"x", Media.WEBP, LIMIT)) == b"new"
    assert capfd.readouterr() == ("", "")


def test_it_does_not_see_the_secrets_of_the_daemon(decoder: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMOTE_INSTALL_KEY", "sk-secret")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    decoder("return repr(dict(os.environ)).encode()")
    seen = b64decode(convert(b"x", Media.WEBP, LIMIT))
    assert b"C.UTF-8" in seen
    assert b"sk-secret" not in seen


# --- the process -----------------------------------------------------------------------------------------------------------------


def test_no_process_stays(decoder: Callable[[str], None]) -> None:
    decoder("return str(os.getpid()).encode()")
    pid = int(b64decode(convert(b"x", Media.WEBP, LIMIT)))
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_it_brings_neither_the_library_nor_the_plugin(decoder: Callable[[str], None]) -> None:
    decoder("return repr(sorted(sys.modules)).encode()")
    seen = b64decode(convert(b"x", Media.WEBP, LIMIT))
    assert b"translator" not in seen
    assert b"plugin_entry" not in seen
    assert b"site" not in seen.replace(b"sitecustomize", b"")


def test_without_a_process_the_picture_is_refused(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(pictures, "COMMAND", ("/nonexistent/python",))
    code, text = refusal_of(convert, b"x", Media.WEBP, LIMIT)
    assert (code, "can start no process to convert it" in text) == ("image-format", True)
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_no_descriptor_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    before = len(os.listdir("/dev/fd"))
    for command in (COMMAND, (sys.executable, "-c", ""), ("/nonexistent/python",)):
        monkeypatch.setattr(pictures, "COMMAND", command)
        refusal_of(convert, b"x" * MIB, Media.WEBP, LIMIT)
    assert len(os.listdir("/dev/fd")) == before


def test_without_free_descriptors_the_picture_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    before, pipe, pipes = len(os.listdir("/dev/fd")), os.pipe, list[tuple[int, int]]()

    def last_pipe() -> tuple[int, int]:
        if pipes:
            raise OSError(24, "Too many open files")
        pipes.append(pipe())
        return pipes[0]

    monkeypatch.setattr(os, "pipe", last_pipe)
    assert refusal_of(convert, b"x", Media.WEBP, LIMIT)[0] == "image-format"
    assert len(os.listdir("/dev/fd")) == before


def test_large_files_go_both_ways(decoder: Callable[[str], None]) -> None:
    """More than pipes hold."""
    decoder("return data[::-1]")
    data = bytes(range(256)) * (4 * MIB // 256)
    assert b64decode(convert(data, Media.WEBP, LIMIT)) == data[::-1]
