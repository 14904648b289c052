"""The plugin's static files as the tests read them: the manifest, the provider's YAML and the form in it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[4]
LOCALES = {"en_US", "zh_Hans", "ja_JP", "pt_BR"}


def load(path: str) -> dict[str, Any]:
    loaded = yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def words(text: str) -> list[str]:
    """A table of names without the quotes."""
    return text.split()


MANIFEST = load("manifest.yaml")
PROVIDER_PATH: str = MANIFEST["plugins"]["models"][0]
PROVIDER = load(PROVIDER_PATH)
FORM: list[dict[str, Any]] = PROVIDER["model_credential_schema"]["credential_form_schemas"]


def texts_in(tree: object, path: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Every text with locales, with where it stands."""
    if isinstance(tree, dict):
        if "en_US" in tree:
            yield path, tree
            return
        for name, value in tree.items():
            yield from texts_in(value, f"{path}.{name}")
    if isinstance(tree, list):
        for index, value in enumerate(tree):
            label = value.get("variable", index) if isinstance(value, dict) else index
            yield from texts_in(value, f"{path}.{label}")


TEXTS = [*texts_in(MANIFEST, "manifest"), *texts_in(PROVIDER, "provider")]
