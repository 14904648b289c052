"""Saved credentials: ours, those of the official plugin, and those that make no sense."""

from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from translator.embedding.requests import Overlong
from translator.errors import Family, RequestError
from translator.limits import MIB, Limits
from translator.request.context import OverflowPolicy
from translator.rerank.ranking import ScoreScale
from translator.settings.credentials import (
    FIELDS,
    CapabilityChoice,
    ConnectionSettings,
    Credentials,
    EmbeddingSettings,
    PrefixChoice,
    RerankService,
    RerankSettings,
    Timeouts,
    read_credentials,
)
from translator.settings.network_places import ProxyMode
from translator.shapes.dify import Mode

URL = "http://192.168.1.100:11434"
DEFAULT = Credentials(base_url=URL)

OFFICIAL: dict[str, tuple[dict[str, Any], Credentials]] = {
    "1.0.0 LLM as the form leaves it": (
        {
            "base_url": URL, "mode": "chat", "context_size": "4096", "max_tokens": "4096", "vision_support": "false",
            "function_call_support": "false",
        },
        attrs.evolve(DEFAULT, context_size=4096, max_tokens=4096, vision=CapabilityChoice.NO, tools=CapabilityChoice.NO),
    ),
    "1.0.0 LLM, all on, with a key and request metadata": (
        {
            "base_url": URL, "api_key": "k", "mode": "chat", "context_size": "131072", "max_tokens": "8192", "vision_support": "true",
            "function_call_support": "true", "enable_request_metadata": "enabled", "extra_headers": {"X-Dify-Source": "dify"},
        },
        attrs.evolve(DEFAULT, api_key="k", context_size=131072, max_tokens=8192, vision=CapabilityChoice.YES, tools=CapabilityChoice.YES),
    ),
    "0.0.x LLM without tools and key": (
        {"base_url": URL, "mode": "completion", "context_size": "2048", "max_tokens": "2048", "vision_support": "true"},
        attrs.evolve(DEFAULT, mode=Mode.COMPLETION, context_size=2048, max_tokens=2048, vision=CapabilityChoice.YES),
    ),
    "1.0.0 embedding": ({"base_url": URL, "context_size": "512"}, attrs.evolve(DEFAULT, context_size=512)),
    "1.0.0 rerank": ({"base_url": URL, "api_key": "", "context_size": "4096"}, attrs.evolve(DEFAULT, context_size=4096)),
    "emptied fields": (
        {
            "base_url": URL, "api_key": "", "mode": "", "context_size": "", "max_tokens": "", "vision_support": "",
            "function_call_support": None,
        },
        DEFAULT,
    ),
    "radios as booleans": (
        {"base_url": URL, "vision_support": True, "function_call_support": False},
        attrs.evolve(DEFAULT, vision=CapabilityChoice.YES, tools=CapabilityChoice.NO),
    ),
    "numbers as numbers": (
        {"base_url": URL, "context_size": 4096.0, "max_tokens": 4096},
        attrs.evolve(DEFAULT, context_size=4096, max_tokens=4096),
    ),
    "only the address": ({"base_url": f" {URL} "}, DEFAULT),
}  # fmt: skip


@pytest.mark.parametrize(("saved", "expected"), OFFICIAL.values(), ids=OFFICIAL)
def test_official_plugin(saved: dict[str, Any], expected: Credentials) -> None:
    before = dict(saved)
    assert read_credentials(saved) == expected
    assert saved == before


def test_everything() -> None:
    saved = {
        "base_url": URL, "api_key": "k", "mode": "Chat", "context_size": "Auto", "vision_support": "yes", "function_call_support": "auto",
        "thinking_support": "no", "structured_output_support": "yes", "keep_alive": "300", "overflow": "error", "deep_check": "true",
        "connect_timeout": "2.5", "first_byte_timeout": "0", "chunk_timeout": 30, "answer_timeout": "900",
        "max_answer_size": "8", "max_chunks": "64",
        "dimensions": "256",
        "concurrency": 4, "embedding_overlong": "error", "embedding_prefixes": "family", "rerank_service": "ollama-embedding",
        "score_scale": "sigmoid", "proxy": "never", "extra_headers": " X-A: 1 ", "verify_tls": "false", "ca_certificate": "/etc/ca.pem",
        "allow_insecure_key": "true", "rerank_template": "{query}\\n{document}",
    }  # fmt: skip
    assert {field.variable for field in FIELDS} - set(saved) == {"max_tokens"}
    assert read_credentials(saved) == Credentials(
        base_url=URL,
        api_key="k",
        vision=CapabilityChoice.YES,
        thinking=CapabilityChoice.NO,
        structured_output=CapabilityChoice.YES,
        keep_alive=300,
        overflow=OverflowPolicy.ERROR,
        deep_check=True,
        timeouts=Timeouts(connect=2.5, first_byte=0, between_chunks=30, answer=900),
        limits=Limits(answer_bytes=8 * MIB),
        connection=ConnectionSettings(
            proxy=ProxyMode.NEVER, extra_headers="X-A: 1", verify_tls=False, ca_certificate="/etc/ca.pem", allow_insecure_key=True
        ),
        embedding=EmbeddingSettings(max_chunks=64, dimensions=256, concurrency=4, overlong=Overlong.ERROR, prefixes=PrefixChoice.FAMILY),
        rerank=RerankSettings(
            service=RerankService.OLLAMA_EMBEDDING,
            score_scale=ScoreScale.SIGMOID,
            template="{query}\n{document}",
        ),
    )


def test_defaults() -> None:
    assert attrs.asdict(DEFAULT, filter=lambda attribute, _: attribute.name != "base_url") == {
        "api_key": "", "mode": "chat", "context_size": None, "max_tokens": None, "vision": "auto", "tools": "auto", "thinking": "auto",
        "structured_output": "auto", "keep_alive": None, "overflow": "drop", "deep_check": False,
        "timeouts": {"connect": 5, "first_byte": 570, "between_chunks": 120, "answer": 570},
        "limits": attrs.asdict(Limits()),
        "connection": {
            "proxy": "auto", "extra_headers": "", "verify_tls": True, "ca_certificate": "", "allow_insecure_key": False,
        },
        "embedding": {"max_chunks": 32, "dimensions": None, "concurrency": 2, "overlong": "cut", "prefixes": "off"},
        "rerank": {"service": "auto", "score_scale": "as_is", "template": ""},
    }  # fmt: skip


BAD: dict[str, tuple[str, object, str]] = {
    "mode": ("mode", "talk", "one of chat, completion"),
    "context size": ("context_size", "4k", '"auto", "server" or a whole number of tokens'),
    "context size zero": ("context_size", "0", '"auto", "server" or a whole number of tokens'),
    "max tokens": ("max_tokens", "-1", "a whole number of tokens from 1"),
    "vision": ("vision_support", "perhaps", "one of auto, yes, no"),
    "tools list": ("function_call_support", ["yes"], "one of auto, yes, no"),
    "overflow": ("overflow", "shift", "one of drop, error"),
    "switch": ("deep_check", "maybe", "true or false"),
    "timeout": ("connect_timeout", "5s", "a number of seconds, 0 for no limit"),
    "negative timeout": ("chunk_timeout", -1, "a number of seconds, 0 for no limit"),
    "size of an answer in words": ("max_answer_size", "64 MiB", "a whole number of MiB from 1 to 1024"),
    "size of an answer zero": ("max_answer_size", "0", "a whole number of MiB from 1 to 1024"),
    "size of an answer negative": ("max_answer_size", -1, "a whole number of MiB from 1 to 1024"),
    "size of an answer too large": ("max_answer_size", "1025", "a whole number of MiB from 1 to 1024"),
    "size of an answer in parts": ("max_answer_size", 0.5, "a whole number of MiB from 1 to 1024"),
    "chunks": ("max_chunks", "0", "a whole number of texts from 1 to 2048"),
    "dimensions": ("dimensions", 1.5, "a whole number of dimensions from 1"),
    "concurrency": ("concurrency", 65, "a whole number of requests from 1 to 64"),
    "overlong": ("embedding_overlong", "x", "one of cut, error"),
    "prefixes": ("embedding_prefixes", "x", "one of off, queries, family"),
    "service": ("rerank_service", "x", "one of auto, jina, tei, ollama, ollama-embedding, ollama-embedding-bare"),
    "template": ("rerank_template", "{query} alone", "a prompt with {query} and {document}"),
    "template that is no text": ("rerank_template", 5, "a prompt with {query} and {document}"),
    "scale": ("score_scale", "x", "one of as_is, sigmoid"),
    "key with a line break": ("api_key", "a\nb", "a key of plain printable characters, without line breaks"),
    "key that is no text": ("api_key", 5, "a key of plain printable characters, without line breaks"),
    "proxy": ("proxy", "sometimes", "one of auto, always, never"),
    "verification": ("verify_tls", "perhaps", "true or false"),
    "headers that are no text": ("extra_headers", 5, "a text"),
    "certificate that is no text": ("ca_certificate", 5, "a text"),
    "address that is no text": ("base_url", 5, "a text"),
}


@pytest.mark.parametrize(("variable", "value", "expected"), BAD.values(), ids=BAD)
def test_bad_value_names_the_field(variable: str, value: object, expected: str) -> None:
    with pytest.raises(RequestError) as caught:
        read_credentials({"base_url": URL, variable: value})
    assert str(caught.value) == f"{variable} is not valid. It must be {expected}."
    assert (caught.value.code, caught.value.family) == ("credential_invalid", Family.BAD_REQUEST)


def test_bad_keep_alive_names_the_field() -> None:
    with pytest.raises(RequestError, match=r"^keep_alive is not a time"):
        read_credentials({"base_url": URL, "keep_alive": "1d"})


@pytest.mark.parametrize("saved", [{}, {"base_url": ""}, {"base_url": "  "}, {"base_url": None}], ids=repr)
def test_missing_address(saved: dict[str, Any]) -> None:
    with pytest.raises(RequestError, match=r"^base_url is missing\. Enter the address") as caught:
        read_credentials(saved)
    assert caught.value.code == "credential_missing"


@pytest.mark.parametrize(
    ("word", "choice"),
    [
        ("true", CapabilityChoice.YES),
        ("FALSE", CapabilityChoice.NO),
        ("auto", CapabilityChoice.AUTO),
        (1, CapabilityChoice.YES),
        ("", CapabilityChoice.AUTO),
    ],
)
def test_migration_rule(word: object, choice: CapabilityChoice) -> None:
    saved = {field.variable: word for field in FIELDS if field.variable.endswith("_support")}
    read = read_credentials({"base_url": URL, **saved})
    assert (read.vision, read.tools, read.thinking, read.structured_output) == (choice,) * 4


def test_secrets_are_not_shown() -> None:
    shown = repr(read_credentials({"base_url": "http://user:hunter2@host", "api_key": "sk-123", "extra_headers": "X-Api-Key: xy-456"}))
    assert "hunter2" not in shown
    assert "sk-123" not in shown
    assert "xy-456" not in shown


@given(
    st.dictionaries(
        st.sampled_from([field.variable for field in FIELDS]), st.none() | st.booleans() | st.floats() | st.integers() | st.text()
    )
)
def test_anything_is_read_or_refused_without_its_value(saved: dict[str, Any]) -> None:
    marked = {name: f"zq{value}zq" if isinstance(value, str) and value.strip() else value for name, value in saved.items()}
    try:
        read = repr(read_credentials(marked).base_url == marked.get("base_url"))
    except RequestError as error:
        read = f"{error} {error.__cause__}"
    assert "zq" not in read
