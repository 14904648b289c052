"""Whether a model is of the kind it was added as, and which name was meant."""

import json

import attrs
import pytest

from fixtures.recordings import load
from translator.diagnosis.model_kinds import ModelKind, model_missing, nearest, require_kind
from translator.errors import RequestError
from translator.response.capabilities import ModelInfo, model_info

LANGUAGE, EMBEDDING, RERANK = ModelKind.LANGUAGE, ModelKind.EMBEDDING, ModelKind.RERANK


def described(version: str, scenario: str) -> ModelInfo:
    return model_info(load(version, scenario).body, json.dumps({"version": version}))


KINDS: dict[str, tuple[ModelInfo, ModelKind, bool]] = {
    "chat as language": (described("0.24.0", "show-chat"), LANGUAGE, True),
    "embedder as language": (described("0.24.0", "show-embedder"), LANGUAGE, False),
    "chat as reranker": (described("0.24.0", "show-chat"), RERANK, True),
    "embedder as reranker that answers": (described("0.24.0", "show-embedder"), RERANK, False),
    "chat as embedding": (described("0.24.0", "show-chat"), EMBEDDING, False),
    "embedder as embedding": (described("0.24.0", "show-embedder"), EMBEDDING, True),
    "old server, chat as language": (described("0.5.13", "show-chat"), LANGUAGE, True),
    "old server, embedder as embedding": (described("0.5.13", "show-embedder"), EMBEDDING, True),
    "nobody knows": (ModelInfo(), LANGUAGE, True),
    "nobody knows, embedding": (ModelInfo(), EMBEDDING, True),
    "cloud as language": (described("0.33.0-rc2", "cloud-proxy-show"), LANGUAGE, True),
    "cloud as embedding": (attrs.evolve(described("0.33.0-rc2", "cloud-proxy-show"), remote=True), EMBEDDING, False),
}


@pytest.mark.parametrize(("info", "kind", "fits"), KINDS.values(), ids=KINDS)
def test_kind(info: ModelInfo, kind: ModelKind, fits: bool) -> None:
    if fits:
        require_kind("m", info, kind)
        return
    with pytest.raises(RequestError, match='The model "m"') as caught:
        require_kind("m", info, kind)
    assert caught.value.problem.remedy


def test_an_embedder_can_rerank_with_another_service() -> None:
    """all-MiniLM-L6-v2 on 0.33.0 was to be added as a text embedding model, which is no way to rerank."""
    with pytest.raises(RequestError) as caught:
        require_kind("minilm", described("0.24.0", "show-embedder"), RERANK)
    assert 'the service "ollama-embedding"' in caught.value.problem.remedy
    assert "text embedding model" not in caught.value.problem.remedy


@pytest.mark.parametrize("capabilities", [{"image"}, {"image", "vision"}])
def test_a_model_that_makes_pictures(capabilities: set[str]) -> None:
    """ollama/ollama#15572: x/z-image-turbo."""
    info = ModelInfo(capabilities=frozenset(capabilities))
    for kind, cause in ((LANGUAGE, "makes pictures and cannot answer."), (EMBEDDING, "makes pictures and no embeddings.")):
        with pytest.raises(RequestError) as caught:
            require_kind("x/z-image-turbo", info, kind)
        assert caught.value.problem.cause == f'The model "x/z-image-turbo" {cause}'
        assert "text embedding model" not in caught.value.problem.remedy
    require_kind("m", ModelInfo(capabilities=frozenset({"completion", "image"})), LANGUAGE)


INSTALLED = ["qwen3:8b", "llama3.2:latest", "llama3.2:1b", "Qwen3:32b", "gemma3:4b", "nomic-embed-text:latest", "hf.co/x/Y-GGUF:Q4_K_M"]
NEAREST: dict[str, tuple[str, list[str]]] = {
    "tag forgotten": ("qwen3", ["qwen3:8b", "Qwen3:32b"]),
    "latest is no difference": ("llama3.2:lates", ["llama3.2:latest"]),
    "case is no difference": ("GEMMA3", ["gemma3:4b"]),
    "typing mistake": ("lama3.2", ["llama3.2:latest", "llama3.2:1b"]),
    "the size that is wanted": ("qwen3:34b", ["Qwen3:32b", "qwen3:8b"]),
    "a registry before it": ("hf.co/somebody/nomic-embed-text-GGUF", ["nomic-embed-text:latest"]),
    "the owner is no likeness": ("hf.co/x/Z", []),
    "an equal tag is no likeness": ("mistral:8b", []),
    "nothing like it": ("zzzzzzzz", []),
}


@pytest.mark.parametrize(("wanted", "first"), NEAREST.values(), ids=NEAREST)
def test_nearest(wanted: str, first: list[str]) -> None:
    found = nearest(wanted, INSTALLED)
    assert found[: len(first)] == first
    assert bool(found) == bool(first)


def test_not_more_than_five() -> None:
    assert len(nearest("m", [f"m:{number}" for number in range(20)])) == 5


MISSING: dict[str, tuple[list[str], bool, str]] = {
    "near": (["qwen3:8b"], False, 'no model "qwen3". The nearest names it has: qwen3:8b. Choose one of them, or run `ollama pull qwen3`.'),
    "far": (
        ["x:1", "y:2"],
        False,
        'no model "qwen3". It has no name like it; it has x:1, y:2. Choose one of them, or run `ollama pull qwen3`.',
    ),
    "none": ([], False, 'no model "qwen3". It has no models yet. Run `ollama pull qwen3`.'),
    "cloud": (["qwen3-coder:480b"], True, 'no model "qwen3". The nearest names it has: qwen3-coder:480b. Choose one of them.'),
}


@pytest.mark.parametrize(("installed", "cloud", "text"), MISSING.values(), ids=MISSING)
def test_missing(installed: list[str], cloud: bool, text: str) -> None:
    error = model_missing("qwen3", installed, cloud=cloud)
    assert error.code == "model_missing"
    assert text in str(error)
