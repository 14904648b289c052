"""What Dify's daemon and the marketplace demand of the manifest and of the provider's YAML, as tables.

Complaints are one sentence each. Sources: langgenius/dify-plugin-daemon (plugin_declaration.go,
model_declaration.go) and the validators of langgenius/dify-marketplace-toolkit, August 2026.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

type Tree = Mapping[str, Any]

VALUE_CHARACTERS = 256
FORM_FIELDS, FIELD_OPTIONS, FIELD_CONDITIONS, MODEL_TYPES = 32, 128, 16, 16

MANIFEST_TEXTS: tuple[tuple[str, str], ...] = (
    ("author", r"[a-z0-9_-]{1,64}"),
    ("name", r"[a-z0-9_-]{1,128}"),
    ("version", r"\d{1,4}\.\d{1,4}\.\d{1,4}(-\w{1,16})?"),
    ("type", r"plugin"),
    ("label.en_US", r"(?s).{1,1023}"),
    ("description.en_US", r"(?s).{1,1023}"),
    ("icon", r".{1,128}"),
    ("meta.version", r"\d{1,4}(\.\d{1,4}){1,3}(-\w{1,16})?"),
    ("meta.runner.language", r"python"),
    ("meta.runner.version", r".{1,128}"),
    ("meta.runner.entrypoint", r"[\w.]{1,256}"),
)
"""Place and what must stand there, or the daemon refuses the plugin."""

MARKETPLACE_TEXTS: tuple[tuple[str, str], ...] = (
    ("privacy", r".+"),
    ("meta.minimum_dify_version", r"\d{1,4}\.\d{1,4}\.\d{1,4}"),
)
"""What the marketplace wants besides."""

TAGS = frozenset(
    {"search", "image", "videos", "weather", "finance", "design", "travel", "social", "news", "medical", "productivity", "education"}
    | {"business", "entertainment", "utilities", "agent", "rag", "other", "trigger"}
)
ARCHITECTURES = frozenset({"amd64", "arm64"})

PROVIDER_TEXTS: tuple[tuple[str, str], ...] = (
    ("provider", r".{1,255}"),
    ("label.en_US", r"(?s).{1,1023}"),
)
METHODS = frozenset({"predefined-model", "customizable-model"})
KINDS = frozenset({"llm", "text-embedding", "rerank", "moderation", "tts", "speech2text"})
FIELD_TYPES = frozenset({"text-input", "secret-input", "select", "radio", "switch"})
FORMS = ("provider_credential_schema", "model_credential_schema")


def manifest_complaints(manifest: Tree) -> Iterator[str]:
    """What is wrong with the manifest for Dify's daemon."""
    yield from _text_complaints(manifest, MANIFEST_TEXTS)
    yield from _choice_complaints("tags", manifest.get("tags") or [], TAGS)
    yield from _choice_complaints("meta.arch", at(manifest, "meta.arch") or [None], ARCHITECTURES)
    if type(at(manifest, "resource.memory")) is not int:
        yield "resource.memory must be a number of bytes"
    plugins = manifest.get("plugins") or {}
    if others := sorted(kind for kind, paths in plugins.items() if paths and kind != "models"):
        yield f"a plugin with models must not offer {', '.join(others)} as well"
    if not plugins.get("models"):
        yield "plugins.models must name the provider's YAML"


def marketplace_complaints(manifest: Tree) -> Iterator[str]:
    """What is missing for the marketplace, as far as it does not depend on who publishes."""
    yield from _text_complaints(manifest, MARKETPLACE_TEXTS)


def provider_complaints(provider: Tree) -> Iterator[str]:
    """What is wrong with the provider's YAML."""
    yield from _text_complaints(provider, PROVIDER_TEXTS)
    kinds = provider.get("supported_model_types") or [None]
    yield from _choice_complaints("supported_model_types", kinds, KINDS)
    yield from _choice_complaints("configurate_methods", provider.get("configurate_methods") or [None], METHODS)
    if len(kinds) > MODEL_TYPES:
        yield f"supported_model_types has more than {MODEL_TYPES} entries"
    for name in FORMS:
        if (form := provider.get(name)) is not None:
            yield from (f"{name}: {complaint}" for complaint in form_complaints(form.get("credential_form_schemas") or []))


def form_complaints(fields: list[Tree]) -> Iterator[str]:
    """What is wrong with the fields of one form."""
    if len(fields) > FORM_FIELDS:
        yield f"{len(fields)} fields, and Dify takes {FORM_FIELDS}"
    for field in fields:
        yield from (f"{field.get('variable', '?')}: {complaint}" for complaint in _field_complaints(field))


def _field_complaints(field: Tree) -> Iterator[str]:
    options, conditions = field.get("options") or [], field.get("show_on") or []
    yield from _text_complaints(field, (("variable", r".{1,255}"), ("label.en_US", r"(?s).{1,1023}")))
    yield from _choice_complaints("type", [field.get("type")], FIELD_TYPES)
    if len(options) > FIELD_OPTIONS or len(conditions) > FIELD_CONDITIONS:
        yield f"more than {FIELD_OPTIONS} options or {FIELD_CONDITIONS} conditions"
    values = [field.get("default"), *(each.get("value") for each in (*options, *conditions))]
    if any(isinstance(value, str) and len(value) >= VALUE_CHARACTERS for value in values):
        yield f"a value of {VALUE_CHARACTERS} characters or more"
    if field.get("type") in {"select", "radio"} and field.get("default") not in {None, *(option.get("value") for option in options)}:
        yield "a default that is none of the options"
    if any(not at(option, "label.en_US") for option in options):
        yield "an option without an English label"


def icon_names(manifest: Tree, provider: Tree) -> Iterator[str]:
    """Every icon that is named, as a file of `_assets`."""
    yield from (manifest[key] for key in ("icon", "icon_dark") if manifest.get(key))
    for size in ("icon_small", "icon_large", "icon_small_dark", "icon_large_dark"):
        yield from (provider.get(size) or {}).values()


def at(tree: Any, place: str) -> Any:
    """The value at `a.b.c`, or None."""
    for name in place.split("."):
        tree = tree.get(name) if isinstance(tree, Mapping) else None
    return tree


def _text_complaints(tree: Tree, rules: tuple[tuple[str, str], ...]) -> Iterator[str]:
    for place, pattern in rules:
        value = at(tree, place)
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            yield f"{place} is {'missing' if value is None else repr(value)[:60]}, and must match {pattern}"


def _choice_complaints(place: str, values: list[Any], choices: frozenset[str]) -> Iterator[str]:
    if wrong := [value for value in values if value not in choices]:
        yield f"{place} has {', '.join(map(repr, wrong))}; allowed are {', '.join(sorted(choices))}"
