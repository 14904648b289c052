"""Server version × feature, each cell read off a recording.

A column per folder of recordings. A verdict is a yes-or-no question to the recorded reply, so a cell cannot claim what was not
seen; where a folder has no such recording, the cell says so.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from docs.pages.source_notes import generated_from, notes_of, table
from fixtures.recordings import Exchange, load, ollama_versions, scenarios
from translator import versions

SERVICES = {"llamacpp": "llama.cpp server", "tei": "text-embeddings-inference", "xinference": "Xinference"}

INTRODUCTION = """
# Compatibility

The plugin talks to every Ollama server that has `/api/chat`; what a server does not know is left out of the request or spelled in its
way. The tables were read off real exchanges: a cell says what the named recording in `fixtures/` shows.

## Ollama

A column is a folder of recordings: the version of the server, and the engine that made its tokens. `real` is the server's own inference,
with tiny models that follow a script, or with real weights where the name ends in `-real`. `scripted` is a runner that follows a script;
routes, parsers, errors and the cloud proxy are then the server's own.
"""

THRESHOLDS = """
## Where requests change their spelling

The versions at which the request side decides, from `translator/versions.py`. A server whose version cannot be read counts as the newest.

"""

RERANK = """
## Rerank services

Ollama has no rerank route. Recorded services that have one:

"""


@attrs.frozen(slots=True)
class Seen:
    """What a recorded reply holds, added up over its lines."""

    status: int
    text: str
    thinking: str
    calls: tuple[Mapping[str, Any], ...]
    documents: tuple[Mapping[str, Any], ...]
    asked: Mapping[str, Any]
    """The body of the request."""

    def has(self, key: str) -> bool:
        """Some line has this key with a value."""
        return any(document.get(key) not in (None, "", []) for document in self.documents)


type Verdict = Callable[[Seen], bool]


@attrs.frozen(slots=True)
class Feature:
    """One row: what is asked, and of which recordings, of which the first counts that a folder has."""

    title: str
    scenarios: str
    """Names of recordings, apart by blanks."""
    verdict: Verdict


def _answered(seen: Seen) -> bool:
    return seen.status == 200


def _holds_json(seen: Seen) -> bool:
    return _document(seen.text) is not None


def _counts(seen: Seen) -> bool:
    return seen.has("prompt_eval_count") and seen.has("eval_count")


def _ranks_two(seen: Seen) -> bool:
    return _answered(seen) and len(seen.documents[0]["results"]) == 2


def _has_dimensions(seen: Seen) -> bool:
    vectors = seen.documents[0].get("embeddings") if seen.documents else None
    return vectors is not None and [len(vector) for vector in vectors] == [seen.asked["dimensions"]] * len(vectors)


FEATURES: tuple[Feature, ...] = (
    Feature("Chat, streamed", "chat-plain smollm-capital", lambda seen: _answered(seen) and bool(seen.text)),
    Feature("Completion (`/api/generate`)", "generate-plain generate-gemma-raw", lambda seen: seen.has("response")),
    Feature("Token counters at the end", "chat-plain smollm-capital", _counts),
    Feature("Thinking apart from the text", "think-true", lambda seen: bool(seen.thinking)),
    Feature("Think levels", "think-high think-low", lambda seen: bool(seen.thinking)),
    Feature("Think level `max`", "think-max", lambda seen: bool(seen.thinking)),
    Feature("`think` to a model that cannot is refused", "error-no-thinking error-think-unsupported", lambda seen: seen.status == 400),
    Feature("gpt-oss format (harmony)", "harmony-text", lambda seen: bool(seen.thinking)),
    Feature("Tool calls", "tool-one", lambda seen: bool(seen.calls)),
    Feature("Several tool calls in one turn", "tool-two", lambda seen: len(seen.calls) > 1),
    Feature("Tool calls carry ids", "tool-one", lambda seen: all(call.get("id") for call in seen.calls)),
    Feature("Text before a tool call is streamed", "tool-after-text", lambda seen: bool(seen.text)),
    Feature("Thinking before a tool call", "think-then-tool", lambda seen: bool(seen.thinking and seen.calls)),
    Feature("Tools to a model that cannot are refused", "error-no-tools error-tools-unsupported", lambda seen: seen.status == 400),
    Feature("`format: json`", "format-json", _holds_json),
    Feature("`format` with a JSON Schema", "format-schema format-flat", _holds_json),
    Feature("`format` with thinking before it", "think-with-schema", lambda seen: bool(seen.thinking) and _holds_json(seen)),
    Feature("Pictures to a text model are refused", "image-to-text-model error-image-no-vision", lambda seen: seen.status == 400),
    Feature("`truncate: false` refuses long prompts", "error-too-long", lambda seen: seen.status == 400),
    Feature("`logprobs` (rerank with a language model)", "logprobs smollm-logprobs", lambda seen: seen.has("logprobs")),
    Feature("Capabilities in `/api/show`", "show-think show-qwenlike", lambda seen: seen.has("capabilities")),
    Feature("Embeddings in batches (`/api/embed`)", "embed-batch", lambda seen: seen.has("embeddings")),
    Feature("`dimensions` of embeddings", "embed-dimensions", _has_dimensions),
    Feature("Long texts can be refused instead of cut", "embed-too-long-no-truncate", lambda seen: seen.status == 400),
    Feature("Cloud models through the server", "status", _answered),
)

RERANK_FEATURES: tuple[Feature, ...] = (
    Feature("Ranks documents", "normal", _answered),
    Feature("Leaves out what was not asked for (`top_n`)", "top-n-2", _ranks_two),
    Feature("Refuses a wrong key", "unauthorized-wrong-key", lambda seen: seen.status == 401),
    Feature("Refuses an empty list", "empty-documents empty-texts", lambda seen: seen.status >= 400),
    Feature("Answers pairs that are too long", "too-long too-long-truncate-default", _answered),
    Feature("Takes 100 documents at once", "many-documents-100 over-batch-limit", _answered),
)


def compatibility_page() -> str:
    """The whole page, ending with a newline."""
    return "".join(
        [
            generated_from("fixtures/", "translator/versions.py", "docs/pages/compatibility.py"),
            INTRODUCTION + "\n",
            table(("Feature", *map(_column, ollama_versions())), [_row(feature) for feature in FEATURES]),
            THRESHOLDS,
            table(("Since", "Name", "What changes"), _thresholds()),
            RERANK,
            table(("Feature", *SERVICES.values()), [_rerank_row(feature) for feature in RERANK_FEATURES]),
        ]
    )


def _row(feature: Feature) -> tuple[str, ...]:
    return (feature.title, *(_cell(feature, folder) for folder in ollama_versions()))


def _column(folder: str) -> str:
    """The folder and its engine."""
    engines = {load(folder, scenario).engine or "not named" for scenario in scenarios(folder)}
    return f"{folder} ({', '.join(sorted(engines))})"


def _rerank_row(feature: Feature) -> tuple[str, ...]:
    return (feature.title, *(_cell(feature, "rerank", f"{service}-") for service in SERVICES))


def _cell(feature: Feature, folder: str, before: str = "") -> str:
    known = scenarios(folder)
    scenario = next((name for each in feature.scenarios.split() if (name := before + each) in known), None)
    if scenario is None:
        return "not recorded"
    seen = seen_in(load(folder, scenario))
    status = f" ({seen.status})" if seen.status != 200 else ""
    return f"{'yes' if feature.verdict(seen) else 'no'}{status} `{scenario}`"


def _thresholds() -> list[tuple[str, ...]]:
    values = {name: value for name, value in vars(versions).items() if isinstance(value, versions.ServerVersion) and value.is_known}
    notes = notes_of(versions)
    return [(str(value), f"`{name}`", notes[name]) for name, value in sorted(values.items(), key=lambda item: item[1])]


def seen_in(exchange: Exchange) -> Seen:
    """Adds up a recorded reply."""
    documents = tuple(document for line in exchange.lines if (document := _document(line)) is not None)
    messages = [message for document in documents if isinstance(message := document.get("message"), dict)]
    return Seen(
        status=exchange.status,
        text="".join(message.get("content") or "" for message in messages),
        thinking="".join(message.get("thinking") or "" for message in messages),
        calls=tuple(call for message in messages for call in message.get("tool_calls") or ()),
        documents=documents,
        asked=exchange.request_body if isinstance(exchange.request_body, dict) else {},
    )


def _document(line: bytes | str) -> dict[str, Any] | None:
    try:
        document = json.loads(line)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None
