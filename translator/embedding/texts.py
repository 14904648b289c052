"""What a text becomes before it is embedded: never blank, prefixed if asked for, milder or shorter if the server could not take it.

Every function gives the same for the same text, as Dify keeps the vectors for ever and compares them with those of later queries.
"""

import unicodedata
from enum import StrEnum

import attrs

BLANK_STAND_IN = "."
"""Sent for a text without any visible character: models that add no tokens of their own refuse `""` (0.33.0-rc2 `embed-empty-item-bare`),
and the server itself returns no vector at all for a lone `""` (0.33.0-rc2 `embed-empty-string`). One full stop is a token everywhere."""


class InputKind(StrEnum):
    """What a text is embedded for, in Dify's words (`input_type`)."""

    DOCUMENT = "document"
    QUERY = "query"


@attrs.frozen(slots=True, kw_only=True)
class Prefixes:
    """What a model family was trained to see before queries and documents."""

    query: str = ""
    document: str = ""

    def of(self, kind: InputKind) -> str:
        return self.query if kind is InputKind.QUERY else self.document


NO_PREFIXES = Prefixes()

_INSTRUCT = "Instruct: Given a web search query, retrieve relevant passages that answer the query\n"
_REPRESENT = Prefixes(query="Represent this sentence for searching relevant passages: ")
_SHORT = Prefixes(query="query: ", document="passage: ")
_NOMIC = Prefixes(query="search_query: ", document="search_document: ")
_GEMMA = Prefixes(query="task: search result | query: ", document="title: none | text: ")
_QWEN3 = Prefixes(query=f"{_INSTRUCT}Query:")

FAMILY_PREFIXES: tuple[tuple[tuple[str, ...], Prefixes], ...] = (
    (("nomic-embed-text",), _NOMIC),
    (("embeddinggemma", "embedding-gemma"), _GEMMA),
    (("qwen3-embedding",), _QWEN3),
    (("e5-mistral", "e5-large-instruct"), Prefixes(query=f"{_INSTRUCT}Query: ")),
    (("multilingual-e5", "e5-small", "e5-base", "e5-large"), _SHORT),
    (("mxbai-embed",), _REPRESENT),
    (("snowflake-arctic-embed2", "snowflake-arctic-embed-l-v2", "snowflake-arctic-embed-m-v2"), Prefixes(query="query: ")),
    (("snowflake-arctic-embed",), _REPRESENT),
    (("bge-m3", "all-minilm", "all-mpnet", "paraphrase-multilingual", "granite-embedding", "jina-embeddings-v2"), NO_PREFIXES),
    (("bge-large-zh", "bge-base-zh", "bge-small-zh"), Prefixes(query="为这个句子生成表示以用于检索相关文章：")),
    (("bge-large", "bge-base", "bge-small"), _REPRESENT),
)
"""Parts of a model's name and what its model card asks for; the first row that fits counts. bge-m3 and its row are trained without."""

ARCHITECTURE_PREFIXES: tuple[tuple[str, Prefixes], ...] = (
    ("gemma-embedding", _GEMMA),  # 0.33.0 `embeddinggemma-show`
    ("gemma3", _GEMMA),  # 0.24.0 `embeddinggemma-show`
    ("nomic-bert", _NOMIC),
    ("qwen3", _QWEN3),
)
"""How the architecture of an embedding model begins, for a model whose names say nothing. `bert` is no help: most families have it."""


def family_prefixes(*names: str, architecture: str = "") -> Prefixes | None:
    """The prefixes of an embedding model; None when the family is not known.

    `names` are those that the server knows of it, and the user's (`hf.co/org/Model-GGUF:Q8_0` included): the first that says anything
    counts, then `architecture`, as `/api/show` names it.
    """
    plain = [name.lower().replace("_", "-").replace(" ", "-") for name in names]
    by_name = (prefixes for name in plain for parts, prefixes in FAMILY_PREFIXES if any(part in name for part in parts))
    by_architecture = (prefixes for start, prefixes in ARCHITECTURE_PREFIXES if architecture.lower().startswith(start))
    return next(by_name, None) or next(by_architecture, None)


def is_blank(text: str) -> bool:
    """True when no character is visible: spaces, control and zero-width characters only."""
    return not any(unicodedata.category(character)[0] not in "ZC" for character in text)


def sendable(text: str, prefix: str = "") -> str:
    """The text as it is sent."""
    return prefix + (BLANK_STAND_IN if is_blank(text) else text)


_PLAIN = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u2039\u203a", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
        "\u2026": "...",
        "\u2022": "-",
    }
)
"""Typographic marks that make some half-precision models overflow (ollama/ollama#16625) and their plain forms."""

_TRAILING = " .,;:!?-_'\"()[]{}"


def milder(text: str) -> str:
    """The text with plain punctuation, single spaces and no control characters; when that changes nothing, without marks at its end.

    For the one retry of a text on which the model yields no numbers. Never blank.
    """
    visible = "".join(character if unicodedata.category(character)[0] != "C" else " " for character in text.translate(_PLAIN))
    plain = " ".join(visible.split())
    if plain == text:
        plain = text.rstrip(_TRAILING)
    return plain or BLANK_STAND_IN
