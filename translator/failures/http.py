"""Catalogue rows that go by status and shape: wrong addresses, keys, and the last rows that fit everything.

They come after all rows that match a text and after those of proxies. Nothing in the text says who wrote such a reply, so where the headers
name a proxy (`{passed}`), it may have written it.

401 and 403 are authorization errors only when they may be about the key: Dify replaces the text of those by a general sentence, so
everything that needs its text to be read is another family.
"""

from translator.failures.bodies import Shape
from translator.failures.row import Row, bad_request, rate_limited, unauthorized, unavailable

CHECK_URL = "Check the base URL: scheme, host and port only, such as http://192.168.1.5:11434, without /api or /v1 at the end."

HTTP: tuple[Row, ...] = (
    bad_request(
        "https_expected",
        r"plain http request was sent to https port",
        r"client sent an http request to an https server",
        source="nginx (400, web page) and net/http (400, plain text)",
    ).says("The server speaks https on this port, and the base URL says http.", "Write https:// in the base URL."),
    bad_request(
        "redirected", statuses=(301, 302, 303, 307, 308), source="net/http: a double slash is redirected; proxies redirect http to https"
    ).says(
        "The server sends requests for {route} to another address (status {status}).{passed}",
        "Enter the final address as base URL, with https where the server redirects to it, and without a slash at the end.",
    ),
    unauthorized(
        "unauthorized", statuses=401, source="rerank `llamacpp-unauthorized`, `tei-unauthorized` (empty), `xinference-unauthorized`"
    ).says(
        "The server does not accept the API key, or wants one.",
        "Check the API key in the credentials; behind a proxy with a login, user name and password may be needed instead.",
    ),
    bad_request("host_refused", statuses=403, shapes=(Shape.EMPTY,), source="every version, `error-foreign-host`").says(
        "The Ollama server listens on its own machine only and refuses requests that name another host.",
        "Start Ollama with OLLAMA_HOST=0.0.0.0, or let the proxy in front of it send `Host: localhost:11434`.",
    ),
    unauthorized("forbidden", statuses=403, source="Xinference with missing rights").says(
        "The server refuses access (status 403).{said}", "Check the API key and what it is allowed to do."
    ),
    bad_request(
        "route_missing", r"404 page not found", statuses=404, source="every version, `error-v1-prefix`; 0.5.13 and 0.9.6 `status`, `me`"
    ).says(
        "The server answers, but it has no {route}.{passed}",
        f"{CHECK_URL} If the base URL is right, the Ollama server is too old: update it.",
    ),
    bad_request(
        "not_ollama", statuses=(404, 405), shapes=(Shape.HTML,), source="rerank `xinference-unknown-get-path`; reverse proxies"
    ).says("A web page answered instead of Ollama (status {status}).{said}{passed}", CHECK_URL),
    bad_request(
        "method_refused", statuses=405, source="0.9.6, 0.24.0 and 0.33.0-rc2 `error-wrong-method`; rerank `xinference-wrong-path` (405)"
    ).says("The server does not take this kind of request on {route}; most often a redirect changed it on its way.{passed}", CHECK_URL),
    bad_request("not_found", statuses=404, source="rerank `llamacpp-root`, `tei-v1-models-absent` (empty), `xinference-wrong-method`").says(
        "The server answers, but not as Ollama does: it has no route {route} (status 404).{said}{passed}", CHECK_URL
    ),
    unavailable("unavailable", statuses=(502, 503), retryable=True, source="RFC 9110 sections 15.6.3 and 15.6.4").says(
        "The server cannot answer at the moment (status {status}).{said}{passed}", "Try again in a moment."
    ),
    bad_request("body_too_large", statuses=413, source="rerank `tei-over-payload-limit`; nginx `413 Request Entity Too Large`").says(
        "The request is larger than the server, or {proxy} in front of it, accepts.",
        "Send fewer or smaller pictures and texts, or raise the limit (nginx: client_max_body_size; TEI: --payload-limit).",
    ),
    rate_limited("rate_limited", statuses=429, source="RFC 6585 section 4; other wording").says(
        "The server takes no more requests for now (status 429).{said}{passed}", "Wait a moment and run fewer requests at once."
    ),
    unavailable("request_timeout", statuses=(408, 499), source="server/routes.go (499); RFC 9110 section 15.5.9").says(
        "The connection ended before the server had the whole request or could answer (status {status}).{passed}",
        "Raise the time limits in the model's settings and of any proxy in between.",
    ),
    bad_request("not_ollama", shapes=(Shape.HTML,), source="login pages and captive portals").says(
        "A web page answered instead of Ollama (status {status}).{said}{passed}", CHECK_URL
    ),
    unavailable(
        "runner_silent", statuses=500, shapes=(Shape.EMPTY, Shape.NAMELESS), source="Go error values serialised as `{}` before 0.6.1"
    ).says("The server failed with {model} and gave no reason (status 500).{passed}", "Look into the log of the server."),
)

FALLBACK: tuple[Row, ...] = (
    bad_request("unknown", statuses=range(400, 500), source="nothing above fits").says(
        "The server refused the request (status {status}).{said}{passed}",
        "Look into the log of the server; if the plugin is at fault, please report this message.",
    ),
    unavailable("unknown", statuses=200, source="nothing above fits, in a stream").says(
        "The server reported an error instead of the answer, or in the middle of it.{said}",
        "Look into the log of the server; if the plugin is at fault, please report this message.",
    ),
    unavailable("unknown", source="nothing above fits").says(
        "The server failed (status {status}).{said}{passed}",
        "Look into the log of the server; if the plugin is at fault, please report this message.",
    ),
)
