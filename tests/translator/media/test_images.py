"""Pictures and sounds: what passes untouched, what is saved anew, what is refused and in which words."""

import base64
import io
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, features

from translator.errors import Family, RequestError
from translator.limits import DEFAULT_LIMITS, Limits
from translator.media.images import audio_to_base64, image_to_base64
from translator.media.sniff import HEAD_BYTES, Media, sniff

TWO_COLOURS = {
    "RGB": ((250, 10, 10), (10, 10, 250)),
    "RGBA": ((250, 10, 10, 255), (10, 10, 250, 0)),
    "CMYK": ((0, 240, 240, 0), (240, 240, 0, 0)),
}


def picture(mode: str = "RGB", size: tuple[int, int] = (48, 32)) -> Image.Image:
    """Left half of one colour, right half of another: tells turned pictures from upright ones."""
    if mode not in TWO_COLOURS:
        return picture("RGB", size).convert(mode)
    left, right = TWO_COLOURS[mode]
    image = Image.new(mode, size, right)
    image.paste(left, (0, 0, size[0] // 2, size[1]))
    return image


def noise(size: tuple[int, int] = (256, 256)) -> Image.Image:
    """More colours than any drawing has, the same at every run."""
    count = size[0] * size[1] * 3
    data = b"".join(struct.pack(">I", zlib.crc32(struct.pack(">I", index))) for index in range(count // 4 + 1))
    return Image.frombytes("RGB", size, data[:count])


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    target = io.BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()


def decoded(text: str) -> Image.Image:
    image = Image.open(io.BytesIO(base64.b64decode(text, validate=True)))
    image.load()
    return image


def as_text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def sized_png(extra: int) -> bytes:
    """Its length differs, and so the padding of its base64."""
    return PNG[:-12] + struct.pack(">I4s", extra, b"pHYs") + bytes(extra + 4) + PNG[-12:]


PNG = saved(picture(), "PNG")
JPEG = saved(picture(), "JPEG", quality=80)
PROGRESSIVE = saved(picture(), "JPEG", progressive=True)
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(28)
MP3_FRAME = b"\xff\xfb\x90\x00" + bytes(413)


def refusal(
    data: bytes | str, limits: Limits = DEFAULT_LIMITS, convert: Callable[[bytes | str, Limits], str] = image_to_base64
) -> RequestError:
    with pytest.raises(RequestError) as caught:
        convert(data, limits)
    assert caught.value.family is Family.BAD_REQUEST
    return caught.value


@pytest.mark.parametrize(
    "data", [PNG, JPEG, PROGRESSIVE, saved(picture("CMYK"), "JPEG"), saved(picture("P"), "PNG"), saved(picture("L"), "JPEG")]
)
def test_png_and_jpeg_pass_untouched(data: bytes) -> None:
    assert image_to_base64(data, DEFAULT_LIMITS) == as_text(data)


SPELLINGS: dict[str, Callable[[bytes], str]] = {
    "bare": as_text,
    "data-url": lambda data: f"data:image/png;base64,{as_text(data)}",
    "upper-case-header": lambda data: f"DATA:IMAGE/PNG;BASE64,{as_text(data)}",
    "wrong-type": lambda data: f"data:application/octet-stream;base64,{as_text(data)}",
    "parameters": lambda data: f"data:image/png;name=a.png; base64, {as_text(data)}",
    "no-type": lambda data: f"data:;base64,{as_text(data)}",
    "lines": lambda data: base64.encodebytes(data).decode().replace("\n", "\r\n"),
    "surrounded": lambda data: f"\n  {as_text(data)}\t\n",
    "spaces-inside": lambda data: " ".join(as_text(data)[index : index + 7] for index in range(0, len(as_text(data)), 7)),
    "no-padding": lambda data: as_text(data).rstrip("="),
    "url-safe": lambda data: base64.urlsafe_b64encode(data).decode(),
    "url-safe-no-padding": lambda data: f"data:image/jpeg;base64,{base64.urlsafe_b64encode(data).decode().rstrip('=')}",
    "percent": lambda data: f"data:image/png;base64,{as_text(data).replace('+', '%2B').replace('/', '%2F').replace('=', '%3D')}",
    "percent-only": lambda data: "data:image/png," + "".join(f"%{byte:02x}" for byte in data),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("data", [sized_png(extra) for extra in range(3)] + [JPEG], ids=["png", "png+1", "png+2", "jpeg"])
def test_every_spelling_becomes_bare_padded_base64(spelling: str, data: bytes) -> None:
    assert image_to_base64(SPELLINGS[spelling](data), DEFAULT_LIMITS) == as_text(data)


def test_clean_base64_is_the_same_object() -> None:
    text = as_text(saved(noise((512, 512)), "PNG"))
    assert image_to_base64(text, DEFAULT_LIMITS) is text


@given(tail=st.binary(max_size=200))
def test_bytes_after_the_end_are_cut_off(tail: bytes) -> None:
    """Cameras append previews, films and notes, which hold places and names as EXIF does."""
    assert image_to_base64(as_text(PNG + tail), DEFAULT_LIMITS) == as_text(PNG)
    assert image_to_base64(as_text(JPEG + tail), DEFAULT_LIMITS) == as_text(JPEG)


REENCODED: dict[str, tuple[Image.Image, str, dict[str, object]]] = {
    "webp": (picture(), "WEBP", {"lossless": True}),
    "webp-alpha": (picture("RGBA"), "WEBP", {"lossless": True}),
    "gif": (picture("P"), "GIF", {}),
    "bmp": (picture(), "BMP", {}),
    "tiff": (picture(), "TIFF", {}),
    "tiff-cmyk": (picture("CMYK"), "TIFF", {}),
    "ico": (picture("RGBA", (32, 32)), "ICO", {"sizes": [(32, 32)]}),
    "jpeg2000": (picture(), "JPEG2000", {"irreversible": False}),
    "ppm": (picture(), "PPM", {}),
    "qoi": (picture(), "QOI", {}),
    **({"avif": (picture(), "AVIF", {})} if features.check("avif") else {}),
}


@pytest.mark.parametrize("name", REENCODED)
def test_other_kinds_become_png(name: str) -> None:
    image, kind, options = REENCODED[name]
    result = decoded(image_to_base64(saved(image, kind, **options), DEFAULT_LIMITS))
    assert (result.format, result.size) == ("PNG", image.size)
    left, right = result.convert("RGBA").getpixel((2, 9)), result.convert("RGBA").getpixel((30, 9))
    assert isinstance(left, tuple)
    assert isinstance(right, tuple)
    assert left[0] > 150 > left[2]
    assert right[3] == 0 if image.mode == "RGBA" else right[2] > 150 > right[0]


def test_avif_without_decoder_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "check", lambda feature: False)
    error = refusal(b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1avif" + bytes(40))
    assert (error.code, "an AVIF picture" in str(error)) == ("image-format", True)


@pytest.mark.parametrize("kind", ["WEBP", "BMP", "TIFF"])
def test_opaque_photos_become_jpeg(kind: str) -> None:
    result = decoded(image_to_base64(saved(noise(), kind), DEFAULT_LIMITS))
    assert (result.format, result.mode, result.size) == ("JPEG", "RGB", (256, 256))


def test_photos_with_transparency_stay_png() -> None:
    image = noise()
    image.putalpha(picture("L", image.size))
    assert decoded(image_to_base64(saved(image, "WEBP", lossless=True), DEFAULT_LIMITS)).mode == "RGBA"


def test_alpha_that_hides_nothing_is_dropped() -> None:
    assert decoded(image_to_base64(saved(noise().convert("RGBA"), "WEBP", lossless=True), DEFAULT_LIMITS)).format == "JPEG"


@pytest.mark.parametrize(("mode", "low", "high"), [("F", -1.5, 2.5), ("I", 0, 1 << 20)])
def test_wide_grey_levels_are_spread_not_clipped(mode: str, low: float, high: float) -> None:
    image = Image.new(mode, (48, 48), low)
    image.paste(high, (4, 0, 48, 48))
    result = decoded(image_to_base64(saved(image, "TIFF"), DEFAULT_LIMITS))
    assert (result.mode, result.getpixel((0, 0)), result.getpixel((47, 0))) == ("L", 0, 255)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "TIFF"])
def test_animations_give_their_first_frame(kind: str) -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    options = {"lossless": True} if kind == "WEBP" else {}
    result = decoded(image_to_base64(saved(frames[0], kind, save_all=True, append_images=frames[1:], **options), DEFAULT_LIMITS))
    assert result.convert("RGB").getpixel((5, 5)) == (255, 0, 0)
    assert getattr(result, "n_frames", 1) == 1


@pytest.mark.parametrize(("kind", "options"), [("WEBP", {"lossless": True}), ("TIFF", {})])
def test_orientation_is_applied_on_reencoding(kind: str, options: dict[str, object]) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    result = decoded(image_to_base64(saved(picture(), kind, exif=exif, **options), DEFAULT_LIMITS))
    assert result.size == (32, 48)
    assert result.convert("RGB").getpixel((5, 5)) == (250, 10, 10)
    assert result.getexif().get(0x0112, 1) == 1


def with_sof(data: bytes, marker: int) -> bytes:
    start = data.index(b"\xff\xc0")
    return data[: start + 1] + bytes([marker]) + data[start + 2 :]


@pytest.mark.parametrize("marker", [0xC3, 0xC5, 0xCB])
def test_rare_jpeg_codings_do_not_pass_untouched(marker: int) -> None:
    """Arithmetic coding and the lossless processes are JPEG too, but servers answer 400 to them; this file only claims to be one."""
    assert refusal(with_sof(JPEG, marker)).code == "image-damaged"


def test_readable_jpeg_with_a_rare_header_is_saved_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("translator.media.images.reencode", lambda data, decoder, pixels: b"anew:" + decoder.encode())
    assert base64.b64decode(image_to_base64(with_sof(JPEG, 0xC9), DEFAULT_LIMITS)) == b"anew:JPEG"


REFUSED: dict[str, tuple[bytes | str, str, str]] = {
    "empty": (b"", "image-format", "an empty file"),
    "empty-text": ("", "image-format", "an empty file"),
    "empty-data-url": ("data:image/png;base64,", "image-format", "an empty file"),
    "data-url-without-data": ("data:image/png;base64", "media-base64", "without data"),
    "html": (b"\n <!DOCTYPE HTML><html><body>Link expired SECRET</body>", "image-format", "a web page (HTML)"),
    "html-as-text": ("<html><body>SECRET</body></html>", "image-format", "a web page (HTML)"),
    "html-bom": (b"\xef\xbb\xbf<html lang=en>", "image-format", "a web page (HTML)"),
    "json": (b'{"code":"forbidden","message":"SECRET"}', "image-format", "a JSON text"),
    "xml": (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "image-format", "an XML text"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image-format", "an SVG drawing"),
    "svg-prolog": (b"<?xml version='1.0'?>\n<!-- made by SECRET -->\n<svg/>", "image-format", "an SVG drawing"),
    "svg-data-url": ("data:image/svg+xml,%3Csvg%20xmlns=%22%22/%3E", "image-format", "an SVG drawing"),
    "pdf": (b"%PDF-1.7\n%SECRET", "image-format", "a PDF document"),
    "office": (b"PK\x03\x04\x14\x00", "image-format", "an office document"),
    "heic": (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "image-format", "a HEIC picture"),
    "mp4": (b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2", "image-format", "a video"),
    "webm": (b"\x1aE\xdf\xa3\x01\x00\x00\x00", "image-format", "a video"),
    "wav": (WAV, "image-format", "WAV audio"),
    "text": (b"this is no image SECRET", "image-format", "a plain text"),
    "utf-16": ("SECRET".encode("utf-16"), "image-format", "a plain text"),
    "unknown": (bytes(range(1, 64)), "image-format", "not known"),
    "not-base64": ("this is SECRET, really!", "media-base64", "nor valid base64"),
    "cut-base64": (as_text(PNG)[:41], "media-base64", "cut off"),
    "padding-inside": ("iVBO=Rw0", "media-base64", "nor valid base64"),
    "not-ascii": ("图片图片", "media-base64", "nor valid base64"),
    "url": ("https://files.example/a.png?sign=SECRET", "image-url", "a link where its data should be"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_name_the_kind_and_never_the_data(name: str) -> None:
    data, code, words = REFUSED[name]
    error = refusal(data)
    assert error.code == code
    assert words in str(error)
    assert "SECRET" not in str(error)
    assert str(error).count(".") >= 2, "a cause and a remedy"


@pytest.mark.parametrize("data", [PNG, JPEG, PROGRESSIVE, saved(noise(), "PNG"), saved(noise(), "JPEG")])
@pytest.mark.parametrize("kept", [0.3, 0.6, 0.99])
@pytest.mark.parametrize("spell", [bytes, as_text], ids=["bytes", "base64"])
def test_truncated_png_and_jpeg_are_refused(data: bytes, kept: float, spell: Callable[[bytes], bytes | str]) -> None:
    error = refusal(spell(data[: int(len(data) * kept)]))
    assert (error.code, "cut off" in str(error)) == ("image-damaged", True)


def test_thumbnail_does_not_hide_a_truncated_jpeg() -> None:
    """The preview inside EXIF has an end mark of its own."""
    exif = b"Exif\x00\x00" + JPEG
    data = JPEG[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + JPEG[2:]
    assert image_to_base64(data, DEFAULT_LIMITS) == as_text(JPEG)
    assert refusal(data[:-20]).code == "image-damaged"


@pytest.mark.parametrize("kind", ["WEBP", "GIF", "BMP", "TIFF", "QOI"])
def test_other_truncated_kinds_are_refused(kind: str) -> None:
    data = saved(noise((64, 64)), kind)
    assert refusal(data[: len(data) * 2 // 3]).code == "image-damaged"


def test_byte_limit_counts_the_file_not_its_base64() -> None:
    limits = Limits(image_bytes=len(PNG))
    assert image_to_base64(as_text(PNG), limits) == as_text(PNG)
    error = refusal(as_text(PNG), Limits(image_bytes=len(PNG) - 1))
    assert error.code == "image-too-large"
    assert refusal(b"x" * (3 << 20), Limits(image_bytes=2 << 20)).problem.cause == "The image has 3.0 MiB, more than the limit of 2.0 MiB."


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_pixel_limit(kind: str) -> None:
    data = saved(picture(), kind)
    image_to_base64(data, Limits(image_pixels=48 * 32))
    error = refusal(data, Limits(image_pixels=48 * 32 - 1))
    assert (error.code, "48 x 32" in str(error)) == ("image-too-many-pixels", True)


def claimed_size(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return PNG[:8] + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header)) + PNG[33:]


def test_decompression_bombs_are_refused_unopened() -> None:
    assert refusal(claimed_size(100_000, 100_000)).code == "image-too-many-pixels"
    assert refusal(claimed_size(0, 5)).code == "image-damaged"
    bomb = bytearray(saved(picture(), "BMP"))
    bomb[18:26] = struct.pack("<ii", 60_000, 60_000)
    assert refusal(bytes(bomb)).code == "image-too-many-pixels"
    bomb[18:26] = struct.pack("<ii", 10_000, 10_000)
    assert refusal(bytes(bomb)).code == "image-too-many-pixels"


def test_endless_segments_are_refused() -> None:
    assert refusal(b"\xff\xd8" + b"\xff\xe0\x00\x02" * 100_000).code == "image-damaged"
    assert refusal(b"\xff\xd8" + b"\xff" * 100_000).code == "image-damaged"


@given(
    data=st.binary(max_size=300),
    start=st.sampled_from([b"", PNG[:40], JPEG[:200], b"GIF89a", b"BM", b"RIFF\x00\x00\x00\x00WEBP", b"II*\x00", b"\x00\x00\x01\x00"]),
)
def test_any_bytes_give_a_picture_or_a_refusal(data: bytes, start: bytes) -> None:
    try:
        result = image_to_base64(start + data, DEFAULT_LIMITS)
    except RequestError:
        return
    assert sniff(base64.b64decode(result, validate=True)[:HEAD_BYTES]) in (Media.PNG, Media.JPEG)


@pytest.mark.parametrize(
    "data", [WAV, b"ID3\x04" + bytes(20), MP3_FRAME, MP3_FRAME.replace(b"\xfb", b"\xf3")], ids=["wav", "id3", "mpeg1", "mpeg2"]
)
def test_wav_and_mp3_pass_untouched(data: bytes) -> None:
    assert audio_to_base64(data, DEFAULT_LIMITS) == as_text(data)
    assert audio_to_base64(f"data:audio/x-anything;base64,{as_text(data)}", DEFAULT_LIMITS) == as_text(data)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"OggS\x00\x02", "neither WAV nor MP3"),
        (b"fLaC\x00", "neither WAV nor MP3"),
        (b"\xff\xf1\x50\x80", "neither WAV nor MP3"),
        (b"\x00\x00\x00\x18ftypM4A \x00\x00\x00\x00M4A mp42", "neither WAV nor MP3"),
        (PNG, "a PNG picture"),
        (b"<!doctype html>", "link has probably expired"),
        ("\ufeffhi".encode("utf-16"), "a plain text"),
        (b"", "an empty file"),
    ],
    ids=["ogg", "flac", "aac", "m4a", "png", "html", "utf-16", "empty"],
)
def test_other_audio_is_refused_by_name(data: bytes, words: str) -> None:
    error = refusal(data, convert=audio_to_base64)
    assert error.code == "audio-format"
    assert words in str(error)


def test_audio_has_the_same_byte_limit() -> None:
    assert refusal(WAV, Limits(image_bytes=10), audio_to_base64).code == "audio-too-large"


WITHOUT_PILLOW = """
import sys
from translator.limits import DEFAULT_LIMITS
from translator.media.images import image_to_base64
image_to_base64(sys.stdin.buffer.read(), DEFAULT_LIMITS)
assert not [name for name in sys.modules if name.partition(".")[0] == "PIL"]
"""


@pytest.mark.parametrize("data", [PNG, JPEG], ids=["png", "jpeg"])
def test_pillow_is_not_imported_for_what_passes(data: bytes) -> None:
    root = str(Path(__file__).parents[3])
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_PILLOW], input=data, capture_output=True, env={**os.environ, "PYTHONPATH": root}, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
