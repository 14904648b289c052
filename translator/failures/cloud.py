"""Catalogue rows for ollama.com, asked directly or through a local server.

Only a refusal of the key itself is an authorization error: Dify replaces the text of those by a general sentence about credentials,
so plan, sign-in and retirement are bad requests, whose text users do see. ollama.com is closed source; rows without a recording rest
on public reports.
"""

from translator.failures.bodies import Shape
from translator.failures.row import Row, bad_request, rate_limited, unauthorized, unavailable

OTHER_THAN_PAGES = frozenset(Shape) - {Shape.HTML}

CLOUD_NAME = r"(?i)[:-]cloud$"
"""`gpt-oss:120b-cloud`, `kimi-k2.6:cloud` (0.33.0-rc2 internal/modelref/modelref.go)."""

CLOUD: tuple[Row, ...] = (
    bad_request("cloud_sign_in", statuses=401, signin=True, source="0.33.0-rc2 `cloud-stub-unauth`; server/routes.go since 0.12.1").says(
        "{model} runs on ollama.com, and the Ollama server is not signed in there.",
        "Run `ollama signin` on the machine where Ollama runs; an API key in Dify has no effect on a local server.",
    ),
    bad_request(
        "cloud_sign_in",
        statuses=401,
        shapes=OTHER_THAN_PAGES,
        model=CLOUD_NAME,
        source="0.33.0-rc2 `cloud-proxy-unauth`; server/cloud_proxy.go passes the cloud's body on",
    ).says(
        "The cloud (ollama.com) refused {model}: the Ollama server is not signed in, or the API key is not valid.{passed}",
        "With a local server run `ollama signin` on its machine; with https://ollama.com as base URL check the API key.",
    ),
    unauthorized(
        "unauthorized",
        r"(?-i:^unauthorized\s*$)",
        statuses=401,
        shapes=(Shape.TEXT_IN_JSON,),
        source="ollama.com `unauthorized`, in these letters",
    ).says("The server does not accept the API key, or wants one.", "Check the API key in the credentials."),
    bad_request(
        "cloud_disabled", r"ollama cloud is disabled", source="0.33.0-rc2 `cloud-disabled-chat`, `-embed`, `-show`, `-web-search`"
    ).says(
        "The Ollama server has cloud models switched off, so {model} cannot be used.",
        "Start the server without OLLAMA_NO_CLOUD=1, or choose a model that runs locally.",
    ),
    bad_request("cloud_subscription", r"requires a subscription", source="0.33.0-rc2 `cloud-proxy-sub`").says(
        "{model} needs a paid ollama.com subscription.{said}",
        "Upgrade the ollama.com account (https://ollama.com/upgrade), or choose another model.",
    ),
    rate_limited(
        "cloud_quota",
        r"usage limit",
        r"\bquota\b.{0,40}exceeded",
        r"exceeded.{0,40}\bquota\b",
        r"\b(?:hourly|daily|weekly|monthly) limit\b",
        source="0.33.0-rc2 `cloud-proxy-limit`, `cloud-stub-limit`",
    ).says(
        "The ollama.com account has used up its allowance for now.{said}",
        "Wait until the period is over (hours to a week), upgrade the account, or choose a model that runs locally.",
    ),
    bad_request("cloud_plan", r"not included in your (?:free )?(?:usage|plan)", source="0.33.0-rc2 `cloud-proxy-pay`").says(
        "The ollama.com plan of this account does not include {model}.",
        "Upgrade the ollama.com account (https://ollama.com/upgrade), or choose another model.",
    ),
    bad_request("cloud_plan", statuses=402, source="0.33.0-rc2 `cloud-proxy-pay`, other wording").says(
        "The service wants payment for {model}.{said}{passed}",
        "Check the plan of the account that the API key or the server's sign-in belongs to.",
    ),
    rate_limited(
        "cloud_slots", r"concurrent request slot", r"too many concurrent requests", retryable=True, source="0.33.0-rc2 `cloud-proxy-slots`"
    ).says(
        "The cloud (ollama.com) has no free slot for another request of this account.",
        "Try again in a moment, run fewer requests at once, or upgrade the account.",
    ),
    bad_request("cloud_retired", r"has been retired", r"model is retired", source="0.33.0-rc2 `cloud-proxy-gone`").says(
        "{model} is no longer offered on ollama.com.", "Choose another model; https://ollama.com/search?c=cloud lists those on offer."
    ),
    bad_request("cloud_retired", statuses=410, source="0.33.0-rc2 `cloud-proxy-gone`, other wording").says(
        "The server says that {model} is gone for good.{said}{passed}", "Choose another model."
    ),
    unavailable("cloud_overloaded", r"server overloaded", retryable=True, source="0.33.0-rc2 `cloud-proxy-busy`").says(
        "The cloud (ollama.com) is overloaded.{said}", "Try again in a moment."
    ),
    unavailable(
        "cloud_internal", r"internal server error \(ref:", source="0.33.0-rc2 `cloud-proxy-ise`, `cloud-proxy-errline` (in the stream)"
    ).says(
        "The cloud (ollama.com) failed while serving {model}.{said}",
        "Try again later; if it stays so, choose another model, or report the reference to ollama.com.",
    ),
    unavailable(
        "cloud_unreachable",
        r"\"https://(?:www\.)?ollama\.com[^\"]*\": ",
        retryable=True,
        source="0.24.0 and 0.33.0-rc2 `error-cloud-not-signed-in`; 0.33.0-rc2 `web-search-no-network`",
    ).says(
        "The Ollama server could not reach ollama.com, where {model} runs.",
        "Give the machine where Ollama runs access to the internet (DNS and HTTPS), or choose a model that runs locally.",
    ),
    unavailable("cloud_reply_cut", statuses=200, shapes=(Shape.CUT,), source="0.33.0-rc2 `cloud-stub-cut`").says(
        "The connection between the Ollama server and ollama.com broke in the middle of the answer.",
        "Try again; if it happens often, check the internet connection of the machine where Ollama runs.",
    ),
    bad_request(
        "cloud_host_not_allowed", r"this server cannot run this remote model", source="0.33.0-rc2 `cloud-stub-host-not-allowed`"
    ).says(
        "{model} points to a remote host that the Ollama server does not trust.",
        "Add the host to OLLAMA_REMOTES on the machine where Ollama runs, or choose another model.",
    ),
    unavailable(
        "cloud_account_unavailable", r"account unavailable", retryable=True, source="0.24.0 and 0.33.0-rc2 `me`, `me-no-network`"
    ).says(
        "The Ollama server could not ask ollama.com about its account.",
        "Only cloud models need it: give the machine where Ollama runs access to the internet.",
    ),
    bad_request("cloud_or_local", r"use either :local or :cloud", source="0.33.0-rc2 `cloud-and-local-suffix`").says(
        "The model name asks for the local and for the cloud model at once.",
        "Keep one of the endings `:local` and `:cloud` in the model name.",
    ),
    bad_request("cloud_route_missing", r"path \"[^\"]{1,80}\" not found", source="public reports of ollama.com, 2025 to 2026").says(
        "The cloud (ollama.com) does not offer {route}; it has chat models only, no embeddings.",
        "Use a local Ollama server for embeddings.",
    ),
)
