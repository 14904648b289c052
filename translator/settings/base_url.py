"""Where the server is, in every spelling people type, paste or have saved.

The text of the base URL field becomes a `BaseUrl`, or a `RequestError` that says what is wrong. No part of the text is quoted in a
message: what looks like a host may be half of a password.

Rules: a text without scheme is read as the server reads OLLAMA_HOST (envconfig/config.go `Host`, `ConnectableHost`): port 11434,
0.0.0.0 means loopback, ollama.com means https. With a scheme the port is the scheme's own (80, 443), also for `http://localhost`:
addresses saved by other clients mean that, and a reverse proxy on port 80 must stay reachable; `BaseUrl.place` shows the port that is
tried. Only `host:443` differs from the server's rule: it is read as https, since plain http is refused on that port.
"""

import ipaddress
import re
import unicodedata
from typing import NoReturn
from urllib.parse import quote, unquote

import attrs

from translator.addresses import AddressKind, kind_of_host
from translator.errors import RequestError

EXAMPLE = "Write it like http://host.docker.internal:11434 or https://ollama.com."

REFUSALS: dict[str, tuple[str, str]] = {
    "empty": ("The base URL is empty.", EXAMPLE),
    "too_long": ("The base URL is longer than 2,048 characters.", EXAMPLE),
    "blank_inside": ("The base URL has a blank, a line break or a control character inside.", EXAMPLE),
    "scheme": ("The base URL starts with something other than http:// or https://.", EXAMPLE),
    "no_host": ("The base URL names no host.", EXAMPLE),
    "host": (
        "The host of the base URL is not a valid name or address.",
        "Use a name (ollama.example.com), an IPv4 address (192.168.1.5) or an IPv6 address in brackets ([::1]).",
    ),
    "host_spelling": (
        "The host of the base URL has a letter (ß or ς) that old and new rules for international names translate differently.",
        "Write that host in its ASCII form, which starts with xn-- or spells the letter out.",
    ),
    "colons": (
        "The base URL has more than one colon after the host.",
        "Write host:port, and put an IPv6 address in brackets: http://[::1]:11434.",
    ),
    "port": ("The port of the base URL is not a number from 1 to 65535.", "Ollama listens on 11434 unless told otherwise."),
    "query": (
        "The base URL has a query or a fragment (? or #), which would end up in the middle of every address.",
        "Remove it; a key belongs in the API key field.",
    ),
    "password": (
        "The base URL has an @ behind the host, as if user or password contained one of / \\ ? #.",
        "Percent-encode these characters in user and password: / is %2F, \\ is %5C, ? is %3F, # is %23, @ is %40.",
    ),
    "credentials": (
        "User or password in the base URL cannot be sent: it has a control character or bytes that are not UTF-8, or the user has a colon.",
        "Percent-encode special characters as UTF-8; a user name cannot contain a colon.",
    ),
    "dots": ("The path of the base URL has a step of only dots (. or ..).", "Write the path it leads to."),
    "open_webui": (
        "The base URL ends in /api/chat/completions, which is a route of Open WebUI and not of Ollama.",
        "Open WebUI passes Ollama's own routes under /ollama: use http://host:port/ollama with its API key.",
    ),
    "metadata": (
        "The base URL names the metadata service of a cloud, which hands out credentials and is no Ollama server.",
        "Use the address of the Ollama server.",
    ),
    "cloud_page": ("The base URL is a page of ollama.com; its API lies directly under https://ollama.com.", "Use https://ollama.com."),
    "cloud_credentials": ("ollama.com takes no user and password.", "Use https://ollama.com and put the key into the API key field."),
    "cloud_port": ("ollama.com answers only on its standard port.", "Use https://ollama.com."),
}
"""Every reason to refuse: cause and remedy. The error's code is `base_url_` and the name here."""


def refuse(reason: str) -> NoReturn:
    """Raises RequestError with the code `base_url_` and `reason`."""
    cause, remedy = REFUSALS[reason]
    raise RequestError.of(f"base_url_{reason}", cause, remedy)


OLLAMA_PORT = 11434
DEFAULT_PORTS = {"http": 80, "https": 443}
CLOUD_HOST = "ollama.com"
CLOUD_NAMES = frozenset({CLOUD_HOST, "www.ollama.com", "api.ollama.com"})
CLOUD_PORTS = frozenset({None, 80, 443, OLLAMA_PORT})
MAX_CHARS = 2048

FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: " ", 0x3002: ".", 0xFF61: ".", ord("\\"): "/"}
"""What input methods for Chinese and Japanese produce for ASCII, and the slash of Windows."""

QUOTES = "\"'`<>,;“”‘’«»「」『』《》、"
"""Marks around a pasted address."""

_ROUTES = (
    r"chat/completions|completions|embeddings|models|responses|messages"
    r"|chat|generate|embed|show|tags|ps|version|pull|push|create|copy|delete|me|signout|status|web_search|web_fetch"
)
"""Routes of `/v1` and of `/api`: people copy them along from examples."""

_TAIL = re.compile(rf"(?:(?:/api/v1|/v1/api|/api|/v1)(?:/(?:{_ROUTES}))?|/chat/completions)$", re.I)
_SCHEME = re.compile(r"(?:https?:/+)*(https?)(?::/+|//)", re.I)
_BARE_SCHEME = re.compile(r"(https?):(?!\d+(?:/|$))(?!.*@)", re.I)
_OTHER_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:/", re.I)
_BRACKETS = re.compile(r"\[([^\[\]]*)\](?::(.*))?")
_ZONE = re.compile(r"%(?:25)?([\w.~-]+)", re.ASCII)
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
_NUMBER_LABEL = re.compile(r"(?:.*\.)?(?:\d+|0x[0-9a-f]*)")
_BLANK_OR_CONTROL = re.compile(r"[\s\x00-\x1f\x7f-\x9f]")
_LONE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


@attrs.frozen(slots=True, kw_only=True)
class BaseUrl:
    """Where a server is: ASCII host in lower case without brackets, `port` None for the scheme's own, `path` "" or "/prefix"."""

    scheme: str
    host: str
    port: int | None = None
    path: str = ""
    user: str | None = attrs.field(default=None, repr=False)
    password: str = attrs.field(default="", repr=False)

    @property
    def tcp_port(self) -> int:
        """The port a connection goes to, 1 to 65535."""
        return self.port or DEFAULT_PORTS[self.scheme]

    @property
    def origin(self) -> str:
        """Scheme, host and port as they stand in a URL; nothing secret."""
        return f"{self.scheme}://{self._url_host}" + (f":{self.port}" if self.port else "")

    @property
    def place(self) -> str:
        """Like `origin`, always with the port, for messages: a port nobody typed is often the mistake."""
        return f"{self.scheme}://{self._url_host}:{self.tcp_port}"

    @property
    def is_cloud(self) -> bool:
        """True for ollama.com itself, not for a local server that passes requests on to it."""
        return self.host == CLOUD_HOST

    def url_for(self, route: str) -> str:
        """The URL of a route such as `/api/chat`, without credentials and without a double slash, which servers redirect."""
        return f"{self.origin}{self.path}/{route.lstrip('/')}"

    @property
    def _url_host(self) -> str:
        """An IPv6 zone keeps its bare %, as the resolver gets the host as it stands here."""
        return f"[{self.host}]" if ":" in self.host else self.host


def parse_base_url(text: str) -> BaseUrl:
    """Reads what a person wrote. Raises RequestError whose code is `base_url_` and a reason of `REFUSALS`."""
    scheme, rest = _split_scheme(_clean(text))
    authority, path = _split_path(rest)
    userinfo, _, place = authority.rpartition("@")
    user, password = _credentials(userinfo)
    host, port_text = _split_port(place)
    port = _port(port_text)
    if scheme is None:
        scheme = "https" if port == DEFAULT_PORTS["https"] else "http"
        port = port or OLLAMA_PORT
    if port == DEFAULT_PORTS[scheme]:
        port = None
    url = BaseUrl(scheme=scheme, host=_host(host), port=port, path=_prefix(path), user=user, password=password)
    if kind_of_host(url.host) is AddressKind.METADATA:
        refuse("metadata")
    return _cloud(url) if url.host in CLOUD_NAMES else url


def _clean(text: str) -> str:
    visible = "".join(char for char in text[: 2 * MAX_CHARS] if unicodedata.category(char) != "Cf")
    cleaned = visible.translate(FULL_WIDTH).strip().strip(QUOTES + " \t\r\n")
    if not cleaned:
        refuse("empty")
    if len(cleaned) > MAX_CHARS:
        refuse("too_long")
    if _BLANK_OR_CONTROL.search(cleaned):
        refuse("blank_inside")
    return cleaned


def _split_scheme(text: str) -> tuple[str | None, str]:
    if found := _SCHEME.match(text) or _BARE_SCHEME.match(text):
        return found[1].lower(), text[found.end() :]
    if _OTHER_SCHEME.match(text):
        refuse("scheme")
    return None, text.lstrip("/")


def _split_path(rest: str) -> tuple[str, str]:
    end = min((rest.index(mark) for mark in "/?#" if mark in rest), default=len(rest))
    authority, path = rest[:end], rest[end:].rstrip("?#")
    if "@" in path:
        refuse("password")
    if "?" in path or "#" in path:
        refuse("query")
    return authority, path


def _credentials(userinfo: str) -> tuple[str | None, str]:
    if not userinfo.strip(":"):
        return None, ""
    raw_user, _, raw_password = userinfo.partition(":")
    try:
        user, password = (unquote(part, errors="strict") for part in (raw_user, raw_password))
    except UnicodeDecodeError:
        refuse("credentials")
    if ":" in user or any(unicodedata.category(char) in ("Cc", "Cs") for char in user + password):
        refuse("credentials")
    return user, password


def _split_port(place: str) -> tuple[str, str]:
    """Host text (with brackets gone) and port text, "" when there is none."""
    if not place:
        refuse("no_host")
    if found := _BRACKETS.fullmatch(place):
        return found[1], found[2] or ""
    if place.count(":") > 1:
        return (place, "") if _is_ipv6(place) else refuse("colons")
    host, _, port = place.partition(":")
    return host or "127.0.0.1", port


def _port(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65535):
        refuse("port")
    return int(text)


def _host(text: str) -> str:
    if ":" in text:
        return _ipv6(text)
    name = _ascii(text.removesuffix(".")).lower()
    if _NUMBER_LABEL.fullmatch(name):
        return _ipv4(name)
    if len(name) > 253 or not _NAME.fullmatch(name):
        refuse("host")
    return name


def _ascii(name: str) -> str:
    if name.isascii():
        return name
    if "ß" in name or "ς" in name:
        refuse("host_spelling")
    try:
        return name.encode("idna").decode("ascii")
    except UnicodeError:
        refuse("host")


def _ipv4(name: str) -> str:
    """Strict: short, octal and hexadecimal forms mean different hosts to different programs."""
    try:
        address = ipaddress.IPv4Address(name)
    except ValueError:
        refuse("host")
    return "127.0.0.1" if address.is_unspecified else str(address)


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text.partition("%")[0])
    except ValueError:
        return False
    return True


def _ipv6(text: str) -> str:
    literal, percent, _ = text.partition("%")
    zone = _ZONE.fullmatch(text[len(literal) :])
    if not _is_ipv6(text) or (percent and not zone):
        refuse("host")
    address = ipaddress.IPv6Address(literal)
    return "::1" if address.is_unspecified else str(address) + (f"%{zone[1]}" if zone else "")


def _prefix(path: str) -> str:
    """The prefix of a reverse proxy, without the route people copy along. One route is taken off: `/api/api` keeps a real `/api`."""
    steps = [step for step in path.split("/") if step]
    if any(unquote(step) in (".", "..") for step in steps):
        refuse("dots")
    whole = "".join(f"/{step}" for step in steps)
    if whole.lower().endswith("/api/chat/completions"):
        refuse("open_webui")
    return _LONE_PERCENT.sub("%25", quote(_TAIL.sub("", whole, count=1), safe="/%:!$&'()*+,;=~"))


def _cloud(url: BaseUrl) -> BaseUrl:
    if url.port not in CLOUD_PORTS:
        refuse("cloud_port")
    if url.path:
        refuse("cloud_page")
    if url.user is not None:
        refuse("cloud_credentials")
    return attrs.evolve(url, scheme="https", host=CLOUD_HOST, port=None)
