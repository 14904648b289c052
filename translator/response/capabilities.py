"""Reads what a model can do from the server's description of it (`/api/show`, or its entry in `/api/tags`).

Any field may be missing, null or of a foreign shape (old servers, cloud stubs, proxies): it then counts as not said. Only a body that is no
JSON object, or one without a single field of such a description, is an error. Where a server before 0.6.4 names no capabilities, they
follow from the same facts the server used: template, projector, model keys (server/images.go, Capabilities).
"""

import re
from collections.abc import Mapping
from typing import Any

import attrs

from translator.codec import DecodeError, loads, read_object
from translator.errors import Family, ServerError
from translator.failures.build import failure_in_stream
from translator.scalars import as_int
from translator.tokens import Vocabulary, vocabulary_of
from translator.versions import NEWEST, ServerVersion

GPT_OSS_FAMILIES = frozenset({"gptoss", "gpt-oss"})
"""Families whose thinking cannot be switched off (server/routes.go, shouldUseHarmony)."""
HARMONY_PARSER = "harmony"
"""The parser of the same format, which other families may name (0.24.0 `show-harmony-text`)."""
UNENFORCED_FORMATS = frozenset({"safetensors"})
"""Model formats whose engine ignores `format` (x/mlxrunner)."""
VISION_FAMILIES = frozenset({"clip", "mllama"})
"""Families that projectors of older models carry."""
DESCRIPTION = frozenset(
    {"details", "model_info", "capabilities", "modelfile", "template", "modified_at", "tensors", "projector_info", "parameters"}
    | {"remote_model", "remote_host", "license", "system", "messages", "parser", "renderer", "requires"}
)
"""Fields of `/api/show`, those of every version (api/types.go, ShowResponse); each recorded reply has at least four of them."""

NAME_KEYS = frozenset({"general.name", "general.basename"})
"""Where a GGUF says what model it is, beside `general.base_model.*`."""

_TOOLS = re.compile(r"\.Tools\b")
_SUFFIX = re.compile(r"\.Suffix\b")


@attrs.frozen(slots=True, kw_only=True, cache_hash=True)
class ModelInfo:
    """A model as its server describes it. Sizes in tokens, None or empty where nothing was said.

    `capabilities` are the server's words (`completion`, `tools`, `vision`, `thinking`, `embedding`, `insert`, `audio`, `image`).
    `names` are those in the model's file. `stop` are the Modelfile's stop texts, `parser` the server's built-in parser. `remote`: it runs
    in the cloud or on another host.
    The properties are three-valued: True, False, or None when the server does not say.
    """

    capabilities: frozenset[str] | None = None
    version: ServerVersion = NEWEST
    architecture: str = ""
    names: tuple[str, ...] = ()
    family: str = ""
    families: tuple[str, ...] = ()
    vocabulary: Vocabulary = Vocabulary.OTHER
    format: str = ""
    context_length: int | None = None
    num_ctx: int | None = None
    running_window: int | None = None
    """What `/api/ps` said last of the loaded model; filled in only where the context size is the server's."""
    embedding_length: int | None = None
    stop: tuple[str, ...] = ()
    parser: str = ""
    template: str = attrs.field(default="", repr=False)
    model_keys: frozenset[str] = attrs.field(default=frozenset(), repr=False)
    projector_keys: frozenset[str] = attrs.field(default=frozenset(), repr=False)
    remote: bool = False

    def _says(self, capability: str) -> bool | None:
        return None if self.capabilities is None else capability in self.capabilities

    def _has_key(self, ending: str) -> bool | None:
        return any(key.endswith(ending) for key in self.model_keys) if self.model_keys else None

    @property
    def tools(self) -> bool | None:
        """Takes tools; on old servers: the template uses them."""
        said = self._says("tools")
        return said if said is not None or not self.template else bool(_TOOLS.search(self.template))

    @property
    def insert(self) -> bool | None:
        """Fills in between a prompt and a suffix."""
        said = self._says("insert")
        return said if said is not None or not self.template else bool(_SUFFIX.search(self.template))

    @property
    def vision(self) -> bool | None:
        """Reads pictures; on old servers: it has a projector or vision layers."""
        said = self._says("vision")
        if said is not None:
            return said
        by_family = bool(self.projector_keys) or not VISION_FAMILIES.isdisjoint((self.family, *self.families))
        return True if by_family else self._has_key(".vision.block_count")

    @property
    def audio(self) -> bool | None:
        """Hears sound; unknown on servers that name no capabilities."""
        return self._says("audio")

    @property
    def thinking(self) -> bool | None:
        """Thinks and can be told to; gpt-oss always does."""
        return True if self.always_thinks else self._says("thinking")

    @property
    def always_thinks(self) -> bool:
        """Thinking can be levelled but not switched off (0.33.0 `harmony-think-false`)."""
        return self.parser == HARMONY_PARSER or not GPT_OSS_FAMILIES.isdisjoint((self.architecture, self.family, *self.families))

    @property
    def embedding(self) -> bool | None:
        """Makes vectors instead of text; on old servers: it pools."""
        said = self._says("embedding")
        return said if said is not None else self._has_key(".pooling_type")

    @property
    def completion(self) -> bool | None:
        """Makes text."""
        said = self._says("completion")
        return said if said is not None or self.embedding is None else not self.embedding

    @property
    def enforces_format(self) -> bool:
        """False where `format` is taken and ignored, so that the schema must also be part of the prompt: cloud and safetensors models."""
        return not self.remote and self.format not in UNENFORCED_FORMATS


def model_info(show: bytes | str, version: bytes | str | None = None, *, model: str = "", cloud_host: bool = False) -> ModelInfo:
    """Reads the two bodies. `model` is the name as the user gave it, `cloud_host` whether the server is the cloud itself: a proxied cloud
    model is described without any sign of it (0.33.0 `cloud-proxy-show`). Raises ServerError: model_description for a body that is no
    description, or what the server says in one that is an error under status 200.
    """
    return _info(_read(show), read_version(version), model, cloud_host=cloud_host)


def listed_info(entry: Mapping[str, Any], model: str, *, cloud_host: bool = False) -> ModelInfo:
    """The same of an entry in a list of models (`/api/tags`), which says less, and before 0.30 next to nothing."""
    return _info(entry, NEWEST, model, cloud_host=cloud_host)


def _info(body: Mapping[str, Any], version: ServerVersion, model: str, *, cloud_host: bool) -> ModelInfo:
    details, facts = _object(body.get("details")), _object(body.get("model_info"))
    architecture = _text(facts.get("general.architecture"))
    family, families = _text(details.get("family")), _texts(details.get("families"))
    parameters = parse_parameters(_text(body.get("parameters")))
    return ModelInfo(
        capabilities=_capabilities(body.get("capabilities")),
        version=version,
        architecture=architecture,
        names=_names(facts, details),
        family=family,
        families=families,
        vocabulary=vocabulary_of(
            _text(facts.get("tokenizer.ggml.model")), _text(facts.get("tokenizer.ggml.pre")), (architecture, family, *families)
        ),
        format=_text(details.get("format")).lower(),
        context_length=_length("context_length", architecture, facts, details),
        num_ctx=_positive(parameters.get("num_ctx", (None,))[-1]),
        embedding_length=_length("embedding_length", architecture, facts, details),
        stop=parameters.get("stop", ()),
        parser=_text(body.get("parser")) or modelfile_command(_text(body.get("modelfile")), "PARSER"),
        template=_text(body.get("template")),
        model_keys=frozenset(facts),
        projector_keys=frozenset(_object(body.get("projector_info"))),
        remote=cloud_host or bool(body.get("remote_host") or body.get("remote_model")) or is_cloud_name(model),
    )


def read_version(body: bytes | str | None) -> ServerVersion:
    """The server's version from the body of `/api/version`; the newest when it cannot be read."""
    return ServerVersion.parse(version_text(body))


def version_text(body: bytes | str | None) -> str:
    """The version as the server writes it; "" when it cannot be read."""
    return _text(read_object(body or b"").get("version"))


def is_cloud_name(model: str) -> bool:
    """`name:cloud` and `name:tag-cloud`, as the server reads them (internal/modelref); `my-cloud` without a tag is a local name."""
    _, colon, tag = model.strip().lower().rpartition("/")[2].partition(":")
    return bool(colon) and (tag == "cloud" or tag.endswith((":cloud", "-cloud")))


def _read(show: bytes | str) -> Mapping[str, Any]:
    try:
        read = loads(show)
    except DecodeError as error:
        raise no_description() from error
    if not isinstance(read, dict):
        raise no_description()
    if read.get("error") is not None:
        raise failure_in_stream(read["error"])
    if DESCRIPTION.isdisjoint(read):
        raise no_description()
    return read


def no_description() -> ServerError:
    """The error of a reply that is no description of a model."""
    return ServerError.of(
        "model_description",
        "The server's description of the model (/api/show) is not what Ollama sends.",
        "Check that the base URL is that of an Ollama server and that no proxy in between changes its replies.",
        family=Family.UNAVAILABLE,
    )


def _names(facts: Mapping[str, Any], details: Mapping[str, Any]) -> tuple[str, ...]:
    """What the model's file and the model that it was made from call it; a blob's path, which ends in a digest, is no name."""
    parent = _text(details.get("parent_model"))
    own = (_text(value) for key, value in facts.items() if key in NAME_KEYS or key.startswith("general.base_model."))
    return tuple(name for name in (*own, "" if "sha256" in parent else parent) if name)


def _capabilities(value: object) -> frozenset[str] | None:
    """None when nothing was said; a server that knows the field names at least one."""
    names = frozenset(name.lower() for name in _texts(value))
    return names or None


def _length(name: str, architecture: str, facts: Mapping[str, Any], details: Mapping[str, Any]) -> int | None:
    """Found under the whole architecture name, which may contain dots (`glm5.2.context_length`), or where `details` has it since 0.30."""
    named = _positive(facts.get(f"{architecture}.{name}")) or _positive(details.get(name))
    if named is not None:
        return named
    candidates = {_positive(value) for key, value in facts.items() if key.endswith(f".{name}")} - {None}
    return candidates.pop() if len(candidates) == 1 else None


def _positive(value: object) -> int | None:
    try:
        number = as_int(value)
    except ValueError:
        return None
    return number if number > 0 else None


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


# --- the lines of a Modelfile ------------------------------------------------------------------------------------------------

_ESCAPE = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))|([^\\]+|\\$)",
    re.DOTALL,
)
_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", '"': '"', "'": "'"}
_MAX_CHARACTER = 0x10FFFF


def parse_parameters(text: str) -> Mapping[str, tuple[str, ...]]:
    """Name to values, in the order of the lines; a name that repeats (`stop`) has several."""
    values: dict[str, tuple[str, ...]] = {}
    for line in text.split("\n"):
        name, _, value = line.strip().partition(" ")
        if value:
            values[name] = (*values.get(name, ()), go_unquote(value.strip()))
    return values


def modelfile_command(modelfile: str, command: str) -> str:
    """The argument of the last line `COMMAND argument`, empty when there is none."""
    found = re.findall(rf"^{re.escape(command)}[ \t]+(\S+)[ \t]*$", modelfile, re.MULTILINE)
    return str(found[-1]) if found else ""


def go_unquote(text: str) -> str:
    """A Go string literal as text; a text without quotes is its own value. Bytes that are no UTF-8 become U+FFFD."""
    if len(text) < 2 or text[0] != text[-1] or text[0] not in "\"`'":
        return text
    if text[0] == "`":
        return text[1:-1]
    return b"".join(_unescape(match) for match in _ESCAPE.finditer(text[1:-1])).decode("utf-8", "replace")


def _unescape(match: re.Match[str]) -> bytes:
    hex_byte, short, long, octal, letter, plain = match.groups()
    if hex_byte or octal:
        return bytes([int(hex_byte, 16) if hex_byte else int(octal, 8) & 0xFF])
    if short or long:
        code = int(short or long, 16)
        return chr(code).encode("utf-8", "replace") if code <= _MAX_CHARACTER else b"?"
    return (_SIMPLE.get(letter, letter) if letter else plain).encode("utf-8", "replace")
