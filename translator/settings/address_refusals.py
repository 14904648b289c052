"""Why an address cannot be used, as a table of sentences.

Enters: the name of a reason. Leaves: a `RequestError` with its cause and remedy. The sentences are constant: nothing of the
address appears in them, as what looks like a host may be half of a password.
"""

from typing import NoReturn

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
    "cloud_page": ("The base URL is a page of ollama.com; its API lies directly under https://ollama.com.", "Use https://ollama.com."),
    "cloud_credentials": ("ollama.com takes no user and password.", "Use https://ollama.com and put the key into the API key field."),
    "cloud_port": ("ollama.com answers only on its standard port.", "Use https://ollama.com."),
}
"""Every reason to refuse: cause and remedy. The error's code is `base_url_` and the name here."""


def refuse(reason: str) -> NoReturn:
    """Raises RequestError with the code `base_url_` and `reason`."""
    cause, remedy = REFUSALS[reason]
    raise RequestError.of(f"base_url_{reason}", cause, remedy)
