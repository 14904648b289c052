"""No secret is found in any file or file name, wherever it stood."""

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from plugin_entry.cli.recording.command import Folder
from plugin_entry.cli.recording.documents import Documents
from plugin_entry.cli.recording.scrubbing import Scrubber
from plugin_entry.cli.screen import Screen
from tests.plugin_entry.cli.recording import corpus
from tests.plugin_entry.cli.recording.corpus import Planted

SEED = int(os.environ.get("CORPUS_SEED") or random.SystemRandom().randrange(1 << 32))
"""Other secrets in every run; a failure tells how to have the same ones again."""


def generated() -> Iterator[tuple[str, Planted]]:
    source = random.Random(SEED)
    for family in (corpus.sent_in_secret, corpus.shown_by_form, corpus.out_of_place, corpus.taken_out):
        yield from ((f"{family.__name__}: {name}", planted) for name, planted in family(source))


def recorded(planted: Planted, directory: Path) -> tuple[str, str]:
    """What is written, and what is shown with the names of the files."""
    shown: list[str] = []
    documents = Documents(Scrubber(without_texts=planted.without_texts))
    folder = Folder(directory, Screen(lambda text, _: shown.append(text)), documents)
    folder.keep(planted.exchange)
    folder.conclude()
    (path,) = directory.rglob("*.json")
    return path.read_text(encoding="ascii"), "".join(shown) + str(path.relative_to(directory))


def test_no_secret_is_found_in_any_file_or_name(tmp_path: Path) -> None:
    planted = list(generated())
    leaks = []
    for number, (name, each) in enumerate(planted):
        written, shown = recorded(each, tmp_path / str(number))
        leaks += [name for secret in each.secrets if corpus.found(secret, written) or secret.lower() in shown.lower()]
    assert leaks == [], f"CORPUS_SEED={SEED}"
    assert len(planted) >= 300


def test_the_search_finds_what_is_there() -> None:
    """Otherwise an empty list would prove nothing."""
    source = random.Random(SEED)
    for name, each in corpus.sent_in_secret(source):
        chunks = [[0, b"".join(data for _, data in each.exchange.pieces).decode("utf-8", "surrogateescape")]]
        asked = each.exchange.request_body.decode() + str(each.exchange.headers)
        document = {"request": asked, "response": {"chunks": chunks}}
        assert any(corpus.found(secret, json.dumps(document)) for secret in each.secrets) or "bare word" in name, name


@pytest.mark.parametrize("later", ["bearer", "cookie", "query", "set cookie"])
def test_what_is_sent_in_secret_later_is_hidden_in_earlier_files(later: str, tmp_path: Path) -> None:
    key = corpus.word(random.Random(SEED))
    documents = Documents(Scrubber())
    folder = Folder(tmp_path, Screen(lambda _, __: None), documents)
    folder.keep(corpus.exchange(json.dumps({"response": f"it is {key}"}), body={"prompt": f"it is {key}", "model": "m"}))
    folder.keep(corpus.exchange(**corpus.SENT[later](key)))
    folder.conclude()
    files = [path.read_text() for path in sorted(tmp_path.rglob("*.json"))]
    assert [corpus.found(key, text) for text in files] == [False, False]
    assert json.loads(files[0])["request"]["body"] == {"prompt": f"it is {'x' * len(key)}", "model": "m"}
