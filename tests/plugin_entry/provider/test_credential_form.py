"""The form of a model's credentials, held against the daemon's limits, the console's habits, its readers, and the code that reads it."""

import json
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from tests.plugin_entry.cli.packaging.plugin_files import FORM, LOCALES, PROVIDER, TEXTS
from translator.failures.build import answer_too_large
from translator.limits import MIB
from translator.settings.credentials import FIELDS, MOST_ANSWER_MIB, CapabilityChoice, Credentials, read_credentials

SELECTS = [field for field in FORM if field["type"] == "select"]
DEFAULTS: dict[str, str] = {field["variable"]: field["default"] for field in FORM if "default" in field}
CONDITIONS = [(field["variable"], condition) for field in FORM for condition in field.get("show_on", [])]
BASE = {"base_url": "http://localhost:11434"}

FORM_ONLY = {"advanced_settings"}
"""Fields that only fold others away; nothing reads them."""


def name_of(field: Mapping[str, Any]) -> str:
    return str(field["variable"])


FIELD_KEYS = {"variable", "type", "required", "default", "show_on", "label", "placeholder", "options"}
"""What the daemon and the SDK know of a field; anything else, `help` included, they drop without a word (model_declaration.go)."""

FIELD_TYPES = {"text-input", "secret-input", "select"}
"""Of the daemon's types those that every console draws; a `switch` is not drawn by newer ones, a `radio` shows no placeholder."""


def test_form_is_within_the_daemon_s_limits() -> None:
    assert 0 < len(FORM) <= 32
    for field in FORM:
        assert set(field) <= FIELD_KEYS
        assert {"variable", "type", "required", "label", "placeholder"} <= set(field), "a missing `required` means yes to the SDK"
        assert field["type"] in FIELD_TYPES
        assert re.fullmatch(r"[a-z_]{1,255}", field["variable"])
        assert len(field.get("show_on", [])) <= 16
        assert len(field.get("options", [])) <= 128
        assert isinstance(field.get("default", ""), str)
        assert len(field.get("default", "")) < 256


def test_only_the_base_url_is_required() -> None:
    assert [field["variable"] for field in FORM if field["required"]] == ["base_url"]


def test_what_may_hold_a_key_is_encrypted_and_nothing_else() -> None:
    assert [field["variable"] for field in FORM if field["type"] == "secret-input"] == ["api_key", "extra_headers"]


@pytest.mark.parametrize("field", SELECTS, ids=name_of)
def test_select_has_distinct_text_options_and_one_of_them_as_default(field: Mapping[str, Any]) -> None:
    values = [option["value"] for option in field["options"]]
    assert all(isinstance(value, str) and 0 < len(value) < 256 for value in values)
    assert len(set(values)) == len(values) >= 2
    assert field["default"] in values
    assert all(set(option) == {"value", "label"} for option in field["options"])


def test_only_selects_have_options() -> None:
    assert all(("options" in field) == (field["type"] == "select") for field in FORM)


@pytest.mark.parametrize(
    ("variable", "condition"), CONDITIONS, ids=[f"{variable}-{condition['value']}" for variable, condition in CONDITIONS]
)
def test_condition_can_hold(variable: str, condition: Mapping[str, str]) -> None:
    if condition["variable"] == "__model_type":
        assert condition["value"] in PROVIDER["supported_model_types"]
        return
    controls = [field for field in FORM if field["variable"] == condition["variable"]]
    assert len(controls) == 1
    assert condition["value"] in [option["value"] for option in controls[0]["options"]]
    assert not controls[0].get("show_on"), "a field that may be hidden itself arrives without its default"
    assert condition["variable"] != variable


def test_repeated_field_differs_in_its_condition_only() -> None:
    """The console looks a field's label up by its name and finds the first of that name."""
    for variable, count in Counter(field["variable"] for field in FORM).items():
        same = [field for field in FORM if field["variable"] == variable]
        assert len({json.dumps({**field, "show_on": None}) for field in same}) == 1
        assert len({json.dumps(field.get("show_on")) for field in same}) == count


def test_form_asks_exactly_what_the_code_reads() -> None:
    assert {field["variable"] for field in FORM} - FORM_ONLY == {field.variable for field in FIELDS}


OPTION_VALUES = [
    (field["variable"], option["value"]) for field in SELECTS if field["variable"] not in FORM_ONLY for option in field["options"]
]


@pytest.mark.parametrize(("variable", "value"), OPTION_VALUES, ids=[f"{variable}={value}" for variable, value in OPTION_VALUES])
def test_option_is_understood_and_says_something_of_its_own(variable: str, value: str) -> None:
    others = [read_credentials({**BASE, variable: other}) for name, other in OPTION_VALUES if name == variable and other != value]
    assert read_credentials({**BASE, variable: value}) not in others


def test_defaults_of_the_form_are_those_of_the_code() -> None:
    assert read_credentials({**BASE, **DEFAULTS}) == read_credentials(BASE) == Credentials(base_url=BASE["base_url"])


CAPABILITIES = {
    "vision_support": "vision",
    "function_call_support": "tools",
    "thinking_support": "thinking",
    "structured_output_support": "structured_output",
}


@pytest.mark.parametrize(("variable", "attribute"), CAPABILITIES.items(), ids=CAPABILITIES)
def test_capability_is_auto_yes_or_no_in_the_spelling_of_saved_credentials(variable: str, attribute: str) -> None:
    (field,) = (field for field in FORM if field["variable"] == variable)
    meanings = {option["value"]: getattr(read_credentials({**BASE, variable: option["value"]}), attribute) for option in field["options"]}
    assert meanings == {"auto": CapabilityChoice.AUTO, "true": CapabilityChoice.YES, "false": CapabilityChoice.NO}
    assert field["default"] == "auto"


STATED_DEFAULTS = {
    "connect_timeout": Credentials(base_url="").timeouts.connect,
    "first_byte_timeout": Credentials(base_url="").timeouts.first_byte,
    "chunk_timeout": Credentials(base_url="").timeouts.between_chunks,
    "answer_timeout": Credentials(base_url="").timeouts.answer,
    "max_answer_size": Credentials(base_url="").limits.answer_bytes / MIB,
    "max_chunks": Credentials(base_url="").embedding.max_chunks,
    "concurrency": Credentials(base_url="").embedding.concurrency,
}


@pytest.mark.parametrize(("variable", "default"), STATED_DEFAULTS.items(), ids=STATED_DEFAULTS)
def test_placeholder_states_the_default_of_the_code(variable: str, default: float) -> None:
    (field,) = (field for field in FORM if field["variable"] == variable)
    for text in field["placeholder"].values():
        stated = re.match(r"\d+", text)
        assert stated is not None
        assert float(stated.group()) == default


def shown(model_type: str, chosen: Mapping[str, str]) -> set[str]:
    """The fields a console shows: all conditions hold on what was chosen so far."""
    values = {**chosen, "__model_type": model_type}
    return {field["variable"] for field in FORM if all(values.get(c["variable"]) == c["value"] for c in field.get("show_on", []))}


COMMON = {"base_url", "api_key", "keep_alive", "advanced_settings"}
SHOWN = {
    "llm": COMMON | {"context_size", "overflow", "mode", "max_tokens", *CAPABILITIES},
    "text-embedding": COMMON
    | {"context_size", "max_chunks", "concurrency", "embedding_overlong", "dimensions", "embedding_prefixes", "deep_check"},
    "rerank": COMMON | {"rerank_service", "score_scale", "rerank_template"},
}


FOLDED = {
    "connect_timeout",
    "first_byte_timeout",
    "chunk_timeout",
    "answer_timeout",
    "proxy",
    "extra_headers",
    "verify_tls",
    "ca_certificate",
    "allow_insecure_key",
}
"""Shown when the connection settings are unfolded, for every model type."""
FOLDED_OF_TYPE = {"llm": {"max_answer_size"}, "text-embedding": set[str](), "rerank": set[str]()}
"""What one model type alone has there."""


@pytest.mark.parametrize(("model_type", "variables"), SHOWN.items(), ids=SHOWN)
def test_each_model_type_sees_its_own_fields(model_type: str, variables: set[str]) -> None:
    assert shown(model_type, {}) == variables
    assert shown(model_type, {"advanced_settings": "custom"}) - variables == FOLDED | FOLDED_OF_TYPE[model_type]


def test_answer_size_is_called_in_its_error_what_it_is_called_in_the_form() -> None:
    (field,) = (field for field in FORM if field["variable"] == "max_answer_size")
    label, placeholder = field["label"]["en_US"], field["placeholder"]["en_US"]
    assert f'"{label.removesuffix(", in MiB")}" (max_answer_size)' in str(answer_too_large(2, 1))
    assert f"1 to {MOST_ANSWER_MIB}" in placeholder


@pytest.mark.parametrize(("path", "text"), TEXTS, ids=[path for path, _ in TEXTS])
def test_text_is_there_in_every_language(path: str, text: Mapping[str, str]) -> None:
    assert set(text) == LOCALES
    limit = 256 if "credential_form_schemas" in path else 1024
    for value in text.values():
        assert isinstance(value, str), "YAML reads an unquoted Yes or No as a bool"
        assert 0 < len(value) < limit
        assert value == value.strip()
        assert "\n" not in value


@pytest.mark.parametrize(("path", "text"), TEXTS, ids=[path for path, _ in TEXTS])
def test_long_text_is_translated(path: str, text: Mapping[str, str]) -> None:
    if len(text["en_US"]) > 20 and not text["en_US"].startswith(("https://", "Text Embeddings Inference")):
        assert len(set(text.values())) == len(LOCALES)


PLACEHOLDERS = [(field["variable"], field["placeholder"]) for field in FORM]


@pytest.mark.parametrize(("variable", "placeholder"), PLACEHOLDERS, ids=[variable for variable, _ in PLACEHOLDERS])
def test_placeholder_fits_its_line(variable: str, placeholder: Mapping[str, str]) -> None:
    """An input is one line of about 90 Latin letters; a Chinese or Japanese character takes the room of two."""
    widths = {locale: sum(2 if ord(letter) > 0x2E80 else 1 for letter in text) for locale, text in placeholder.items()}
    assert max(widths.values()) <= 110, widths


ANSWERS = {
    "Docker address": "host.docker.internal:11434",
    "bind address": "OLLAMA_HOST=0.0.0.0",
    "cloud key": "ollama.com/settings/keys",
    "context": "32768",
    "keep_alive": "-1",
    "rerank services": "llama.cpp, vLLM, Xinference, infinity",
    "generative rerank": "Qwen3-Reranker",
    "prompt of a generative reranker": "{query}",
    "recommended embedding models": "embeddinggemma, qwen3-embedding, all-minilm",
    "re-indexing": "needs a new index",
    "headers of an access gate": "CF-Access-Client-Id",
    "own certificate authority": "-----BEGIN CERTIFICATE-----",
    "system proxy": "NO_PROXY",
    "web search": "Web search is no model",
}


@pytest.mark.parametrize("needle", ANSWERS.values(), ids=ANSWERS)
def test_form_answers_what_users_ask(needle: str) -> None:
    assert any(needle in text["en_US"] for _, text in TEXTS)
