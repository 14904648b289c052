"""The texts that the token estimate is fitted to, and those that it is judged by."""

import re
from pathlib import Path

from tests.tokens.generated import KINDS, generate

TEXTS = Path(__file__).parent / "texts"
COUNTS = Path(__file__).parent / "held_out_counts.json"

HELD_OUT_SEED = 100
"""The generated texts that nothing is fitted to."""
FITTING_SEEDS = (0, 1, 2)

UNCOMMON = frozenset(
    {"hrv", "slv", "lit", "lav", "est", "swh", "tgl", "cat", "afr", "isl", "gle", "cym", "eus", "zul", "azj_latn", "uzn_latn"}
    | {"bel", "kaz", "kir", "mkd", "srp_cyrl", "mya", "khm", "lao", "amh", "sin"}
)
"""Languages of the declaration that count less: few prompts are in them, and their words must not price those of the others."""
HARD = frozenset(
    {"emoji", "emoji-messages", "emoji-random", "rules", "finnish", "finnish-tech", "finnish-news", "finnish-service"}
    | {"tamil", "tamil-tech", "tamil-news", "signs", "letters", "tsv", "windows-paths"}
    | {"indonesian", "indonesian-tech", "short-words"}
)
"""Kinds that are easily estimated too low; they count twice."""


def read(name: str) -> dict[str, str]:
    """The texts of a file by their names."""
    parts = re.split(r"^=== (.+)\n", (TEXTS / name).read_text("utf-8"), flags=re.MULTILINE)[1:]
    return {kind: text.rstrip("\n") for kind, text in zip(parts[::2], parts[1::2], strict=True)}


def fitting() -> list[tuple[str, str, float]]:
    """Name, text, and how much it counts."""
    texts = [
        *((name, text, 1.0) for name, text in read("fitting.txt").items()),
        *((f"declaration {name}", text, 0.2 if name in UNCOMMON else 0.7) for name, text in read("declaration.txt").items()),
        *((f"{kind} {seed}", generate(kind, seed), 1 / len(FITTING_SEEDS)) for kind in KINDS for seed in FITTING_SEEDS),
    ]
    return [(name, text, weight * (2 if name.split()[0] in HARD else 1)) for name, text, weight in texts]


def held_out() -> dict[str, str]:
    """Texts that nothing is fitted to."""
    return read("held_out.txt") | {f"generated {kind}": generate(kind, HELD_OUT_SEED) for kind in KINDS}
