"""Makes a picture (or sound) from Dify fit for a message's `images`, or says why it cannot be.

PNG and JPEG files that are upright and large enough are sent without being decoded, only without their metadata. Everything else goes
through `PictureConverter`, which decodes it and saves it as PNG or JPEG. Error texts name the kind of file and sizes, never its data.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable

import attrs

from translator.errors import RequestError
from translator.limits import MIB, Limits
from translator.media.metadata import UPRIGHT, PictureParts, jpeg_parts, png_parts
from translator.media.reencode import ConversionError, reencode, smallest_side
from translator.media.sniff import HEAD_BYTES, Media, sniff
from translator.media.urls import bare_base64, is_data_url

type PictureConverter = Callable[[bytes | str, Media, int], str]
"""A whole file (raw, or clean base64), its kind and the cap on pixels to the base64 of a PNG or JPEG; raises RequestError."""

DECODERS: dict[Media, str] = {
    Media.PNM: "PPM",
    **{Media[name]: name for name in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "ICO", "CUR", "JPEG2000", "PSD", "QOI", "AVIF")},
}
"""The kinds that can be converted, with Pillow's name of the one decoder each may use, so that a hostile file cannot reach the rarely
tested ones. Not there: anything that starts another program.
"""

_PNG_END = b"IEND\xaeB`\x82"
_JPEG_END = b"\xff\xd9"
_TAIL_BYTES = 64

_SMALLER = "Send a smaller version of it."
CONVERT = "Convert it to PNG or JPEG and send it again."
_EXPIRED = "Its link has probably expired or needs a login: upload the file again."
_DOCUMENT = "Models read pictures only: use Dify's document extractor for documents."
_REMEDIES: dict[Media, str] = {
    Media.EMPTY: "Upload it again.",
    Media.HTML: _EXPIRED,
    Media.JSON: _EXPIRED,
    Media.XML: _EXPIRED,
    Media.TEXT: _EXPIRED,
    Media.PDF: _DOCUMENT,
    Media.ZIP: _DOCUMENT,
    Media.VIDEO: "Send single frames as pictures.",
    Media.WAV: "Send it as an audio file to a model that listens.",
    Media.MP3: "Send it as an audio file to a model that listens.",
}


@attrs.frozen(slots=True)
class _File:
    """A file in memory: raw bytes, or clean padded base64, of which `read` decodes only the groups of four characters it needs."""

    held: bytes | str = attrs.field(repr=False)

    @property
    def size(self) -> int:
        """Bytes of the file itself."""
        return len(self.held) if isinstance(self.held, bytes) else len(self.held) // 4 * 3 - self.held.count("=", -2)

    def read(self, start: int, stop: int) -> bytes:
        """The bytes from `start` up to `stop`."""
        if isinstance(self.held, bytes):
            return self.held[start:stop]
        first = start // 3
        return b64decode(self.held[first * 4 : -(-stop // 3) * 4])[start - first * 3 : stop - first * 3]

    def raw(self) -> bytes:
        """All bytes."""
        return self.held if isinstance(self.held, bytes) else b64decode(self.held)

    def base64(self) -> str:
        """All bytes as bare padded base64."""
        return self.held if isinstance(self.held, str) else b64encode(self.held).decode("ascii")


def convert(data: bytes | str, media: Media, pixel_limit: int) -> str:
    """The `PictureConverter` that does it here and now."""
    try:
        return b64encode(reencode(_File(data).raw(), DECODERS[media], pixel_limit)).decode("ascii")
    except ConversionError as error:
        raise conversion_refused(error, media, pixel_limit) from error


def conversion_refused(error: ConversionError, media: Media, pixel_limit: int) -> RequestError:
    """The same in words: `image-format`, `image-too-many-pixels`, `image-too-large` or `image-damaged`."""
    match error.reason:
        case "no-decoder":
            return RequestError.of("image-format", f"The image is {media.value}, which this installation cannot decode.", CONVERT)
        case "too-many-pixels":
            return _too_many_pixels(error.width, error.height, pixel_limit)
        case "too-much-memory":
            return RequestError.of("image-too-large", f"Decoding the image, {media.value}, takes too much memory.", _SMALLER)
        case _:
            return _damaged(media, "Upload it again, or save it anew as PNG or JPEG.")


def image_to_base64(data: bytes | str, limits: Limits, convert: PictureConverter = convert) -> str:
    """Bare padded base64 of a PNG or JPEG that every server version decodes.

    `data` is a data URL, bare base64, or raw bytes. Of PNG and JPEG only metadata is left out, unless they lie on their side or are too
    small; then, and for WebP (which servers before 0.32.14 refuse), GIF, BMP, TIFF, ICO, AVIF and others, `convert` makes a new file.
    Raises RequestError: `image-format`, `image-damaged`, `image-too-large`, `image-too-many-pixels`, `image-url` or `media-base64`.
    """
    file = _open(data, "image")
    _check_bytes(file, "image", limits)
    media = sniff(file.read(0, HEAD_BYTES))
    picture = None
    if media in (Media.PNG, Media.JPEG):
        parts = png_parts(file.read, file.size) if media is Media.PNG else jpeg_parts(file.raw())
        _check_pixels(parts, media, limits)
        if parts.is_common:
            _check_end(file, media, parts)
            picture = _picture_only(file, parts)
            if parts.is_known and parts.orientation == UPRIGHT and _is_large(parts):
                return picture.base64()
    if media not in DECODERS:
        raise _refused(media)
    try:
        return convert(file.held, media, limits.image_pixels)
    except RequestError as error:
        if picture is None or error.code != "image-damaged":
            raise
        return picture.base64()  # stb_image, which servers use, reads a few files that Pillow does not


def audio_to_base64(data: bytes | str, limits: Limits) -> str:
    """Bare padded base64 of a WAV or MP3 file, which ride in `images` too (the server looks at their first bytes: llm/media.go).

    Raises RequestError: `audio-format`, `audio-too-large`, `audio-url` or `media-base64`.
    """
    file = _open(data, "audio")
    _check_bytes(file, "audio", limits)
    media = sniff(file.read(0, HEAD_BYTES))
    if media not in (Media.WAV, Media.MP3):
        remedy = _EXPIRED if _REMEDIES.get(media) == _EXPIRED else "Convert it to WAV or MP3 and send it again."
        raise RequestError.of("audio-format", f"The file sent as audio is {media.value}; Ollama takes WAV and MP3 only.", remedy)
    return file.base64()


def _open(data: bytes | str, noun: str) -> _File:
    if isinstance(data, bytes):
        return _File(data)
    start = data[:HEAD_BYTES].lstrip()
    if not is_data_url(start):
        if "://" in start[:12]:
            raise RequestError.of(f"{noun}-url", f"The {noun} is a link where its data should be.", "Download it first.")
        if start[:1] in ("<", "{", "["):
            return _File(start.encode("utf-8", "replace"))
    return _File(bare_base64(data))


def _check_bytes(file: _File, noun: str, limits: Limits) -> None:
    if file.size > limits.image_bytes:
        raise RequestError.of(
            f"{noun}-too-large",
            f"The {noun} has {file.size / MIB:.1f} MiB, more than the limit of {limits.image_bytes / MIB:.1f} MiB.",
            _SMALLER,
        )


def _check_pixels(parts: PictureParts, media: Media, limits: Limits) -> None:
    """The server decodes what passes untouched, so the cap protects it as well."""
    if not parts.width or not parts.height:
        raise _damaged(media)
    if parts.width * parts.height > limits.image_pixels:
        raise _too_many_pixels(parts.width, parts.height, limits.image_pixels)


def _picture_only(file: _File, parts: PictureParts) -> _File:
    """The file without metadata; the same object if it has none."""
    return file if parts.is_all_of(file.size) else _File(b"".join(file.read(start, stop) for start, stop in parts.ranges))


def _is_large(parts: PictureParts) -> bool:
    return min(parts.width, parts.height) >= smallest_side(parts.width, parts.height)


def _check_end(file: _File, media: Media, parts: PictureParts) -> None:
    """Refuses a file without its end mark; cameras append data of their own, so a mark before the last bytes counts too."""
    end = _PNG_END if media is Media.PNG else _JPEG_END
    tail = file.read(max(parts.data_start, file.size - _TAIL_BYTES), file.size)
    if end not in tail and file.raw().find(end, parts.data_start) < 0:
        raise _damaged(media)


def _too_many_pixels(width: int, height: int, limit: int) -> RequestError:
    size = f"{width} x {height} pixels" if width else "far too many pixels"
    return RequestError.of("image-too-many-pixels", f"The image has {size}, more than the limit of {limit / 1e6:g} million.", _SMALLER)


def _damaged(media: Media, remedy: str = "Upload it again.") -> RequestError:
    return RequestError.of("image-damaged", f"The image begins like {media.value} but is cut off or damaged.", remedy)


def _refused(media: Media) -> RequestError:
    return RequestError.of("image-format", f"The file sent as an image is {media.value}.", _REMEDIES.get(media, CONVERT))
