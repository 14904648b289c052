"""What is about a picture is never sent, and its pixels arrive upright and large enough."""

import base64
import io
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from tests.translator.media.test_images import JPEG, PNG, PROGRESSIVE, as_text, noise, picture, saved
from translator.errors import RequestError
from translator.limits import DEFAULT_LIMITS
from translator.media.images import image_to_base64
from translator.media.metadata import exif_orientation, jpeg_parts, png_parts
from translator.media.sniff import Media

SECRET = b"52.5200N 13.4050E Ada Lovelace"
ORIENTATION = 0x0112


def sent(data: bytes) -> bytes:
    return base64.b64decode(image_to_base64(as_text(data), DEFAULT_LIMITS), validate=True)


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def exif(orientation: int = 1) -> Image.Exif:
    given = Image.Exif()
    given[ORIENTATION] = orientation
    given[0x010E] = SECRET.decode()
    given.get_ifd(0x8825)[1] = "N"
    return given


def segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def with_segment(data: bytes, marker: int, body: bytes) -> bytes:
    return data[:2] + segment(marker, body) + data[2:]


def with_chunk(data: bytes, name: bytes, body: bytes) -> bytes:
    """Before the end chunk."""
    return data[:-12] + struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) + data[-12:]


# --- metadata --------------------------------------------------------------------------------------------------------------------

BETWEEN_SCANS = PROGRESSIVE.index(b"\xff\xda", PROGRESSIVE.index(b"\xff\xda") + 2)
JPEGS = {
    "EXIF": with_segment(JPEG, 0xE1, b"Exif\x00\x00" + exif().tobytes()[6:]),
    "XMP": with_segment(JPEG, 0xE1, b"http://ns.adobe.com/xap/1.0/\x00" + SECRET),
    "IPTC": with_segment(JPEG, 0xED, b"Photoshop 3.0\x00" + SECRET),
    "a comment": with_segment(JPEG, 0xFE, SECRET),
    "a preview": with_segment(JPEG, 0xE0, b"JFXX\x00\x10" + SECRET),
    "several pictures": with_segment(JPEG, 0xE2, b"MPF\x00" + SECRET) + JPEG[:2] + segment(0xE1, SECRET) + JPEG[2:],
    "a private segment": with_segment(JPEG, 0xEB, SECRET),
    "many": with_segment(with_segment(with_segment(JPEG, 0xE1, SECRET), 0xFE, SECRET), 0xE1, b"Exif\x00\x00" + SECRET),
    "a film at the end": JPEG + b"\x00\x00\x00\x18ftypmp42" + SECRET,
    "between scans": PROGRESSIVE[:BETWEEN_SCANS] + segment(0xFE, SECRET) + PROGRESSIVE[BETWEEN_SCANS:],
}


@pytest.mark.parametrize("data", JPEGS.values(), ids=JPEGS)
def test_a_jpeg_is_sent_without_its_metadata_and_not_decoded(data: bytes) -> None:
    assert SECRET in data or b"Ada" in data
    original = PROGRESSIVE if PROGRESSIVE[:60] == data[:60] else JPEG
    assert sent(data) == original


@pytest.mark.parametrize("spell", [bytes, as_text], ids=["bytes", "base64"])
@pytest.mark.parametrize("name", ["ICC_PROFILE", "Adobe"])
def test_what_says_how_pixels_look_stays(name: str, spell: type) -> None:
    data = saved(picture("CMYK"), "JPEG", icc_profile=b"profile") if name == "ICC_PROFILE" else saved(picture("CMYK"), "JPEG")
    assert name.encode() in data
    assert image_to_base64(spell(data), DEFAULT_LIMITS) == as_text(data)


CHUNKS = {
    "EXIF": (b"eXIf", exif().tobytes()[6:]),
    "text": (b"tEXt", b"Comment\x00" + SECRET),
    "packed text": (b"zTXt", b"Comment\x00\x00" + zlib.compress(SECRET)),
    "XMP": (b"iTXt", b"XML:com.adobe.xmp\x00\x00\x00\x00\x00" + SECRET),
    "time": (b"tIME", b"\x07\xe9\x01\x01\x00\x00\x00"),
    "a private chunk": (b"caBX", SECRET),
}


@pytest.mark.parametrize(("name", "body"), CHUNKS.values(), ids=CHUNKS)
def test_a_png_is_sent_without_its_metadata_and_not_decoded(name: bytes, body: bytes) -> None:
    assert sent(with_chunk(PNG, name, body)) == PNG
    assert sent(with_chunk(with_chunk(PNG, name, body), b"pHYs", bytes(9))) == with_chunk(PNG, b"pHYs", bytes(9))


@pytest.mark.parametrize("kind", ["WEBP", "TIFF", "GIF", "JPEG", "PNG"])
def test_nothing_is_left_when_a_picture_is_saved_anew(kind: str) -> None:
    comment = {"comment": SECRET} if kind in ("GIF", "JPEG") else {}
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", SECRET.decode())
    texts = {"pnginfo": info} if kind == "PNG" else {}
    exifs = {} if kind == "GIF" else {"exif": exif(3)}
    result = sent(saved(picture(), kind, icc_profile=SECRET, **comment, **texts, **exifs))
    assert b"Ada" not in result
    assert not opened(result).getexif()


# --- orientation -----------------------------------------------------------------------------------------------------------------

TRANSPOSED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", TRANSPOSED)
def test_pictures_arrive_upright(kind: str, orientation: int) -> None:
    image = Image.new("RGB", (64, 48), "white")
    image.paste("red", (0, 0, 32, 24))
    turned = TRANSPOSED[orientation]
    expected = image.transpose(turned) if turned is not None else image
    result = opened(sent(saved(image, kind, exif=exif(orientation)))).convert("RGB")
    assert result.size == expected.size
    assert result.getexif().get(ORIENTATION, 1) == 1
    corners = [(4, 4), (result.width - 5, 4), (4, result.height - 5), (result.width - 5, result.height - 5)]
    for corner in corners:
        assert is_red(result, corner) == is_red(expected, corner)


def is_red(image: Image.Image, place: tuple[int, int]) -> bool:
    pixel = image.getpixel(place)
    assert isinstance(pixel, tuple)
    return pixel[1] < 128


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("value", "read"), [(1, 1), (6, 6), (8, 8), (0, 1), (9, 1), (65535, 1)])
def test_both_byte_orders_and_odd_values(order: str, value: int, read: int) -> None:
    head = (b"II*\x00" if order == "<" else b"MM\x00*") + struct.pack(f"{order}IH", 8, 2)
    entries = struct.pack(f"{order}HHIHH", 0x010F, 2, 1, 0, 0) + struct.pack(f"{order}HHIHH", ORIENTATION, 3, 1, value, 0)
    assert exif_orientation(head + entries) == read
    assert exif_orientation(head + entries[:12]) == 1


@given(st.binary(max_size=64))
def test_any_bytes_have_an_orientation(data: bytes) -> None:
    assert 1 <= exif_orientation(b"II*\x00" + data) <= 8
    assert exif_orientation(data[:3]) == 1


# --- size ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "becomes"),
    [
        ((305, 30), (305, 32)),
        ((1, 1), (32, 32)),
        ((31, 32), (32, 32)),
        ((16, 16), (32, 32)),
        ((32, 32), (32, 32)),
        ((10, 8000), (40, 8000)),
    ],
)
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_small_pictures_get_a_border(kind: str, size: tuple[int, int], becomes: tuple[int, int]) -> None:
    assert opened(sent(saved(Image.new("RGB", size, (200, 30, 30)), kind))).size == becomes


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_a_border_has_the_colour_of_the_first_pixel_in_every_mode(mode: str) -> None:
    image = Image.new("L", (16, 40), "white")
    image.paste("black", (0, 0, 8, 40))
    result = opened(sent(saved(image.convert(mode), "PNG")))
    assert result.size == (32, 40)
    assert result.convert("RGBA").getpixel((0, 0)) == result.convert("RGBA").getpixel((9, 9))
    assert result.convert("RGBA").getpixel((9, 9)) != result.convert("RGBA").getpixel((22, 9))


BROKEN = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgAAACAAAB4iG8MwAAAABJRU5ErkJggg==")


def test_a_small_picture_that_pillow_cannot_read_is_left_to_the_server() -> None:
    """Servers know best what they can read (0.24.0 `image-to-text-model`). What can be told to be metadata goes all the same."""
    text = struct.pack(">I", len(SECRET)) + b"tEXt" + SECRET + bytes(4)
    assert sent(BROKEN) == BROKEN
    assert sent(BROKEN[:33] + text + BROKEN[33:]) == BROKEN


def test_only_what_needs_it_is_converted() -> None:
    asked: list[Media] = []

    def convert(data: bytes | str, media: Media, pixel_limit: int) -> str:
        asked.append(media)
        return ""

    for data in (PNG, JPEG, PROGRESSIVE, *JPEGS.values(), with_chunk(PNG, b"eXIf", exif().tobytes()[6:])):
        image_to_base64(data, DEFAULT_LIMITS, convert)
    assert asked == []
    for data in (saved(picture(), "JPEG", exif=exif(6)), saved(picture("RGB", (8, 8)), "PNG")):
        image_to_base64(data, DEFAULT_LIMITS, convert)
    assert asked == [Media.JPEG, Media.PNG]


# --- broken files ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [PNG, JPEG, PROGRESSIVE, saved(noise((90, 70)), "JPEG"), saved(noise((90, 70)), "PNG")])
@given(changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=4), cut=st.integers(0, 300))
def test_any_damage_gives_a_picture_or_a_refusal(data: bytes, changes: list[tuple[int, int]], cut: int) -> None:
    changed = bytearray(data[: max(1, len(data) - cut)])
    for place, value in changes:
        changed[place % len(changed)] = value
    try:
        result = sent(bytes(changed))
    except RequestError:
        return
    assert result[:3] in (b"\x89PN", b"\xff\xd8\xff")


def test_endless_chunks_are_no_picture() -> None:
    chunks = PNG[:33] + struct.pack(">I4sI", 0, b"tEXt", 0) * 100_000
    assert not png_parts(lambda start, stop: chunks[start:stop], len(chunks)).is_known
    assert not jpeg_parts(b"\xff\xd8" + b"\xff\xe0\x00\x02" * 100_000 + b"\xff\xd9").is_known
