"""What was sent in a credential, a header or a URL of this run, and how it can be spelled.

A value of five characters or more is hidden anywhere, a shorter one where no letter or digit touches it, one of fewer than three only when
it is a credential. Escapes of JSON, URLs and HTML are undone before the search (`finding.py`); base64 is searched for here, because a
secret inside longer base64 can begin at three places.
"""

import base64
import re
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping

import attrs

from plugin_entry.cli.recording.places import WORDS_OF_PATHS
from translator.settings.base_url import BaseUrl

SHORTEST = 3
"""Characters of a value that is hidden, unless it is a credential."""
MOST_SECRETS = 1000
"""Newer ones push out older ones; a request brings its own in any case."""
SHORTEST_BASE64 = 4

TELLS_NOTHING = frozenset({"", "ollama", "dify-ollama", "localhost", "host.docker.internal", "none", "null", "true", "false", "dummy"})
"""Sent by everybody. Dummy keys and usual host names would take words out of every text."""

_MEDIA = r"(?:\*|application|text|image|audio|multipart)/(?:\*|json|x-ndjson|plain|html|xml|event-stream|octet-stream)"
HARMLESS: Mapping[str, re.Pattern[str]] = {
    "accept": re.compile(rf"{_MEDIA}(?:;q=[\d.]{{1,5}})?(?:, ?{_MEDIA}(?:;q=[\d.]{{1,5}})?){{0,20}}"),
    "accept-encoding": re.compile(r"(?:(?:gzip|deflate|br|zstd|identity|\*)(?:;q=[\d.]{1,5})?(?:, ?|$)){0,8}"),
    "accept-language": re.compile(r"(?:(?:[a-z]{2}(?:-[A-Z]{2})?|\*)(?:;q=[\d.]{1,5})?(?:, ?|$)){0,12}"),
    "cache-control": re.compile(r"no-cache|no-store|max-age=0"),
    "connection": re.compile(r"(?i:keep-alive|close)"),
    "content-length": re.compile(r"\d{1,12}"),
    "content-type": re.compile(rf"{_MEDIA}(?:; ?charset=[a-z\d-]{{1,12}})?"),
    "host": re.compile(r"(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?"),
    "transfer-encoding": re.compile(r"chunked"),
}
"""Headers of a request that may hold this and nothing else; any other value counts as sent in secret."""
CREDENTIALS = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "api-key", "x-auth-token"})
SCHEMES = frozenset({"basic", "bearer", "digest", "negotiate", "token", "apikey"})

NAME = re.compile(r"[A-Za-z][\w.-]{0,40}")
"""What stands before the equals sign of a cookie or a parameter."""
URL_SAFE = bytes.maketrans(b"+/", b"-_")


@attrs.frozen(slots=True)
class Secrets:
    """The values, oldest first. `learnt` counts them, also those that were pushed out."""

    values: tuple[str, ...] = attrs.field(default=(), repr=False)
    learnt: int = 0

    def and_these(self, values: Iterable[str]) -> "Secrets":
        """A copy that knows these, too."""
        new = [value for value in dict.fromkeys(values) if value.lower() not in TELLS_NOTHING]
        kept = [value for value in self.values if value not in new]
        return Secrets((*kept, *new)[-MOST_SECRETS:], self.learnt + len(set(new) - set(self.values)))

    def spelled(self) -> Iterator[bytes]:
        """The values as bytes; a blank may be a plus sign."""
        for value in self.values:
            yield from {_bytes(value), _bytes(value.replace(" ", "+"))}

    def in_base64(self) -> tuple[bytes, ...]:
        """What stands in base64 for a value, wherever it begins in the text that was encoded."""
        cores = {core for value in self.values for core in _cores(_bytes(value)) if len(core) >= SHORTEST_BASE64}
        return tuple(sorted(cores | {core.translate(URL_SAFE) for core in cores}))


def _bytes(value: str) -> bytes:
    return value.encode("utf-8", "surrogateescape")


def _cores(value: bytes) -> Iterator[bytes]:
    """The characters of base64 that depend on the value alone, for each place where it may begin."""
    for ahead, first in ((0, 0), (1, 2), (2, 3)):
        yield base64.b64encode(bytes(ahead) + value)[first : (ahead + len(value)) * 8 // 6]


def of_url(base_url: BaseUrl) -> Iterator[str]:
    """User, password, host and path of the server's URL."""
    if base_url.user is not None:
        yield from _of_login(f"{base_url.user}:{base_url.password}")
    if not base_url.host.startswith("127."):
        yield base_url.host
    yield from of_target(base_url.path)


def of_target(target: str) -> Iterator[str]:
    """Path segments that are no words of known routes, and the values of the query, as they stand and decoded."""
    path, _, query = target.partition("?")
    words = [word for word in path.split("/") if word not in WORDS_OF_PATHS]
    values = [part.partition("=")[2] or part for part in re.split("[&;]", query)]
    for value in (*words, *values):
        yield from _long_enough((value, urllib.parse.unquote_plus(value)))


def of_headers(headers: Iterable[tuple[str, str]]) -> Iterator[str]:
    """The values of headers, whole and in their parts; of Basic also user and password."""
    for name, value in headers:
        harmless = HARMLESS.get(name.lower())
        if harmless is not None and harmless.fullmatch(value):
            continue
        is_credential = name.lower() in CREDENTIALS
        for found in _of_value(value):
            yield from (found,) if is_credential else _long_enough((found,))


def _of_value(value: str) -> Iterator[str]:
    yield value
    scheme, _, rest = value.partition(" ")
    if scheme.lower() in SCHEMES:
        yield rest.strip()
        yield from _of_basic(rest.strip())
    for part in re.split(r"[\s,;]+", value):
        name, _, told = part.partition("=")
        told = (told if NAME.fullmatch(name) and told.strip("=") else part).strip('"')
        if told.lower() not in SCHEMES and re.search(r"\w", told):
            yield told
            yield urllib.parse.unquote(told)


def _of_basic(encoded: str) -> Iterator[str]:
    try:
        yield from _of_login(base64.b64decode(encoded, validate=True).decode("utf-8"))
    except ValueError:  # no base64, or no text in it
        return


def _of_login(login: str) -> Iterator[str]:
    user, _, password = login.partition(":")
    yield from (login, user, password, base64.b64encode(login.encode()).decode("ascii"))


def _long_enough(values: Iterable[str]) -> Iterator[str]:
    yield from (value for value in values if len(value) >= SHORTEST)
