"""Turns pictures that not every server reads into PNG, or into JPEG where that is kinder to an opaque photo.

Enters: the bytes of one picture whose kind was sniffed, and a cap on pixels. Leaves: bytes of a PNG or JPEG, upright
(EXIF orientation applied), first frame only. Pillow is imported here and only when a picture has to be decoded; it gets no choice
of decoder, so that a hostile file cannot reach the rarely tested ones.
"""

import io
from typing import TYPE_CHECKING

from translator.errors import RequestError
from translator.media.sniff import Media

if TYPE_CHECKING:
    from PIL import Image

DECODERS: dict[Media, str] = {
    Media.WEBP: "WEBP",
    Media.GIF: "GIF",
    Media.BMP: "BMP",
    Media.TIFF: "TIFF",
    Media.ICO: "ICO",
    Media.CUR: "CUR",
    Media.JPEG: "JPEG",
    Media.JPEG2000: "JPEG2000",
    Media.PNM: "PPM",
    Media.PSD: "PSD",
    Media.QOI: "QOI",
    Media.AVIF: "AVIF",
}
"""The kinds that are decoded, with Pillow's name of the one decoder each may use. Not there: anything that starts another program."""

_PHOTO_COLOURS = 1 << 15
"""An opaque picture with more colours than this is a photo: as PNG it would be several times larger than as JPEG."""

_JPEG_QUALITY = 95
_PNG_MODES = frozenset({"1", "L", "LA", "P", "RGB", "RGBA", "I;16"})
_WIDE_MODES = frozenset({"I", "F"})

_JPEG2000_BYTES = 384 * 1024
"""The decoder of JPEG 2000 keeps the whole interpreter waiting, a second for 5 MB (Pillow 12, OpenJPEG 2.5). Of larger files it is asked
for half the width and height, which is a quarter of the bytes, as often as it takes; models scale pictures down themselves.
"""

_REMEDY_CONVERT = "Convert it to PNG or JPEG and send it again."


def too_many_pixels(width: int, height: int, limit: int) -> RequestError:
    """The refusal of a picture over the pixel cap."""
    return RequestError.of(
        "image-too-many-pixels",
        f"The image has {width} x {height} pixels, more than the limit of {limit / 1e6:g} million.",
        "Send a smaller version of it.",
    )


def reencode(data: bytes, media: Media, pixel_limit: int) -> bytes:
    """The picture as PNG or JPEG bytes.

    Raises RequestError `image-format` when this Pillow has no decoder, `image-damaged` when it cannot be decoded, and
    `image-too-many-pixels`; sizes are looked at before any pixel is decoded.
    """
    from PIL import Image, Jpeg2KImagePlugin, features

    if media is Media.AVIF and not features.check("avif"):
        raise RequestError.of("image-format", f"The image is {media.value}, which this installation cannot decode.", _REMEDY_CONVERT)
    try:
        with Image.open(io.BytesIO(data), formats=(DECODERS[media],)) as image:
            if isinstance(image, Jpeg2KImagePlugin.Jpeg2KImageFile):
                image.reduce = _halvings(len(data))
            return _encode(_decoded(image, pixel_limit))
    except RequestError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise RequestError.of("image-too-many-pixels", "The image has far too many pixels.", "Send a smaller version of it.") from None
    except Exception as error:  # decoders meet hostile bytes with errors of any class (OSError, SyntaxError, struct.error ...)
        raise _damaged(media) from error


def _halvings(length: int) -> int:
    """How often width and height of a JPEG 2000 file of so many bytes are halved."""
    return 0 if length <= _JPEG2000_BYTES else 1 + _halvings(length // 4)


def _damaged(media: Media) -> RequestError:
    remedy = "Upload it again, or save it anew as PNG or JPEG."
    return RequestError.of("image-damaged", f"The image begins like {media.value} but is cut off or damaged.", remedy)


def _decoded(image: "Image.Image", pixel_limit: int) -> "Image.Image":
    from PIL import ImageOps

    if image.width * image.height > pixel_limit:
        raise too_many_pixels(image.width, image.height, pixel_limit)
    image.load()
    return ImageOps.exif_transpose(image)


def _encode(image: "Image.Image") -> bytes:
    image = _with_common_mode(image)
    target = io.BytesIO()
    if image.mode == "RGB" and image.getcolors(_PHOTO_COLOURS) is None:
        image.save(target, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
    else:
        image.save(target, "PNG")
    return target.getvalue()


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
