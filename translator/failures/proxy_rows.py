"""Catalogue rows for replies that a proxy made, or may have made: it wants a login, bars the way, or gets no answer itself.

They come after all rows that know a text, so what is recognisably Ollama's own keeps its meaning whatever it passed through, and before
those that go by status alone. Ollama answers every failure of its own with JSON, except an empty 403 (foreign host) and the router's plain
404 and 405; a web page or an empty 502 therefore came from something in between. Else only a header can tell.

None of them is an authorization error except a page that asks for a login: Dify replaces the text of those, and where it may be the proxy
as well as the key, the text has to be read.
"""

from translator.errors import Family
from translator.failures.bodies import Shape
from translator.failures.entry import Entry
from translator.failures.proxies import Part

AROUND = "let the plugin go around it if it is the system proxy (proxy setting `never`, or NO_PROXY)"
NO_ANSWER = "{proxy} answered instead of the server (status {status}): it cannot reach the server, or the server is down."
UNREACHED = "Check that the server runs, and whether a proxy lies in between that should not (NO_PROXY)."
GAVE_UP = "{proxy} in front of the server gave up waiting for an answer (status 504)."
MORE_TIME = "Raise the read timeout of the proxy: loading a large model can take minutes."

ANSWERED: tuple[Entry, ...] = (
    Entry(
        code="proxy_sign_in",
        statuses=(407,),
        family=Family.BAD_REQUEST,
        cause="{proxy} between Dify and the server wants a user name and password.",
        remedy="Let the plugin go around the proxy (proxy setting `never`, or NO_PROXY), or give the proxy's URL with credentials.",
        source="RFC 9110 section 15.5.8",
    ),
    Entry(
        code="proxy_refused",
        statuses=(401, 403, 451),
        parts=(Part.WROTE,),
        family=Family.BAD_REQUEST,
        cause="{proxy} on the way to the server refused the request (status {status}).{said}",
        remedy=f"Allow the server's address in the access rules of the proxy, or {AROUND}.",
        source="squid `ERR_ACCESS_DENIED`; RFC 9209 section 2.3",
    ),
    Entry(
        code="unauthorized",
        statuses=(401,),
        shapes=(Shape.HTML,),
        family=Family.AUTHORIZATION,
        cause="{proxy} in front of the server wants a key, or a user name and password (status 401).",
        remedy="Check the API key in the credentials, or write user name and password into the base URL (http://user:password@host).",
        source="nginx `401 Authorization Required`",
    ),
    Entry(
        code="proxy_refused",
        statuses=(403,),
        shapes=(Shape.HTML,),
        family=Family.BAD_REQUEST,
        cause="{proxy} in front of the server refused the request (status 403).{said}",
        remedy=f"Allow the address of Dify there, send the headers it wants, or {AROUND}.",
        source="nginx and Cloudflare pages",
    ),
    Entry(
        code="proxy_gateway",
        statuses=(502, 503),
        parts=(Part.WROTE,),
        family=Family.UNAVAILABLE,
        retryable=True,
        cause=NO_ANSWER,
        remedy=UNREACHED,
        source="squid `ERR_CONNECT_FAIL`; RFC 9209 section 2.3",
    ),
    Entry(
        code="proxy_gateway",
        statuses=(502, 503),
        shapes=(Shape.HTML,),
        family=Family.UNAVAILABLE,
        retryable=True,
        cause=NO_ANSWER,
        remedy=UNREACHED,
        source="0.33.0-rc2 `cloud-proxy-html`, `cloud-stub-html`",
    ),
    Entry(
        code="proxy_timeout",
        statuses=(504,),
        parts=(Part.WROTE,),
        family=Family.UNAVAILABLE,
        retryable=True,
        cause=GAVE_UP,
        remedy=MORE_TIME,
        source="RFC 9209 section 2.3",
    ),
)
"""What only a proxy says, whatever stands behind it; the catalogue of rerank services has these rows, too."""

PROXY_OR_KEY = Entry(
    code="proxy_or_key",
    statuses=(401, 403),
    parts=(Part.PASSED,),
    family=Family.BAD_REQUEST,
    cause="The request was refused (status {status}), either by {proxy} in between or by the server for its API key.{said}",
    remedy=f"Check the API key in the credentials and the proxy's access rules, or {AROUND}.",
    source="any refusal with `Via` whose words are not Ollama's",
)
"""Why one is kept out may be either's business, unless the words are the server's own."""

PROXY: tuple[Entry, ...] = (
    *ANSWERED,
    Entry(
        code="host_refused",
        statuses=(403,),
        shapes=(Shape.EMPTY,),
        parts=(Part.PASSED,),
        family=Family.BAD_REQUEST,
        cause="The request was refused without a word (status 403), by {proxy} in between, or by an Ollama that refuses foreign hosts.",
        remedy="Let the proxy send `Host: localhost:11434`, or start Ollama with OLLAMA_HOST=0.0.0.0; else check the proxy's access rules, "
        f"or {AROUND}.",
        source="every version, `error-foreign-host`, behind a proxy",
    ),
    PROXY_OR_KEY,
    Entry(
        code="proxy_timeout",
        statuses=(504,),
        family=Family.UNAVAILABLE,
        retryable=True,
        cause=GAVE_UP,
        remedy=MORE_TIME,
        source="nginx `504 Gateway Time-out`; ollama.com",
    ),
    Entry(
        code="proxy_gateway",
        statuses=(502, 503),
        shapes=(Shape.PLAIN, Shape.EMPTY, Shape.CUT),
        family=Family.UNAVAILABLE,
        retryable=True,
        cause=NO_ANSWER,
        remedy=UNREACHED,
        source="reverse proxies without an error page",
    ),
    Entry(
        code="proxy_origin",
        statuses=(520, 521, 522, 523, 524, 525, 526, 530),
        family=Family.UNAVAILABLE,
        cause="Cloudflare in front of the server could not get an answer from it (status {status}).",
        remedy="Check that the server runs; for status 524 the answer took longer than Cloudflare waits (100 seconds).",
        source="Cloudflare 5xx pages",
    ),
    Entry(
        code="proxy_failed",
        statuses=range(500, 600),
        shapes=(Shape.HTML,),
        family=Family.UNAVAILABLE,
        cause="{proxy} answered with an error page instead of the server (status {status}).{said}",
        remedy="Look into the log of the proxy, and check whether a proxy lies in between that should not (NO_PROXY).",
        source="error pages of proxies, other statuses",
    ),
)
