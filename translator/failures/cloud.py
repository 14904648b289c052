"""Catalogue rows for ollama.com, asked directly or through a local server.

Only a refusal of the key itself is an authorization error: Dify replaces the text of those by a general sentence about credentials,
so plan, sign-in and retirement are bad requests, whose text users do see. ollama.com is closed source; rows without a recording rest
on public reports.
"""

from translator.errors import Family
from translator.failures.bodies import Shape
from translator.failures.entry import Entry

OTHER_THAN_PAGES = frozenset(Shape) - {Shape.HTML}

CLOUD_NAME = r"(?i)[:-]cloud$"
"""`gpt-oss:120b-cloud`, `kimi-k2.6:cloud` (0.33.0-rc2 internal/modelref/modelref.go)."""

CLOUD: tuple[Entry, ...] = (
    Entry(
        code="cloud_sign_in",
        statuses=(401,),
        signin=True,
        family=Family.BAD_REQUEST,
        cause="{model} runs on ollama.com, and the Ollama server is not signed in there.",
        remedy="Run `ollama signin` on the machine where Ollama runs; an API key in Dify has no effect on a local server.",
        source="0.33.0-rc2 `cloud-stub-unauth`; server/routes.go since 0.12.1",
    ),
    Entry(
        code="cloud_sign_in",
        statuses=(401,),
        shapes=OTHER_THAN_PAGES,
        model=CLOUD_NAME,
        family=Family.BAD_REQUEST,
        cause="The cloud (ollama.com) refused {model}: the Ollama server is not signed in, or the API key is not valid.{passed}",
        remedy="With a local server run `ollama signin` on its machine; with https://ollama.com as base URL check the API key.",
        source="0.33.0-rc2 `cloud-proxy-unauth`; server/cloud_proxy.go passes the cloud's body on",
    ),
    Entry(
        code="unauthorized",
        statuses=(401,),
        shapes=(Shape.TEXT_IN_JSON,),
        patterns=(r"(?-i:^unauthorized\s*$)",),
        family=Family.AUTHORIZATION,
        cause="The server does not accept the API key, or wants one.",
        remedy="Check the API key in the credentials.",
        source="ollama.com `unauthorized`, in these letters",
    ),
    Entry(
        code="cloud_disabled",
        patterns=(r"ollama cloud is disabled",),
        family=Family.BAD_REQUEST,
        cause="The Ollama server has cloud models switched off, so {model} cannot be used.",
        remedy="Start the server without OLLAMA_NO_CLOUD=1, or choose a model that runs locally.",
        source="0.33.0-rc2 `cloud-disabled-chat`, `-embed`, `-show`, `-web-search`",
    ),
    Entry(
        code="cloud_subscription",
        patterns=(r"requires a subscription",),
        family=Family.BAD_REQUEST,
        cause="{model} needs a paid ollama.com subscription.{said}",
        remedy="Upgrade the ollama.com account (https://ollama.com/upgrade), or choose another model.",
        source="0.33.0-rc2 `cloud-proxy-sub`",
    ),
    Entry(
        code="cloud_quota",
        patterns=(r"usage limit", r"\bquota\b.{0,40}exceeded", r"exceeded.{0,40}\bquota\b", r"\b(?:hourly|daily|weekly|monthly) limit\b"),
        family=Family.RATE_LIMIT,
        cause="The ollama.com account has used up its allowance for now.{said}",
        remedy="Wait until the period is over (hours to a week), upgrade the account, or choose a model that runs locally.",
        source="0.33.0-rc2 `cloud-proxy-limit`, `cloud-stub-limit`",
    ),
    Entry(
        code="cloud_plan",
        patterns=(r"not included in your (?:free )?(?:usage|plan)",),
        family=Family.BAD_REQUEST,
        cause="The ollama.com plan of this account does not include {model}.",
        remedy="Upgrade the ollama.com account (https://ollama.com/upgrade), or choose another model.",
        source="0.33.0-rc2 `cloud-proxy-pay`",
    ),
    Entry(
        code="cloud_plan",
        statuses=(402,),
        family=Family.BAD_REQUEST,
        cause="The service wants payment for {model}.{said}{passed}",
        remedy="Check the plan of the account that the API key or the server's sign-in belongs to.",
        source="0.33.0-rc2 `cloud-proxy-pay`, other wording",
    ),
    Entry(
        code="cloud_slots",
        patterns=(r"concurrent request slot", r"too many concurrent requests"),
        family=Family.RATE_LIMIT,
        retryable=True,
        cause="The cloud (ollama.com) has no free slot for another request of this account.",
        remedy="Try again in a moment, run fewer requests at once, or upgrade the account.",
        source="0.33.0-rc2 `cloud-proxy-slots`",
    ),
    Entry(
        code="cloud_retired",
        patterns=(r"has been retired", r"model is retired"),
        family=Family.BAD_REQUEST,
        cause="{model} is no longer offered on ollama.com.",
        remedy="Choose another model; https://ollama.com/search?c=cloud lists those on offer.",
        source="0.33.0-rc2 `cloud-proxy-gone`",
    ),
    Entry(
        code="cloud_retired",
        statuses=(410,),
        family=Family.BAD_REQUEST,
        cause="The server says that {model} is gone for good.{said}{passed}",
        remedy="Choose another model.",
        source="0.33.0-rc2 `cloud-proxy-gone`, other wording",
    ),
    Entry(
        code="cloud_overloaded",
        patterns=(r"server overloaded",),
        family=Family.UNAVAILABLE,
        retryable=True,
        cause="The cloud (ollama.com) is overloaded.{said}",
        remedy="Try again in a moment.",
        source="0.33.0-rc2 `cloud-proxy-busy`",
    ),
    Entry(
        code="cloud_internal",
        patterns=(r"internal server error \(ref:",),
        family=Family.UNAVAILABLE,
        cause="The cloud (ollama.com) failed while serving {model}.{said}",
        remedy="Try again later; if it stays so, choose another model, or report the reference to ollama.com.",
        source="0.33.0-rc2 `cloud-proxy-ise`, `cloud-proxy-errline` (in the stream)",
    ),
    Entry(
        code="cloud_unreachable",
        patterns=(r"\"https://(?:www\.)?ollama\.com[^\"]*\": ",),
        family=Family.UNAVAILABLE,
        retryable=True,
        cause="The Ollama server could not reach ollama.com, where {model} runs.",
        remedy="Give the machine where Ollama runs access to the internet (DNS and HTTPS), or choose a model that runs locally.",
        source="0.24.0 and 0.33.0-rc2 `error-cloud-not-signed-in`; 0.33.0-rc2 `web-search-no-network`",
    ),
    Entry(
        code="cloud_reply_cut",
        shapes=(Shape.CUT,),
        statuses=(200,),
        family=Family.UNAVAILABLE,
        cause="The connection between the Ollama server and ollama.com broke in the middle of the answer.",
        remedy="Try again; if it happens often, check the internet connection of the machine where Ollama runs.",
        source="0.33.0-rc2 `cloud-stub-cut`",
    ),
    Entry(
        code="cloud_host_not_allowed",
        patterns=(r"this server cannot run this remote model",),
        family=Family.BAD_REQUEST,
        cause="{model} points to a remote host that the Ollama server does not trust.",
        remedy="Add the host to OLLAMA_REMOTES on the machine where Ollama runs, or choose another model.",
        source="0.33.0-rc2 `cloud-stub-host-not-allowed`",
    ),
    Entry(
        code="cloud_account_unavailable",
        patterns=(r"account unavailable",),
        family=Family.UNAVAILABLE,
        retryable=True,
        cause="The Ollama server could not ask ollama.com about its account.",
        remedy="Only cloud models need it: give the machine where Ollama runs access to the internet.",
        source="0.24.0 and 0.33.0-rc2 `me`, `me-no-network`",
    ),
    Entry(
        code="cloud_or_local",
        patterns=(r"use either :local or :cloud",),
        family=Family.BAD_REQUEST,
        cause="The model name asks for the local and for the cloud model at once.",
        remedy="Keep one of the endings `:local` and `:cloud` in the model name.",
        source="0.33.0-rc2 `cloud-and-local-suffix`",
    ),
    Entry(
        code="cloud_route_missing",
        patterns=(r"path \"[^\"]{1,80}\" not found",),
        family=Family.BAD_REQUEST,
        cause="The cloud (ollama.com) does not offer {route}; it has chat models only, no embeddings.",
        remedy="Use a local Ollama server for embeddings.",
        source="public reports of ollama.com, 2025 to 2026",
    ),
)
