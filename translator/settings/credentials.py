"""Saved credentials of a model as one frozen class. An error names the field, never its value.

Dify's forms deliver texts; an empty field may be missing or empty, a switch that is off is missing, a hidden field is missing without its
default. Credentials saved by the official plugin (0.0.x to 1.0.0) are read as they are, no migration step: `vision_support` and
`function_call_support` "true" mean yes and "false" mean no, absent means automatic; `context_size` and `max_tokens` are numbers in texts.
Fields nobody reads any more are left alone.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

import attrs

from translator.embedding.requests import Overlong
from translator.errors import RequestError
from translator.limits import DEFAULT_LIMITS, Limits
from translator.request.context import OverflowPolicy
from translator.request.keep_alive import keep_alive_to_wire
from translator.rerank.ranking import ScoreScale
from translator.scalars import as_bool, is_blank
from translator.settings.form_values import (
    Reader,
    header_lines,
    key,
    mebibytes,
    member_of,
    one_of,
    pair_template,
    seconds,
    text,
    whole,
    window_size,
)
from translator.settings.network_places import ProxyMode
from translator.shapes.dify import Mode
from translator.shapes.wire import KeepAlive


class CapabilityChoice(StrEnum):
    """What the user says of a capability; `auto` believes the server."""

    AUTO = "auto"
    YES = "yes"
    NO = "no"


class PrefixChoice(StrEnum):
    """Which texts get the prefixes that their model family was trained with. A change for documents needs a new index."""

    OFF = "off"
    QUERIES = "queries"
    FAMILY = "family"


class RerankService(StrEnum):
    """How the rerank service is spoken to. The last three score with models of Ollama itself; "bare" is without the family's prefixes."""

    AUTO = "auto"
    JINA = "jina"
    TEI = "tei"
    OLLAMA = "ollama"
    OLLAMA_EMBEDDING = "ollama-embedding"
    OLLAMA_EMBEDDING_BARE = "ollama-embedding-bare"

    @property
    def is_embedding(self) -> bool:
        """Documents are ranked by the similarity of vectors."""
        return self in {RerankService.OLLAMA_EMBEDDING, RerankService.OLLAMA_EMBEDDING_BARE}


MOST_ANSWER_MIB = 1024
"""The largest limit of an answer that can be set. There is no "none" as with time limits: what an endless answer fills is the memory of the
process that serves all users."""


LONGEST_ANSWER_S = 570.0
"""Dify ends an answer after 600 seconds (PLUGIN_MAX_EXECUTION_TIMEOUT, PLUGIN_DAEMON_TIMEOUT) and keeps nothing of it. Its clocks start
before ours, so ours ends sooner."""


@attrs.frozen(slots=True, kw_only=True)
class Timeouts:
    """Seconds, 0 for no limit. A cold model loads for minutes before the first byte, and a client that gives up throws that work away.

    `answer` counts from the request's begin to the end of the answer, `first_byte` from sending it.
    """

    connect: float = 5
    first_byte: float = LONGEST_ANSWER_S
    between_chunks: float = 120
    answer: float = LONGEST_ANSWER_S


@attrs.frozen(slots=True, kw_only=True)
class ConnectionSettings:
    """How the server is reached. `extra_headers` may hold keys; `ca_certificate` is PEM text as pasted, or the path of a file."""

    proxy: ProxyMode = ProxyMode.AUTO
    extra_headers: str = attrs.field(default="", repr=False)
    verify_tls: bool = True
    ca_certificate: str = attrs.field(default="", repr=False)
    allow_insecure_key: bool = False


@attrs.frozen(slots=True, kw_only=True)
class EmbeddingSettings:
    """`max_chunks` texts per call from Dify, `concurrency` requests at once; `dimensions` None: the model's own."""

    max_chunks: int = 32
    dimensions: int | None = None
    concurrency: int = 2
    overlong: Overlong = Overlong.CUT
    prefixes: PrefixChoice = PrefixChoice.OFF


@attrs.frozen(slots=True, kw_only=True)
class RerankSettings:
    """How to ask a rerank service and how to read its scores. `template`: the whole prompt of a generative reranker, empty for its own."""

    service: RerankService = RerankService.AUTO
    score_scale: ScoreScale = ScoreScale.AS_IS
    template: str = attrs.field(default="", repr=False)

    @property
    def prefixes(self) -> PrefixChoice:
        """Those of an embedding model that reranks: of its family unless off, as there is no index that they would spoil."""
        return PrefixChoice.OFF if self.service is RerankService.OLLAMA_EMBEDDING_BARE else PrefixChoice.FAMILY


@attrs.frozen(slots=True, kw_only=True, cache_hash=True)
class Credentials:
    """Everything that can be set for one model; all of it has a default. `read_credentials` reads it from what Dify saved.

    `base_url` is the text as typed (it may hold a password, so it is not shown either). Requests are built without it.
    `context_size` in tokens, None: automatic, `SERVERS_WINDOW`: the server's own. `max_tokens` is the upper bound for the parameter of that
    name, None: none.
    """

    base_url: str = attrs.field(default="", repr=False)
    api_key: str = attrs.field(default="", repr=False)
    mode: Mode = Mode.CHAT
    context_size: int | None = None
    max_tokens: int | None = None
    vision: CapabilityChoice = CapabilityChoice.AUTO
    tools: CapabilityChoice = CapabilityChoice.AUTO
    thinking: CapabilityChoice = CapabilityChoice.AUTO
    structured_output: CapabilityChoice = CapabilityChoice.AUTO
    keep_alive: KeepAlive | None = None
    overflow: OverflowPolicy = OverflowPolicy.DROP
    deep_check: bool = False
    timeouts: Timeouts = Timeouts()
    limits: Limits = DEFAULT_LIMITS
    connection: ConnectionSettings = ConnectionSettings()
    embedding: EmbeddingSettings = EmbeddingSettings()
    rerank: RerankSettings = RerankSettings()


_CHOICES: Mapping[str, StrEnum] = {
    **{choice.value: choice for choice in CapabilityChoice},
    "true": CapabilityChoice.YES,
    "on": CapabilityChoice.YES,
    "1": CapabilityChoice.YES,
    "false": CapabilityChoice.NO,
    "off": CapabilityChoice.NO,
    "0": CapabilityChoice.NO,
}
_OVERFLOWS: Mapping[str, StrEnum] = {
    **{policy.value: policy for policy in OverflowPolicy},
    "drop_oldest": OverflowPolicy.DROP,
    "drop oldest turns": OverflowPolicy.DROP,
}


@attrs.frozen(slots=True)
class Field:
    """One saved variable: its name in the form, the attribute it becomes (`group.name` for settings in a group), and its reader."""

    variable: str
    target: str
    read: Reader


FIELDS: tuple[Field, ...] = (
    Field("base_url", "base_url", text),
    Field("api_key", "api_key", key),
    Field("mode", "mode", member_of(Mode)),
    Field("context_size", "context_size", window_size),
    Field("max_tokens", "max_tokens", whole(1, "tokens")),
    Field("vision_support", "vision", one_of(_CHOICES)),
    Field("function_call_support", "tools", one_of(_CHOICES)),
    Field("thinking_support", "thinking", one_of(_CHOICES)),
    Field("structured_output_support", "structured_output", one_of(_CHOICES)),
    Field("keep_alive", "keep_alive", keep_alive_to_wire),
    Field("overflow", "overflow", one_of(_OVERFLOWS)),
    Field("deep_check", "deep_check", as_bool),
    Field("connect_timeout", "timeouts.connect", seconds),
    Field("first_byte_timeout", "timeouts.first_byte", seconds),
    Field("chunk_timeout", "timeouts.between_chunks", seconds),
    Field("answer_timeout", "timeouts.answer", seconds),
    Field("max_answer_size", "limits.answer_bytes", mebibytes(MOST_ANSWER_MIB)),
    Field("proxy", "connection.proxy", member_of(ProxyMode)),
    Field("extra_headers", "connection.extra_headers", header_lines),
    Field("verify_tls", "connection.verify_tls", as_bool),
    Field("ca_certificate", "connection.ca_certificate", text),
    Field("allow_insecure_key", "connection.allow_insecure_key", as_bool),
    Field("max_chunks", "embedding.max_chunks", whole(1, "texts", 2048)),
    Field("dimensions", "embedding.dimensions", whole(1, "dimensions")),
    Field("concurrency", "embedding.concurrency", whole(1, "requests", 64)),
    Field("embedding_overlong", "embedding.overlong", member_of(Overlong)),
    Field("embedding_prefixes", "embedding.prefixes", member_of(PrefixChoice)),
    Field("rerank_service", "rerank.service", member_of(RerankService)),
    Field("score_scale", "rerank.score_scale", member_of(ScoreScale)),
    Field("rerank_template", "rerank.template", pair_template),
)
"""The variables of the form. The names of the official plugin stay, so that its saved values fill our form, too."""

_GROUPS: Mapping[str, Callable[..., object]] = {
    "timeouts": Timeouts,
    "limits": Limits,
    "connection": ConnectionSettings,
    "embedding": EmbeddingSettings,
    "rerank": RerankSettings,
}


def read_credentials(saved: Mapping[str, Any], longest_s: float = LONGEST_ANSWER_S) -> Credentials:
    """Reads what a form saved, by the names in `FIELDS`. Missing, None and empty values take their default.

    `longest_s` (seconds) is the default of a whole answer and of its begin.
    Raises RequestError: credential_missing (no base URL) or credential_invalid, naming the field.
    """
    values: dict[str, dict[str, Any]] = {"": {}, **{group: {} for group in _GROUPS}}
    values["timeouts"] |= {"first_byte": longest_s, "answer": longest_s}
    for field in FIELDS:
        if not is_blank(saved.get(field.variable)):
            group, _, name = field.target.rpartition(".")
            values[group][name] = _read(field, saved[field.variable])
    if "base_url" not in values[""]:
        raise RequestError.of(
            "credential_missing", "base_url is missing.", "Enter the address of the server, such as http://localhost:11434."
        )
    groups = {group: make(**values[group]) for group, make in _GROUPS.items()}
    return Credentials(**values[""], **groups)  # type: ignore[arg-type]  # the readers of FIELDS give the types


def _read(field: Field, value: object) -> object:
    try:
        return field.read(value)
    except ValueError as error:
        raise RequestError.of("credential_invalid", f"{field.variable} is not valid.", f"It must be {error}.") from None
