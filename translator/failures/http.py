"""Catalogue rows that go by status and shape: wrong addresses, keys, and the last rows that fit everything.

They come after all rows that know a text and after those of proxies. Their words are not known, so where the headers tell of a proxy
(`{passed}`), it may have made the reply.

401 and 403 are authorization errors only when they may be about the key: Dify replaces the text of those by a general sentence, so
everything that needs its text to be read is another family.
"""

from translator.errors import Family
from translator.failures.bodies import Shape
from translator.failures.entry import Entry

CHECK_URL = "Check the base URL: scheme, host and port only, such as http://192.168.1.5:11434, without /api or /v1 at the end."

HTTP: tuple[Entry, ...] = (
    Entry(
        code="https_expected",
        patterns=(r"plain http request was sent to https port", r"client sent an http request to an https server"),
        family=Family.BAD_REQUEST,
        cause="The server speaks https on this port, and the base URL says http.",
        remedy="Write https:// in the base URL.",
        source="nginx (400, web page) and net/http (400, plain text)",
    ),
    Entry(
        code="redirected",
        statuses=(301, 302, 303, 307, 308),
        family=Family.BAD_REQUEST,
        cause="The server sends requests for {route} to another address (status {status}).{passed}",
        remedy="Enter the final address as base URL, with https where the server redirects to it, and without a slash at the end.",
        source="net/http: a double slash is redirected; proxies redirect http to https",
    ),
    Entry(
        code="unauthorized",
        statuses=(401,),
        family=Family.AUTHORIZATION,
        cause="The server does not accept the API key, or wants one.",
        remedy="Check the API key in the credentials; behind a proxy with a login, user name and password may be needed instead.",
        source="rerank `llamacpp-unauthorized`, `tei-unauthorized` (empty), `xinference-unauthorized`",
    ),
    Entry(
        code="host_refused",
        statuses=(403,),
        shapes=(Shape.EMPTY,),
        family=Family.BAD_REQUEST,
        cause="The Ollama server listens on its own machine only and refuses requests that name another host.",
        remedy="Start Ollama with OLLAMA_HOST=0.0.0.0, or let the proxy in front of it send `Host: localhost:11434`.",
        source="every version, `error-foreign-host`",
    ),
    Entry(
        code="forbidden",
        statuses=(403,),
        family=Family.AUTHORIZATION,
        cause="The server refuses access (status 403).{said}",
        remedy="Check the API key and what it is allowed to do.",
        source="Xinference with missing rights",
    ),
    Entry(
        code="route_missing",
        statuses=(404,),
        patterns=(r"404 page not found",),
        family=Family.BAD_REQUEST,
        cause="The server answers, but it has no {route}.{passed}",
        remedy=f"{CHECK_URL} If the base URL is right, the Ollama server is too old: update it.",
        source="every version, `error-v1-prefix`; 0.5.13 and 0.9.6 `status`, `me`",
    ),
    Entry(
        code="not_ollama",
        statuses=(404, 405),
        shapes=(Shape.HTML,),
        family=Family.BAD_REQUEST,
        cause="A web page answered instead of Ollama (status {status}).{said}{passed}",
        remedy=CHECK_URL,
        source="rerank `xinference-unknown-get-path`; reverse proxies",
    ),
    Entry(
        code="method_refused",
        statuses=(405,),
        family=Family.BAD_REQUEST,
        cause="The server does not take this kind of request on {route}; most often a redirect changed it on its way.{passed}",
        remedy=CHECK_URL,
        source="0.9.6, 0.24.0 and 0.33.0-rc2 `error-wrong-method`; rerank `xinference-wrong-path` (405)",
    ),
    Entry(
        code="not_found",
        statuses=(404,),
        family=Family.BAD_REQUEST,
        cause="The server answers, but not as Ollama does: it has no route {route} (status 404).{said}{passed}",
        remedy=CHECK_URL,
        source="rerank `llamacpp-root`, `tei-v1-models-absent` (empty), `xinference-wrong-method`",
    ),
    Entry(
        code="unavailable",
        statuses=(502, 503),
        family=Family.UNAVAILABLE,
        retryable=True,
        cause="The server cannot answer at the moment (status {status}).{said}{passed}",
        remedy="Try again in a moment.",
        source="RFC 9110 sections 15.6.3 and 15.6.4",
    ),
    Entry(
        code="body_too_large",
        statuses=(413,),
        family=Family.BAD_REQUEST,
        cause="The request is larger than the server, or {proxy} in front of it, accepts.",
        remedy="Send fewer or smaller pictures and texts, or raise the limit (nginx: client_max_body_size; TEI: --payload-limit).",
        source="rerank `tei-over-payload-limit`; nginx `413 Request Entity Too Large`",
    ),
    Entry(
        code="rate_limited",
        statuses=(429,),
        family=Family.RATE_LIMIT,
        cause="The server takes no more requests for now (status 429).{said}{passed}",
        remedy="Wait a moment and run fewer requests at once.",
        source="RFC 6585 section 4; other wording",
    ),
    Entry(
        code="request_timeout",
        statuses=(408, 499),
        family=Family.UNAVAILABLE,
        cause="The connection ended before the server had the whole request or could answer (status {status}).{passed}",
        remedy="Raise the time limits in the model's settings and of any proxy in between.",
        source="server/routes.go (499); RFC 9110 section 15.5.9",
    ),
    Entry(
        code="not_ollama",
        shapes=(Shape.HTML,),
        family=Family.BAD_REQUEST,
        cause="A web page answered instead of Ollama (status {status}).{said}{passed}",
        remedy=CHECK_URL,
        source="login pages and captive portals",
    ),
    Entry(
        code="runner_silent",
        statuses=(500,),
        shapes=(Shape.EMPTY, Shape.NAMELESS),
        family=Family.UNAVAILABLE,
        cause="The server failed with {model} and gave no reason (status 500).{passed}",
        remedy="Look into the log of the server.",
        source="Go error values serialised as `{}` before 0.6.1",
    ),
)

FALLBACK: tuple[Entry, ...] = (
    Entry(
        code="unknown",
        statuses=range(400, 500),
        family=Family.BAD_REQUEST,
        cause="The server refused the request (status {status}).{said}{passed}",
        remedy="Look into the log of the server; if the plugin is at fault, please report this message.",
        source="nothing above fits",
    ),
    Entry(
        code="unknown",
        statuses=(200,),
        family=Family.UNAVAILABLE,
        cause="The server reported an error instead of the answer, or in the middle of it.{said}",
        remedy="Look into the log of the server; if the plugin is at fault, please report this message.",
        source="nothing above fits, in a stream",
    ),
    Entry(
        code="unknown",
        family=Family.UNAVAILABLE,
        cause="The server failed (status {status}).{said}{passed}",
        remedy="Look into the log of the server; if the plugin is at fault, please report this message.",
        source="nothing above fits",
    ),
)
