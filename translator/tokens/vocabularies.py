"""Which vocabulary a model has, as far as the estimate knows vocabularies apart."""

from collections.abc import Iterable, Mapping
from enum import StrEnum


class Vocabulary(StrEnum):
    """A family of vocabularies that cut texts alike. `OTHER` stands for one that is not known: the middle of today's large ones."""

    LLAMA = "llama-bpe"
    QWEN2 = "qwen2"
    QWEN35 = "qwen35"
    GEMMA = "gemma"
    TEKKEN = "tekken"
    DEEPSEEK = "deepseek"
    GPT_4O = "gpt-4o"
    GPT_4 = "gpt-4"
    SPM = "spm"
    BERT = "bert"
    XLM_R = "xlm-r"
    OTHER = "other"


_BY_PRE: Mapping[str, Vocabulary] = {
    "llama-bpe": Vocabulary.LLAMA,
    "llama3": Vocabulary.LLAMA,
    "llama-v3": Vocabulary.LLAMA,
    "smaug-bpe": Vocabulary.LLAMA,
    "qwen2": Vocabulary.QWEN2,
    "deepseek-r1-qwen": Vocabulary.QWEN2,
    "glm4": Vocabulary.QWEN2,
    "chatglm-bpe": Vocabulary.QWEN2,
    "qwen35": Vocabulary.QWEN35,
    "tekken": Vocabulary.TEKKEN,
    "pixtral": Vocabulary.TEKKEN,
    "deepseek-llm": Vocabulary.DEEPSEEK,
    "deepseek-coder": Vocabulary.DEEPSEEK,
    "deepseek-v3": Vocabulary.DEEPSEEK,
    "gpt-4o": Vocabulary.GPT_4O,
    "llama4": Vocabulary.GPT_4O,
    "dbrx": Vocabulary.GPT_4,
    "stablelm2": Vocabulary.GPT_4,
}
"""`tokenizer.ggml.pre` as llama.cpp writes it (src/llama-vocab.cpp); vocabularies of about the same size and languages share a family."""

_BY_MODEL: Mapping[str, Vocabulary] = {"llama": Vocabulary.SPM, "bert": Vocabulary.BERT, "t5": Vocabulary.XLM_R}
"""`tokenizer.ggml.model`; the rest (`gpt2`) says nothing about the vocabulary."""

_BY_ARCHITECTURE: tuple[tuple[str, Vocabulary], ...] = (
    ("qwen35", Vocabulary.QWEN35),
    ("qwen3.5", Vocabulary.QWEN35),
    ("qwen", Vocabulary.QWEN2),
    ("gptoss", Vocabulary.GPT_4O),
    ("gpt-oss", Vocabulary.GPT_4O),
    ("llama4", Vocabulary.GPT_4O),
    ("mllama", Vocabulary.LLAMA),
    ("deepseek", Vocabulary.DEEPSEEK),
    ("mistral", Vocabulary.TEKKEN),
    ("glm4", Vocabulary.QWEN2),
    ("bert", Vocabulary.BERT),
    ("nomic-bert", Vocabulary.BERT),
)
"""How an architecture begins, where a server names no tokenizer (cloud models, lists). `llama` is no help: two vocabularies have it."""

GEMMA = "gemma"
"""How the architectures of this family begin; their tokenizer calls itself `llama` (0.24.0 and 0.33.0 `show-gemma`) or `gemma4`."""


def vocabulary_of(tokenizer: str, pre: str, architectures: Iterable[str]) -> Vocabulary:
    """From `tokenizer.ggml.model`, `tokenizer.ggml.pre` and the names of the architecture or family; any may be empty."""
    names = [name.lower() for name in architectures if name]
    if any(name.startswith(GEMMA) for name in (*names, tokenizer, pre)):
        return Vocabulary.GEMMA
    known = _BY_PRE.get(pre.lower()) or _BY_MODEL.get(tokenizer.lower())
    if known is None and not tokenizer:
        known = next((found for name in names for start, found in _BY_ARCHITECTURE if name.startswith(start)), None)
    return known or Vocabulary.OTHER
