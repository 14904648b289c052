"""Pictures that were sent to real servers: what passes untouched, what is made anew, what is refused."""

import base64
import io

import pytest
from PIL import Image

from fixtures.recordings import Exchange, every
from tests.translator.media.test_images import decoded, refusal
from tests.translator.recorded_failures import failed, failure_of
from translator.errors import Family
from translator.limits import DEFAULT_LIMITS
from translator.media.images import image_to_base64
from translator.media.reencode import smallest_side

WAV_HEAD = base64.b64encode(b"RIFF").decode()[:5]
"""Sounds go the same way as pictures."""


def images_of(exchange: Exchange) -> list[str]:
    body = exchange.request_body if isinstance(exchange.request_body, dict) else {}
    messages = [message for message in body.get("messages") or [] if isinstance(message, dict)]
    return [image for message in messages for image in message.get("images") or [] if not image.startswith(WAV_HEAD)]


WITH_IMAGES = every(lambda exchange: bool(images_of(exchange)))


def test_pictures_were_recorded() -> None:
    assert len(WITH_IMAGES) >= 10
    assert {failure_of(exchange).code for exchange in WITH_IMAGES if failed(exchange)} >= {"image_unreadable", "image_encoding"}


@pytest.mark.parametrize("exchange", WITH_IMAGES, ids=lambda exchange: exchange.address)
def test_recorded_pictures(exchange: Exchange) -> None:
    """What a server could not read is refused here; PNG and JPEG that are large enough pass untouched, everything else is made anew."""
    for image in images_of(exchange):
        bare = image.rpartition(",")[2]
        if failed(exchange) and failure_of(exchange).code == "image_unreadable":
            assert refusal(image).family is Family.BAD_REQUEST
            continue
        sent = image_to_base64(image, DEFAULT_LIMITS)
        kind, size = head_of(bare)
        if sent == bare:
            assert kind in {"PNG", "JPEG"}
        else:
            assert kind not in {"PNG", "JPEG"} or min(size) < smallest_side(*size)
            after = decoded(sent)
            assert after.format in {"PNG", "JPEG"}
            assert min(after.size) >= smallest_side(*after.size)


def head_of(image: str) -> tuple[str | None, tuple[int, int]]:
    """Kind and size as the file says; some recorded pictures hold nothing more."""
    with Image.open(io.BytesIO(base64.b64decode(image))) as opened:
        return opened.format, opened.size
