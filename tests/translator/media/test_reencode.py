"""What is said where nothing can be decoded; what becomes of pictures is in test_images.py."""

import sys

import pytest

from translator.errors import RequestError
from translator.limits import DEFAULT_LIMITS
from translator.media.images import image_to_base64

GIF = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAICRAEAOw=="
"""One pixel."""


def test_an_installation_without_pillow_says_that_it_cannot_decode(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library does not bring Pillow without its extra `images`."""
    assert image_to_base64(GIF, DEFAULT_LIMITS)
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(RequestError, match="which this installation cannot decode"):
        image_to_base64(GIF, DEFAULT_LIMITS)
