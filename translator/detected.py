"""Facts about a model that are saved with its credentials after a good check, for the time when its server is away.

What is saved here is only a memory: the server's own word always wins.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from translator.response.capabilities import ModelInfo
from translator.scalars import as_int
from translator.tokens import Vocabulary
from translator.versions import ServerVersion

CAPABILITIES, CONTEXT, NUM_CTX, RUNNING, VERSION, VOCABULARY = (
    "detected_capabilities",
    "detected_context_length",
    "detected_num_ctx",
    "detected_running_window",
    "detected_server_version",
    "detected_vocabulary",
)

KEPT = 256


def to_saved(info: ModelInfo) -> dict[str, str]:
    """What to write back into the credentials; facts the server did not give are left out."""
    facts = {
        CAPABILITIES: None if info.capabilities is None else " ".join(sorted(info.capabilities)),
        CONTEXT: info.context_length,
        NUM_CTX: info.num_ctx,
        RUNNING: info.running_window,
        VERSION: str(info.version) if info.version.is_known else None,
        VOCABULARY: None if info.vocabulary is Vocabulary.OTHER else info.vocabulary,
    }
    return {name: str(value) for name, value in facts.items() if value is not None}


def from_saved(saved: Mapping[str, Any]) -> ModelInfo:
    """The facts of the last good check; without one, facts without content."""
    words = saved.get(CAPABILITIES)
    others = [str(saved.get(name) or "") for name in (CONTEXT, NUM_CTX, RUNNING, VERSION, VOCABULARY)]
    return _remembered(words if isinstance(words, str) else "", *others)


@lru_cache(maxsize=KEPT)
def _remembered(words: str, context_length: str, num_ctx: str, running: str, version: str, vocabulary: str) -> ModelInfo:
    """The same object for the same facts: they are asked for several times per request."""
    return ModelInfo(
        capabilities=frozenset(words.split()) or None,
        context_length=_number(context_length),
        num_ctx=_number(num_ctx),
        running_window=_number(running),
        version=ServerVersion.parse(version),
        vocabulary=Vocabulary(vocabulary) if vocabulary in set(Vocabulary) else Vocabulary.OTHER,
    )


def _number(value: str) -> int | None:
    try:
        return max(1, as_int(value))
    except ValueError:
        return None
