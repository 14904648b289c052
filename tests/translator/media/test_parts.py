"""Which files may be sent to which model, and which have to be downloaded first."""

from base64 import b64decode
from itertools import product

import pytest

from translator.errors import RequestError
from translator.media.parts import MediaRules, media_parts, urls_to_fetch
from translator.shapes.dify import MediaKind, MediaPart, Message, Role, TextPart

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgAAACAAAB4iG8MwAAAABJRU5ErkJggg=="
WAV = "UklGRiQAAABXQVZFZm10IAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="
DATA = {MediaKind.IMAGE: PNG, MediaKind.AUDIO: WAV, MediaKind.DOCUMENT: "JVBERi0=", MediaKind.VIDEO: "AAAA"}
MISSING = {
    (MediaKind.IMAGE, False): "vision_missing",
    (MediaKind.AUDIO, False): "audio_missing",
    **{(MediaKind.DOCUMENT, can): "document_not_supported" for can in (True, False, None)},
    **{(MediaKind.VIDEO, can): "video_not_supported" for can in (True, False, None)},
}


def linked(url: str, kind: MediaKind = MediaKind.IMAGE) -> MediaPart:
    return MediaPart(kind=kind, url=url)


@pytest.mark.parametrize(("kind", "can"), [*product(MediaKind, (True, False, None))])
def test_what_a_model_can_read(kind: MediaKind, can: bool | None) -> None:
    rules = MediaRules(model="llava", sees=can, hears=can)
    part = MediaPart(kind=kind, base64=DATA[kind])
    code = MISSING.get((kind, can))
    if code is None:
        assert rules.to_wire(part) == DATA[kind]
        return
    with pytest.raises(RequestError) as caught:
        rules.to_wire(part)
    assert caught.value.code == code
    assert caught.value.problem.remedy


def test_messages_name_model_and_setting() -> None:
    with pytest.raises(RequestError, match=r'"llama3" cannot read pictures.*"Images \(vision\)" to Yes'):
        MediaRules(model="llama3", sees=False).to_wire(MediaPart(kind=MediaKind.IMAGE, base64=PNG))


def test_data_wins_over_a_link() -> None:
    part = MediaPart(kind=MediaKind.IMAGE, base64=PNG, url="http://dify/files/1")
    assert MediaRules(model="m").to_wire(part) == PNG
    assert urls_to_fetch([Message(role=Role.USER, content=(part,))]) == ()


def test_downloaded_bytes() -> None:
    assert MediaRules(model="m", fetched={"http://dify/1": b64decode(PNG)}).to_wire(linked("http://dify/1")) == PNG


EMPTY = {"nothing": MediaPart(kind=MediaKind.IMAGE), "blank link": linked("  "), "empty download": linked("http://dify/1")}


@pytest.mark.parametrize("part", EMPTY.values(), ids=EMPTY)
def test_nothing_is_dropped_silently(part: MediaPart) -> None:
    with pytest.raises(RequestError):
        MediaRules(model="m", fetched={"http://dify/1": b""}).to_wire(part)


MESSAGES = [
    Message(role=Role.SYSTEM, content=(linked("http://dify/1"), TextPart("x"))),
    Message(role=Role.USER, content="no parts"),
    Message(role=Role.USER, content=(linked("https://dify/2?sign=a"), linked(f"data:image/png;base64,{PNG}"), linked("http://dify/1"))),
    Message(role=Role.TOOL, content=(linked("http://dify/3", MediaKind.AUDIO), MediaPart(kind=MediaKind.IMAGE, base64=PNG))),
    Message(role=Role.USER, content=(linked("http://dify/4", MediaKind.VIDEO), linked("http://dify/5", MediaKind.DOCUMENT))),
]


def test_each_link_once_in_order() -> None:
    assert urls_to_fetch(MESSAGES) == ("http://dify/1", "https://dify/2?sign=a", "http://dify/3")
    assert len(media_parts(MESSAGES)) == 8


def test_nothing_is_downloaded_in_vain() -> None:
    with pytest.raises(RequestError, match="cannot read pictures"):
        urls_to_fetch(MESSAGES, MediaRules(model="m", sees=False))
    with pytest.raises(RequestError, match="cannot read sound"):
        urls_to_fetch(MESSAGES, MediaRules(model="m", sees=True, hears=False))


LINKS = {
    "relative": ("/files/abc/file-preview?sign=topsecret", "FILES_URL"),
    "file": ("file:///etc/topsecret", "MULTIMODAL_SEND_FORMAT"),
    "ftp": ("ftp://host/topsecret", "FTP"),
    "malformed": ("http://[::1/topsecret", "not a well-formed URL"),
}


@pytest.mark.parametrize(("url", "said"), LINKS.values(), ids=LINKS)
def test_links_that_cannot_be_downloaded(url: str, said: str) -> None:
    with pytest.raises(RequestError, match=said) as caught:
        urls_to_fetch([Message(role=Role.USER, content=(linked(url),))])
    assert "topsecret" not in str(caught.value)
