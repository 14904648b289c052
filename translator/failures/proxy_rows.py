"""Catalogue rows for replies that a proxy made, or may have made: it wants a login, bars the way, or gets no answer itself.

They come after all rows that know a text, so what is recognisably Ollama's own keeps its meaning whatever it passed through, and before
those that go by status alone. Ollama answers every failure of its own with JSON, except an empty 403 (foreign host) and the router's plain
404 and 405; a web page or an empty 502 therefore came from something in between. Else only a header can tell.

None of them is an authorization error except a page that asks for a login: Dify replaces the text of those, and where it may be the proxy
as well as the key, the text has to be read.
"""

from translator.failures.bodies import Shape
from translator.failures.proxies import Part
from translator.failures.row import Row, bad_request, unauthorized, unavailable

AROUND = "let the plugin go around it if it is the system proxy (proxy setting `never`, or NO_PROXY)"
NO_ANSWER = "{proxy} answered instead of the server (status {status}): it cannot reach the server, or the server is down."
UNREACHED = "Check that the server runs, and whether a proxy lies in between that should not (NO_PROXY)."
GAVE_UP = "{proxy} in front of the server gave up waiting for an answer (status 504)."
MORE_TIME = "Raise the read timeout of the proxy: loading a large model can take minutes."

ANSWERED: tuple[Row, ...] = (
    bad_request("proxy_sign_in", statuses=407, source="RFC 9110 section 15.5.8").says(
        "{proxy} between Dify and the server wants a user name and password.",
        "Let the plugin go around the proxy (proxy setting `never`, or NO_PROXY), or give the proxy's URL with credentials.",
    ),
    bad_request(
        "proxy_refused", statuses=(401, 403, 451), parts=(Part.WROTE,), source="squid `ERR_ACCESS_DENIED`; RFC 9209 section 2.3"
    ).says(
        "{proxy} on the way to the server refused the request (status {status}).{said}",
        f"Allow the server's address in the access rules of the proxy, or {AROUND}.",
    ),
    unauthorized("unauthorized", statuses=401, shapes=(Shape.HTML,), source="nginx `401 Authorization Required`").says(
        "{proxy} in front of the server wants a key, or a user name and password (status 401).",
        "Check the API key in the credentials, or write user name and password into the base URL (http://user:password@host).",
    ),
    bad_request("proxy_refused", statuses=403, shapes=(Shape.HTML,), source="nginx and Cloudflare pages").says(
        "{proxy} in front of the server refused the request (status 403).{said}",
        f"Allow the address of Dify there, send the headers it wants, or {AROUND}.",
    ),
    unavailable(
        "proxy_gateway", statuses=(502, 503), parts=(Part.WROTE,), retryable=True, source="squid `ERR_CONNECT_FAIL`; RFC 9209 section 2.3"
    ).says(NO_ANSWER, UNREACHED),
    unavailable(
        "proxy_gateway",
        statuses=(502, 503),
        shapes=(Shape.HTML,),
        retryable=True,
        source="0.33.0-rc2 `cloud-proxy-html`, `cloud-stub-html`",
    ).says(NO_ANSWER, UNREACHED),
    unavailable("proxy_timeout", statuses=504, parts=(Part.WROTE,), retryable=True, source="RFC 9209 section 2.3").says(GAVE_UP, MORE_TIME),
)
"""What only a proxy says, whatever stands behind it; the catalogue of rerank services has these rows, too."""

PROXY_OR_KEY = bad_request(
    "proxy_or_key", statuses=(401, 403), parts=(Part.PASSED,), source="any refusal with `Via` whose words are not Ollama's"
).says(
    "The request was refused (status {status}), either by {proxy} in between or by the server for its API key.{said}",
    f"Check the API key in the credentials and the proxy's access rules, or {AROUND}.",
)
"""Why one is kept out may be either's business, unless the words are the server's own."""

PROXY: tuple[Row, ...] = (
    *ANSWERED,
    bad_request(
        "host_refused",
        statuses=403,
        shapes=(Shape.EMPTY,),
        parts=(Part.PASSED,),
        source="every version, `error-foreign-host`, behind a proxy",
    ).says(
        "The request was refused without a word (status 403), by {proxy} in between, or by an Ollama that refuses foreign hosts.",
        "Let the proxy send `Host: localhost:11434`, or start Ollama with OLLAMA_HOST=0.0.0.0; else check the proxy's access rules, "
        f"or {AROUND}.",
    ),
    PROXY_OR_KEY,
    unavailable("proxy_timeout", statuses=504, retryable=True, source="nginx `504 Gateway Time-out`; ollama.com").says(GAVE_UP, MORE_TIME),
    unavailable(
        "proxy_gateway",
        statuses=(502, 503),
        shapes=(Shape.PLAIN, Shape.EMPTY, Shape.CUT),
        retryable=True,
        source="reverse proxies without an error page",
    ).says(NO_ANSWER, UNREACHED),
    unavailable("proxy_origin", statuses=(520, 521, 522, 523, 524, 525, 526, 530), source="Cloudflare 5xx pages").says(
        "Cloudflare in front of the server could not get an answer from it (status {status}).",
        "Check that the server runs; for status 524 the answer took longer than Cloudflare waits (100 seconds).",
    ),
    unavailable("proxy_failed", statuses=range(500, 600), shapes=(Shape.HTML,), source="error pages of proxies, other statuses").says(
        "{proxy} answered with an error page instead of the server (status {status}).{said}",
        "Look into the log of the proxy, and check whether a proxy lies in between that should not (NO_PROXY).",
    ),
)
