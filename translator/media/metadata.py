"""Finds what of a PNG or JPEG file is the picture and what is about it: places, names, comments, previews, files appended by cameras.

Only the picture is sent. Nothing is decoded: a file is walked from chunk to chunk, or from segment to segment, and its size and the ranges
to keep are noted. The orientation is read from EXIF, because the server shows a picture as its pixels lie.
"""

import re
from collections.abc import Callable

import attrs

type Read = Callable[[int, int], bytes]
"""Bytes from a start up to a stop offset; fewer at the end of the file."""

_PNG_ANCILLARY = frozenset(b"tRNS gAMA cHRM sRGB iCCP cICP mDCV cLLI sBIT bKGD pHYs hIST sPLT acTL fcTL fdAT".split())
"""Chunks that say how pixels look. Every other optional chunk is left out."""
_MAX_CHUNKS = 1 << 16
"""A PNG of 20 MiB in pieces of 4 KiB has 5,000."""

_JPEG_KEPT: dict[int, bytes] = {0xE0: b"JFIF\x00", 0xE2: b"ICC_PROFILE\x00", 0xEE: b"Adobe"}
"""APP segments that say how pixels look, by marker and first bytes. All others and comments are left out."""
_COMMENT, _EOI, _SOS = 0xFE, 0xD9, 0xDA
_EXIF = b"Exif\x00\x00"
_NO_FRAMES = b"\xc4\xc8\xcc"
"""Markers among those of frame headers (SOFn) that are none."""
_MAX_SEGMENTS = 4096
"""Real files have under a hundred, hostile ones millions."""
_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""The marker after a scan: inside of one, FF is followed by 00 or is a restart."""
_WINDOW = 1 << 20
"""Bytes searched in one go: other threads have their turn in between."""

_ORIENTATION, _SHORT = 0x0112, 3
UPRIGHT = 1


@attrs.frozen(slots=True, kw_only=True)
class PictureParts:
    """`ranges` (start, stop) of the file are the picture; `orientation` is EXIF's, 1 (upright) to 8.

    `width` and `height` in pixels are 0 where the file does not say them before `data_start`, from where its end mark may come.
    `is_known` is False for a file that is not made as its kind is, up to its end; then the last range is all that could not be told.
    `is_common` is False for codings that stb_image (llama.cpp) and Go's image/jpeg refuse: only baseline, extended and progressive Huffman
    coding with 8 bits are read everywhere.
    """

    ranges: tuple[tuple[int, int], ...]
    orientation: int = UPRIGHT
    width: int = 0
    height: int = 0
    data_start: int = 0
    is_known: bool = True
    is_common: bool = True

    def is_all_of(self, size: int) -> bool:
        """Whether nothing of a file of so many bytes is left out."""
        return sum(stop - start for start, stop in self.ranges) == size


def png_parts(read: Read, size: int) -> PictureParts:
    """The parts of a PNG of so many bytes."""
    ranges, orientation, position, is_known = [(0, 8)], UPRIGHT, 8, False
    first = read(8, 24)
    width, height = (_number(first[8:12]), _number(first[12:16])) if first[4:8] == b"IHDR" else (0, 0)
    for _ in range(_MAX_CHUNKS):
        head = read(position, position + 8)
        name, stop = head[4:], position + 12 + _number(head[:4])
        if len(head) < 8 or stop > size:
            break
        if name[:1].isupper() or name in _PNG_ANCILLARY:
            ranges.append((position, stop))
        if name == b"eXIf":
            orientation = exif_orientation(read(position + 8, stop - 4))
        position = stop
        if name == b"IEND":
            is_known = True
            break
    return PictureParts(
        ranges=tuple(ranges) if is_known else (*ranges, (position, size)),
        orientation=orientation,
        width=width,
        height=height,
        data_start=24,
        is_known=is_known,
    )


def jpeg_parts(data: bytes) -> PictureParts:
    """The parts of a JPEG."""
    ranges, orientation, position, is_known = [(0, 2)], UPRIGHT, 2, False
    frame, data_start = b"", 0
    for _ in range(_MAX_SEGMENTS):
        start = data.find(b"\xff", position)
        while start >= 0 and data[start + 1 : start + 2] == b"\xff":
            start += 1
        if start < 0 or start + 1 >= len(data):
            break
        marker = data[start + 1]
        if marker == _EOI:
            position, is_known = start + 2, True
            ranges.append((start, position))
            break
        stop = start + 2 + _number(data[start + 2 : start + 4])
        if stop < start + 4 or stop > len(data):
            break
        if data.startswith(_EXIF, start + 4) and orientation == UPRIGHT:
            orientation = exif_orientation(data[start + 4 + len(_EXIF) : stop])
        if 0xC0 <= marker <= 0xCF and marker not in _NO_FRAMES and not data_start:
            frame = data[start + 1 : min(stop, start + 10)]
        if marker == _SOS:
            data_start = data_start or stop
            stop = _scan_end(data, stop)
        if _is_kept(marker, data[start + 4 : start + 16]):
            ranges.append((start, stop))
        position = stop
    is_framed = len(frame) == 9 and data_start
    return PictureParts(
        ranges=tuple(ranges) if is_known else (*ranges, (position, len(data))),
        orientation=orientation,
        width=_number(frame[6:8]) if is_framed else 0,
        height=_number(frame[4:6]) if is_framed else 0,
        data_start=data_start,
        is_known=is_known,
        is_common=bool(is_framed) and frame[0] <= 0xC2 and frame[3] == 8,
    )


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _scan_end(data: bytes, position: int) -> int:
    for at in range(position, len(data), _WINDOW):
        found = _AFTER_SCAN.search(data, at, at + _WINDOW + 1)
        if found:
            return found.start()
    return len(data)


def _is_kept(marker: int, begin: bytes) -> bool:
    if 0xE0 <= marker <= 0xEF:
        return marker in _JPEG_KEPT and begin.startswith(_JPEG_KEPT[marker])
    return marker != _COMMENT


def exif_orientation(tiff: bytes) -> int:
    """The orientation in EXIF data; 1 where it says none or cannot be read (EXIF 2.3, 4.6.4)."""
    if tiff[:4] not in (b"II*\x00", b"MM\x00*"):
        return UPRIGHT

    def number(start: int, stop: int) -> int:
        return int.from_bytes(tiff[start:stop], "little" if tiff[:1] == b"I" else "big")

    directory = number(4, 8)
    for entry in range(directory + 2, min(directory + 2 + 12 * number(directory, directory + 2), len(tiff) - 11), 12):
        if number(entry, entry + 2) == _ORIENTATION and number(entry + 2, entry + 4) == _SHORT:
            value = number(entry + 8, entry + 10)
            return value if UPRIGHT <= value <= 8 else UPRIGHT
    return UPRIGHT
