"""What a file is, told from its first bytes, because the type that Dify or a web server claims for it is often wrong.

The file is read piece by piece, so base64 of many megabytes is never decoded as a whole. For PNG and JPEG the size is told, and whether
the end is there. Pixels are never decoded and nothing is refused here.
"""

from collections.abc import Callable
from enum import Enum

import attrs

type Read = Callable[[int, int], bytes]
"""Bytes from a start up to a stop offset; fewer at the end of the file."""

HEAD_BYTES = 1024
"""Bytes that suffice to tell every kind below."""

_MAX_SEGMENTS = 4096
"""Segments before a JPEG's picture data; real files have under a hundred, hostile ones millions."""


class Media(Enum):
    """Kinds of files; the value is how an error sentence names them."""

    EMPTY = "an empty file"
    PNG = "a PNG picture"
    JPEG = "a JPEG picture"
    WEBP = "a WebP picture"
    GIF = "a GIF picture"
    BMP = "a BMP picture"
    TIFF = "a TIFF picture"
    ICO = "an ICO icon"
    CUR = "a CUR cursor"
    JPEG2000 = "a JPEG 2000 picture"
    PNM = "a PNM picture"
    PSD = "a Photoshop picture"
    QOI = "a QOI picture"
    AVIF = "an AVIF picture"
    HEIC = "a HEIC picture"
    SVG = "an SVG drawing"
    JXL = "a JPEG XL picture"
    PDF = "a PDF document"
    ZIP = "a ZIP archive or an office document"
    GZIP = "a gzip archive"
    VIDEO = "a video"
    WAV = "WAV audio"
    MP3 = "MP3 audio"
    OTHER_AUDIO = "audio that is neither WAV nor MP3"
    HTML = "a web page (HTML)"
    XML = "an XML text"
    JSON = "a JSON text"
    TEXT = "a plain text"
    UNKNOWN = "of a kind that is not known"


_MAGIC: dict[bytes, Media] = {
    b"\x89PNG\r\n\x1a\n": Media.PNG,
    b"\xff\xd8\xff": Media.JPEG,
    b"GIF87a": Media.GIF,
    b"GIF89a": Media.GIF,
    b"BM": Media.BMP,
    b"II*\x00": Media.TIFF,
    b"MM\x00*": Media.TIFF,
    b"\x00\x00\x01\x00": Media.ICO,
    b"\x00\x00\x02\x00": Media.CUR,
    b"\x00\x00\x00\x0cjP  \r\n\x87\n": Media.JPEG2000,
    b"\xff\x4f\xff\x51": Media.JPEG2000,
    b"\x00\x00\x00\x0cJXL \r\n\x87\n": Media.JXL,
    b"\xff\x0a": Media.JXL,
    b"8BPS": Media.PSD,
    b"qoif": Media.QOI,
    b"%PDF-": Media.PDF,
    b"PK\x03\x04": Media.ZIP,
    b"\x1f\x8b": Media.GZIP,
    b"\x1aE\xdf\xa3": Media.VIDEO,
    b"FLV\x01": Media.VIDEO,
    b"\x00\x00\x01\xba": Media.VIDEO,
    b"ID3": Media.MP3,
    b"OggS": Media.OTHER_AUDIO,
    b"fLaC": Media.OTHER_AUDIO,
    b"#!AMR": Media.OTHER_AUDIO,
}

_RIFF = {b"WEBP": Media.WEBP, b"WAVE": Media.WAV, b"AVI ": Media.VIDEO}

_BRANDS: tuple[tuple[Media, frozenset[bytes]], ...] = (
    (Media.AVIF, frozenset({b"avif", b"avis"})),
    (Media.HEIC, frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"})),
    (Media.OTHER_AUDIO, frozenset({b"M4A ", b"M4B "})),
)
"""Brands of an ISO media file, the first match wins; every other brand is a video."""

_MARKUP: tuple[tuple[bytes, Media], ...] = (
    (b"<!doctype html", Media.HTML),
    (b"<html", Media.HTML),
    (b"<svg", Media.SVG),
    (b"<head", Media.HTML),
    (b"<body", Media.HTML),
    (b"<script", Media.HTML),
    (b"<", Media.XML),
)


def sniff(head: bytes) -> Media:
    """Tells what a file is from its first `HEAD_BYTES` bytes."""
    if not head:
        return Media.EMPTY
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12], Media.UNKNOWN)
    if head[4:8] == b"ftyp":
        return _sniff_iso(head)
    for magic, media in _MAGIC.items():
        if head.startswith(magic):
            return media
    if head[:1] == b"P" and head[1:2] in b"123456" and head[2:3].isspace():
        return Media.PNM
    return _sniff_mpeg_audio(head) or _sniff_text(head)


def _sniff_iso(head: bytes) -> Media:
    end = min(int.from_bytes(head[:4], "big"), 128)
    brands = {head[8:12], *(head[start : start + 4] for start in range(16, end, 4))}
    return next((media for media, names in _BRANDS if brands & names), Media.VIDEO)


def _sniff_mpeg_audio(head: bytes) -> Media | None:
    """Reads an MPEG frame header: 11 ones, then version, layer, bit rate and sampling rate without their forbidden values.

    The server is content with the 11 ones (0.32.15 llm/media.go, AudioFormat), which AAC and a UTF-16 text have too; the latter reads
    as layer I, which nobody uses.
    """
    if len(head) < 3 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    if version == 1 or layer == 3 or head[2] >> 4 == 15 or head[2] >> 2 & 3 == 3:
        return None
    return Media.MP3 if layer else Media.OTHER_AUDIO


def _sniff_text(head: bytes) -> Media:
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return Media.TEXT
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(b"<"):
        return next(media for tag, media in _MARKUP if tag in text)
    if text.startswith((b"{", b"[")):
        return Media.JSON
    return Media.UNKNOWN if any(byte < 9 or 13 < byte < 32 for byte in head) or b"\xff" in head else Media.TEXT


@attrs.frozen(slots=True, kw_only=True)
class FrameHeader:
    """What the head of a PNG or JPEG says: pixels, where to look for the end, and whether every decoder reads its coding."""

    width: int
    height: int
    data_start: int
    common: bool = True


def png_frame(read: Read) -> FrameHeader | None:
    """The size from the IHDR chunk; None when there is none."""
    head = read(8, 24)
    if len(head) < 16 or head[4:8] != b"IHDR":
        return None
    return FrameHeader(width=int.from_bytes(head[8:12], "big"), height=int.from_bytes(head[12:16], "big"), data_start=24)


def jpeg_frame(read: Read) -> FrameHeader | None:
    """The size from the frame header (SOFn), and where the scan begins; None when the file ends before its scan.

    `common` is False for codings that stb_image (llama.cpp) and Go's image/jpeg refuse: only baseline, extended and progressive
    Huffman coding with 8 bits are read everywhere.
    """
    position, frame = 2, None
    for _ in range(_MAX_SEGMENTS):
        position = _next_marker(read, position)
        marker, length = (segment := read(position, position + 9))[:1], int.from_bytes(segment[1:3], "big")
        if len(segment) < 3 or marker == b"\xd9" or length < 2:
            return None
        if marker == b"\xda":
            return attrs.evolve(frame, data_start=position + 1 + length) if frame else None
        if 0xC0 <= marker[0] <= 0xCF and marker not in b"\xc4\xc8\xcc":
            frame = _sof(segment)
        position += 1 + length
    return None


def _next_marker(read: Read, position: int) -> int:
    """The offset of the byte that names the next segment; fill bytes before it are skipped, up to 512."""
    piece = read(position, position + 512)
    start = piece.find(b"\xff")
    rest = piece[start:].lstrip(b"\xff") if start >= 0 else b""
    return position + len(piece) - len(rest)


def _sof(segment: bytes) -> FrameHeader | None:
    if len(segment) < 8:
        return None
    return FrameHeader(
        width=int.from_bytes(segment[6:8], "big"),
        height=int.from_bytes(segment[4:6], "big"),
        data_start=0,
        common=segment[0] <= 0xC2 and segment[3] == 8,
    )
