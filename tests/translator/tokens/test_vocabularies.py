"""What `/api/show` says about a tokenizer, and which weights are used for it."""

import pytest

from fixtures.recordings import load
from translator.response.capabilities import model_info
from translator.tokens import Vocabulary, vocabulary_of
from translator.tokens.features import FEATURES
from translator.tokens.weights import WEIGHTS


@pytest.mark.parametrize(
    ("tokenizer", "pre", "architectures", "vocabulary"),
    [
        ("gpt2", "llama-bpe", ("llama",), Vocabulary.LLAMA),
        ("gpt2", "qwen2", ("qwen3",), Vocabulary.QWEN2),
        ("gpt2", "deepseek-r1-qwen", ("qwen2",), Vocabulary.QWEN2),
        ("gpt2", "qwen35", ("qwen35moe",), Vocabulary.QWEN35),
        ("llama", "default", ("gemma3",), Vocabulary.GEMMA),
        ("gemma4", "gemma4", ("gemma4",), Vocabulary.GEMMA),
        ("llama", "default", ("gemma-embedding", "gemma3"), Vocabulary.GEMMA),
        ("gpt2", "tekken", ("mistral3",), Vocabulary.TEKKEN),
        ("gpt2", "deepseek-v3", ("deepseek2",), Vocabulary.DEEPSEEK),
        ("gpt2", "gpt-4o", ("gptoss",), Vocabulary.GPT_4O),
        ("gpt2", "dbrx", ("phi3",), Vocabulary.GPT_4),
        ("llama", "default", ("llama",), Vocabulary.SPM),
        ("llama", "", ("phi3",), Vocabulary.SPM),
        ("bert", "default", ("nomic-bert",), Vocabulary.BERT),
        ("t5", "default", ("bert",), Vocabulary.XLM_R),
        ("gpt2", "smollm", ("llama",), Vocabulary.OTHER),
        ("gpt2", "something-new", ("qwen9",), Vocabulary.OTHER),
        ("", "", ("", "qwen3moe"), Vocabulary.QWEN2),
        ("", "", ("gptoss",), Vocabulary.GPT_4O),
        ("", "", ("llama",), Vocabulary.OTHER),
        ("", "", (), Vocabulary.OTHER),
    ],
)
def test_families(tokenizer: str, pre: str, architectures: tuple[str, ...], vocabulary: Vocabulary) -> None:
    assert vocabulary_of(tokenizer, pre, architectures) is vocabulary


@pytest.mark.parametrize(
    ("scenario", "vocabulary"),
    [
        ("show-gemma", Vocabulary.GEMMA),
        ("embeddinggemma-show", Vocabulary.GEMMA),
        ("show-minilm", Vocabulary.BERT),
        ("show-smollm", Vocabulary.OTHER),
    ],
)
@pytest.mark.parametrize("version", ["0.24.0-real", "0.33.0-rc2-real"])
def test_recorded_models(version: str, scenario: str, vocabulary: Vocabulary) -> None:
    assert model_info(load(version, scenario).body).vocabulary is vocabulary


def test_every_vocabulary_has_weights_for_known_features() -> None:
    assert tuple(WEIGHTS) == FEATURES
    assert {len(row) for row in WEIGHTS.values()} == {len(Vocabulary)}
