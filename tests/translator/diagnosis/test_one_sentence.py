"""Cause and remedy as one sentence: every text of the library and of the plugin, filled with words that are hard to read."""

import pytest

from plugin_entry.network.error_rows import HINTS, OWN, ROWS
from tests.plugin_entry.checks.sentences import faults
from translator.diagnosis.one_sentence import continuing, one_sentence, without_stop
from translator.diagnosis.server_kinds import REMEDIES, not_ollama
from translator.failures.catalogue import CATALOGUE
from translator.failures.row import filled
from translator.rerank.catalogue import REFUSALS as RERANK_REFUSALS
from translator.settings.base_url import REFUSALS as ADDRESS_REFUSALS

JOINED: dict[str, tuple[str, str, str]] = {
    "a colon": ("It is off.", "Switch it on.", "It is off: switch it on."),
    "no remedy": ("It is off.", "", "It is off."),
    "no cause": ("", "Switch it on.", "Switch it on."),
    "nothing": ("", "", ""),
    "no stop": ("It is off", "Switch it on", "It is off: switch it on."),
    "two causes": ("It is off. It was on.", "Look.", "It is off; it was on; look."),
    "two remedies": ("It is off.", "Look. Listen.", "It is off: look; listen."),
    "a colon before": ("It is off: why?", "Look.", "It is off: why?; look."),
    "a colon behind": ("It is off.", "Do this: look.", "It is off; do this: look."),
    "a colon in a quotation": ("It said `Host: x`.", "Look.", "It said `Host: x`: look."),
    "an address": ("At http://h:1 is nothing.", "Look.", "At http://h:1 is nothing: look."),
    "a quoted text": ('The server said: "Bad. Try again.".', "Do so.", 'The server said: "Bad. Try again."; do so.'),
    "a name": ("It is off.", "Ollama listens.", "It is off: Ollama listens."),
    "a name of two words": ("It is off.", "Open WebUI listens.", "It is off: Open WebUI listens."),
    "a verb that is half a name": ("It is off.", "Open it.", "It is off: open it."),
    "an abbreviation": ("It is off.", "OLLAMA_HOST=0.0.0.0 helps.", "It is off: OLLAMA_HOST=0.0.0.0 helps."),
    "capitals within": ("It is off.", "OpenAI's API helps.", "It is off: OpenAI's API helps."),
    "one letter": ("It is off.", "A model helps.", "It is off: a model helps."),
    "numbers and names": ("Ollama 0.12. Host a.b.c.", "See example.com.", "Ollama 0.12; host a.b.c; see example.com."),
    "signs in parentheses": ("A step of dots (. or ..).", "Remove ? and #.", "A step of dots (. or ..): remove ? and #."),
}


@pytest.mark.parametrize(("cause", "remedy", "told"), JOINED.values(), ids=JOINED)
def test_joined(cause: str, remedy: str, told: str) -> None:
    assert one_sentence(cause, remedy) == told
    assert one_sentence(told) == told, "one sentence stays as it is"


def test_parts() -> None:
    assert without_stop("Done. ") == "Done"
    assert continuing("") == ""


SAID = ' The server said: "model x.y:1. Not found! Try `pull` first: v0.12.1 of a.example. Why?".'
FACTS = {
    "model": 'the model "hf.co/a. B:q4.0"',
    "name": "hf.co/a.b:q4.0",
    "route": "/api/v1.1/show",
    "status": "403",
    "numbers": " (15,001 tokens, the window holds 512)",
    "said": SAID,
    "proxy": "a proxy (nginx)",
    "passed": " A proxy (squid at proxy.example.com) in between may have made this reply itself.",
    **dict.fromkeys(("what", "option", "kind", "reason", "given", "field", "needed", "free", "architecture"), "0.5 GiB"),
}
PLACE = {"place": "http://host.example.com:11434", "within": " within 0.5 seconds", "detail": "HTTP status 407"}

TEXTS: dict[str, tuple[str, str]] = {
    **{
        f"catalogue {n} {each.code}": (filled(each, FACTS).cause, filled(each, FACTS).remedy)
        for n, each in enumerate((*CATALOGUE, *RERANK_REFUSALS))
    },
    **{f"connection {code}": (each.cause.format(**PLACE), each.remedy) for code, each in (ROWS | OWN).items()},
    **{
        f"hint {n}": (ROWS[min(codes)].cause.format(**PLACE), f"{ROWS[min(codes)].remedy} {hint}")
        for n, (codes, _, hint) in enumerate(HINTS)
    },
    **{f"address {reason}": texts for reason, texts in ADDRESS_REFUSALS.items()},
    **{f"server {kind.name}": (not_ollama(kind, PLACE["place"]).problem.cause, remedy) for kind, remedy in REMEDIES.items()},
}


@pytest.mark.parametrize(("cause", "remedy"), TEXTS.values(), ids=TEXTS)
def test_every_text_becomes_one_sentence(cause: str, remedy: str) -> None:
    told = one_sentence(cause, remedy)
    assert faults(told) == []
    assert words(told) == words(f"{cause} {remedy}"), "no word is lost"


def words(text: str) -> list[str]:
    return [word for word in "".join(letter.lower() if letter.isalnum() else " " for letter in text).split() if word]


NOT_ONE = ("", "No stop", "Two. Sentences.", "a small beginning.", "Two.\nLines.", 'Quoted "a. b". And more.', "Left {open}.", "A  gap.")


@pytest.mark.parametrize("text", NOT_ONE, ids=repr)
def test_what_is_not_one_sentence(text: str) -> None:
    assert faults(text)
