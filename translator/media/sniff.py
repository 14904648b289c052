"""What a file is, told from its first bytes, because the type that Dify or a web server claims for it is often wrong.

Nothing is refused here.
"""

from enum import Enum

HEAD_BYTES = 1024
"""Bytes that suffice to tell every kind below."""


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
