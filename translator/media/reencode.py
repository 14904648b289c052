"""Decodes a picture with Pillow and saves it as PNG, or as JPEG where it is an opaque photo.

The plugin runs this in a process of its own, one per picture, because decoders are slow, hold the interpreter's lock and can crash
(`plugin_entry/serving/pictures.py`). So that this process starts fast, the module needs nothing but Pillow and a few modules of the
standard library.
"""

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

MIN_SIDE = 32
"""Pixels. Ollama's engine for qwen2.5vl and qwen3vl stops with smaller sides (0.13.0 model/models/qwen25vl/process_image.go)."""
MAX_RATIO = 200
"""The longer side may be so many times the shorter one (the same file, SmartResize)."""

_PHOTO_COLOURS = 1 << 15
"""An opaque picture with more colours than this is a photo: as PNG it would be several times larger than as JPEG."""

_JPEG_QUALITY = 95
_PNG_MODES = frozenset({"1", "L", "LA", "P", "RGB", "RGBA", "I;16"})
_WIDE_MODES = frozenset({"I", "F"})

_JPEG2000_BYTES = 384 * 1024
"""JPEG 2000 takes a second to decode for 5 MB (Pillow 12, OpenJPEG 2.5). Of larger files half the width and height is asked for, which is a
quarter of the bytes, as often as it takes; models scale pictures down themselves.
"""


class ConversionError(Exception):
    """Why a picture cannot be converted: `no-decoder`, `damaged`, `too-many-pixels` (then with its size) or `too-much-memory`."""

    def __init__(self, reason: str, width: int = 0, height: int = 0) -> None:
        super().__init__(reason)
        self.reason, self.width, self.height = reason, width, height


def smallest_side(width: int, height: int) -> int:
    """Pixels that every side of such a picture must have."""
    return max(MIN_SIDE, -(-max(width, height) // MAX_RATIO))


def reencode(data: bytes, decoder: str, pixel_limit: int) -> bytes:
    """The first frame as PNG or JPEG bytes: upright (EXIF orientation applied), without metadata, no side shorter than `smallest_side`.

    `decoder` is Pillow's name of the one decoder that may be used. The size is checked before any pixel is decoded. Raises ConversionError.
    """
    try:
        from PIL import Image, Jpeg2KImagePlugin, features
    except ImportError:  # the library is installed without its extra `images`
        raise ConversionError("no-decoder") from None
    if decoder == "AVIF" and not features.check("avif"):
        raise ConversionError("no-decoder")
    try:
        with Image.open(io.BytesIO(data), formats=(decoder,)) as image:
            if isinstance(image, Jpeg2KImagePlugin.Jpeg2KImageFile):
                image.reduce = _halvings(len(data))
            return _encode(_padded(_with_common_mode(_decoded(image, pixel_limit))))
    except ConversionError:
        raise
    except MemoryError:
        raise ConversionError("too-much-memory") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ConversionError("too-many-pixels") from None
    except Exception as error:  # decoders meet hostile bytes with errors of any class (OSError, SyntaxError, struct.error ...)
        raise ConversionError("damaged") from error


def _halvings(length: int) -> int:
    """How often width and height of a JPEG 2000 file of so many bytes are halved."""
    return 0 if length <= _JPEG2000_BYTES else 1 + _halvings(length // 4)


def _decoded(image: "Image.Image", pixel_limit: int) -> "Image.Image":
    from PIL import ImageOps

    if image.width * image.height > pixel_limit:
        raise ConversionError("too-many-pixels", image.width, image.height)
    image.load()
    return ImageOps.exif_transpose(image)


def _with_common_mode(image: "Image.Image") -> "Image.Image":
    """Colour spaces that PNG lacks become RGB; grey levels beyond 16 bits are spread over 8; alpha that hides nothing goes."""
    if image.mode in _WIDE_MODES:
        low, high = _grey_range(image)
        scale = 255 / ((high - low) or 1)
        return image.convert("F").point(lambda level: level * scale - low * scale).convert("L")
    if image.mode not in _PNG_MODES:
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    if image.mode == "RGBA" and image.getchannel("A").getextrema() == (255, 255):
        return image.convert("RGB")
    return image


def _grey_range(image: "Image.Image") -> tuple[float, float]:
    match image.getextrema():
        case (int() | float() as low, int() | float() as high):
            return float(low), float(high)
        case _:
            return 0.0, 255.0


def _padded(image: "Image.Image") -> "Image.Image":
    """In the middle of a larger picture, where a side is too short. The border has the colour of the first pixel."""
    from PIL import Image

    side = smallest_side(image.width, image.height)
    width, height = max(image.width, side), max(image.height, side)
    if (width, height) == image.size:
        return image
    if image.mode == "P":
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    padded = Image.new(image.mode, (width, height), image.getpixel((0, 0)))
    padded.paste(image, ((width - image.width) // 2, (height - image.height) // 2))
    return padded


def _encode(image: "Image.Image") -> bytes:
    """Pillow would write comments, profiles and texts of the original again: only the transparent colour stays."""
    image.info = {name: value for name, value in image.info.items() if name == "transparency"}
    target = io.BytesIO()
    if image.mode == "RGB" and image.getcolors(_PHOTO_COLOURS) is None:
        image.save(target, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
    else:
        image.save(target, "PNG")
    return target.getvalue()
