"""One media part to the base64 that rides in `images`, or the reason why it cannot be sent.

Parts that came as URLs were downloaded before. The base64 is bare and padded. Pictures need a model with vision: without one old servers
drop them silently and put `[img-0]` into the prompt. Sound rides in `images`, too, for models that hear.
"""

from collections.abc import Mapping, Sequence
from typing import NoReturn

import attrs

from translator.errors import RequestError
from translator.limits import DEFAULT_LIMITS, Limits
from translator.media.images import PictureConverter, audio_to_base64, convert, image_to_base64
from translator.media.urls import is_data_url, plan_download
from translator.shapes.dify import MediaKind, MediaPart, Message

REFUSALS = {
    MediaKind.DOCUMENT: "Use a document extractor node, or a knowledge base, to turn it into text first.",
    MediaKind.VIDEO: "Send single pictures of it instead.",
}


@attrs.frozen(slots=True, kw_only=True)
class MediaRules:
    """`sees` and `hears` are three-valued: None means that nobody knows, and the server decides. `fetched` holds bytes by URL."""

    model: str
    sees: bool | None = None
    hears: bool | None = None
    fetched: Mapping[str, bytes] = attrs.field(factory=dict, repr=False)
    limits: Limits = DEFAULT_LIMITS
    convert: PictureConverter = convert

    def check(self, part: MediaPart) -> None:
        """Whether such a part may be sent at all, known before its data is. Raises RequestError."""
        if part.kind in REFUSALS:
            raise RequestError.of(
                f"{part.kind.value}_not_supported", f"Ollama models cannot read a {part.kind.value}.", REFUSALS[part.kind]
            )
        if part.kind is MediaKind.AUDIO and self.hears is False:
            self._refuse("sound", "audio", "")
        if part.kind is MediaKind.IMAGE and self.sees is False:
            self._refuse("pictures", "vision", ', or set "Images (vision)" to Yes in the model\'s settings if it has it after all')

    def to_wire(self, part: MediaPart) -> str:
        """Gives bare padded base64. Raises RequestError."""
        self.check(part)
        data = self._data(part)
        if part.kind is MediaKind.AUDIO:
            return audio_to_base64(data, self.limits)
        return image_to_base64(data, self.limits, self.convert)

    def _data(self, part: MediaPart) -> bytes | str:
        if part.base64 or not part.url:
            return part.base64
        if is_data_url(part.url):
            return part.url
        data = self.fetched.get(part.url)
        if data is None:
            host = plan_download(part.url).host
            raise RequestError.of("media_not_fetched", f"The file at {host} was not downloaded before the request was built.")
        return data

    def _refuse(self, what: str, capability: str, setting: str) -> NoReturn:
        raise RequestError.of(
            f"{capability}_missing",
            f'The model "{self.model}" cannot read {what}.',
            f"Use a model with the capability {capability}{setting}.",
        )


def media_parts(messages: Sequence[Message]) -> tuple[MediaPart, ...]:
    """All parts that are no text, in order."""
    lists = (message.content for message in messages if not isinstance(message.content, str))
    return tuple(part for parts in lists for part in parts if isinstance(part, MediaPart))


def urls_to_fetch(messages: Sequence[Message], rules: MediaRules | None = None) -> tuple[str, ...]:
    """The URLs of all parts that must be downloaded before `MediaRules.to_wire`, each once, in order.

    Raises RequestError for unusable ones and, with `rules`, for parts that the model cannot read: nothing is downloaded in vain.
    """
    parts = media_parts(messages)
    if rules is not None:
        for part in parts:
            rules.check(part)
    links = (part.url for part in parts if part.kind not in REFUSALS and part.url and not part.base64)
    urls = tuple(dict.fromkeys(url for url in links if not is_data_url(url)))
    for url in urls:
        plan_download(url)
    return urls
