"""Fits the weights of the token estimate to real vocabularies and writes `translator/tokens/weights.py` and the held-out counts.

In an environment that has the vocabularies (see `vocabularies.py`): python -m tests.tokens.fit

One weight per feature and vocabulary. What is made small is the relative error per text, an estimate below the truth counting more than one
above. Weights are not negative, but for features that take back what others count, so that no text of another kind can be priced absurdly.
"""

import json
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.tokens.corpus import COUNTS, fitting, held_out
from tests.tokens.vocabularies import Counter, counters
from translator.tokens.features import BYTES, FEATURES, measure
from translator.tokens.vocabularies import Vocabulary

WEIGHTS = Path(__file__).parents[2] / "translator" / "tokens" / "weights.py"

MIDDLE = (Vocabulary.LLAMA, Vocabulary.QWEN2, Vocabulary.GEMMA, Vocabulary.TEKKEN, Vocabulary.DEEPSEEK, Vocabulary.GPT_4O, Vocabulary.GPT_4)
"""An unknown vocabulary is taken for the mean of these."""
UNDER, MORE_UNDER = 2.5, {Vocabulary.BERT: 6.0, Vocabulary.XLM_R: 4.0, Vocabulary.GPT_4O: 3.0, Vocabulary.TEKKEN: 3.5, Vocabulary.SPM: 3.5}
"""How much more an estimate below the truth counts than one above; more where counts differ most between texts of one kind."""
MARGIN = 1.015
RIDGE = 0.5
ROUNDS = 8
SMALL_ERROR = 0.03
MOST: Mapping[str, float] = BYTES
"""No token is less than a byte, so no character costs more than its bytes."""
LEAST: Mapping[str, float] = {
    **dict.fromkeys(("camel humps", "digits after letters", "digits after spaces", "letters after signs", "line ends after signs"), -1.0),
    **dict.fromkeys(("triples of signs", "capital vowels"), -1.0),
    "rules": -4.0,
    "words of 1": 0.86,
}
"""A word is about one token at the least. The others may take back what others count: a rule of four signs can be less than one token."""
HEAD = '''"""How many tokens each feature costs in each vocabulary; written by `python -m tests.tokens.fit`."""

from collections.abc import Mapping

WEIGHTS: Mapping[str, tuple[float, ...]] = {
'''
TAIL = '''}
"""Per feature one weight for each `Vocabulary`, in their order."""
'''


def solve(measured: Any, counts: Sequence[float], importance: Any, under: float) -> list[float]:
    """The weights for one vocabulary."""
    np, least_squares = import_module("numpy"), import_module("scipy.optimize").lsq_linear
    relative = measured / np.array(counts)[:, None]
    scale = np.sqrt((relative**2).mean(0)) + 1e-9
    relative = relative / scale
    lowest = np.array([LEAST.get(name, 0.0) for name in FEATURES]) * scale
    highest = np.array([MOST.get(name, 20.0) for name in FEATURES]) * scale
    weight, solution = importance.copy(), lowest
    for _ in range(ROUNDS):
        normal = (relative * weight[:, None]).T @ relative + RIDGE * np.eye(len(FEATURES))
        upper = np.linalg.cholesky(normal).T
        target = np.linalg.solve(upper.T, relative.T @ weight)
        solution = least_squares(upper, target, bounds=(lowest, highest)).x
        error = relative @ solution - 1
        weight = importance * np.where(error < 0, under, 1.0) / np.sqrt(np.maximum(np.abs(error), SMALL_ERROR))
    return [float(value) for value in solution / scale * MARGIN]


def fit(vocabularies: Mapping[Vocabulary, Counter]) -> dict[Vocabulary, list[float]]:
    """The weights of all vocabularies, in the order of the features."""
    np, texts = import_module("numpy"), fitting()
    measured = np.array([measure(text.encode()) for _, text, _ in texts])
    importance = np.array([weight for *_, weight in texts])
    counts = {vocabulary: [max(1, count(text)) for _, text, _ in texts] for vocabulary, count in vocabularies.items()}
    counts[Vocabulary.OTHER] = [sum(several) / len(MIDDLE) for several in zip(*(counts[one] for one in MIDDLE), strict=True)]
    return {vocabulary: solve(measured, real, importance, MORE_UNDER.get(vocabulary, UNDER)) for vocabulary, real in counts.items()}


def spelled(weights: Mapping[Vocabulary, Sequence[float]]) -> str:
    """The module."""
    columns = [weights[vocabulary] for vocabulary in Vocabulary]
    rows = (
        f'    "{feature}": ({", ".join(f"{round(weight, 3) or 0.0}" for weight in row)}),\n'
        for feature, row in zip(FEATURES, zip(*columns, strict=True), strict=True)
    )
    return HEAD + "".join(rows) + TAIL


def main() -> None:
    """Writes both files."""
    vocabularies = counters()
    WEIGHTS.write_text(spelled(fit(vocabularies)), "utf-8")
    real = {name: {vocabulary: count(text) for vocabulary, count in vocabularies.items()} for name, text in held_out().items()}
    COUNTS.write_text(json.dumps(real, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
