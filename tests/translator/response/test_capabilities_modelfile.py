"""The two texts of /api/show that are not JSON."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translator.response.capabilities import go_unquote, modelfile_command, parse_parameters

QUOTED = {
    "plain": ('"<|im_end|>"', "<|im_end|>"),
    "line break": (r'"\n\n"', "\n\n"),
    "quotes": (r'"say \"hi\""', 'say "hi"'),
    "backslash": (r'"a\\n"', "a\\n"),
    "unicode": (r'"\u4f60\U0001f600"', "你😀"),
    "bytes of one character": (r'"\xe4\xbd\xa0"', "你"),
    "a byte that is no text": (r'"\xff"', "\ufffd"),
    "octal": (r'"\101"', "A"),
    "beyond unicode": (r'"\Uffffffff"', "?"),
    "open backslash": ('"a\\"', "a\\"),
    "raw": ("`a\\n`", "a\\n"),
    "number": ("0.6", "0.6"),
    "one quote": ('"', '"'),
    "empty": ('""', ""),
}


@pytest.mark.parametrize(("literal", "text"), QUOTED.values(), ids=QUOTED)
def test_go_unquote(literal: str, text: str) -> None:
    assert go_unquote(literal) == text


@given(st.text())
def test_go_unquote_takes_anything(text: str) -> None:
    go_unquote(text)
    go_unquote(f'"{text}"')


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_round_trip(text: str) -> None:
    """Written as strconv.Quote may write it: every character as an escape."""
    assert go_unquote('"' + "".join(f"\\U{ord(character):08x}" for character in text) + '"') == text


def test_parameters() -> None:
    text = (
        "num_ctx                        1.048576e+06\n"
        'stop                           "<|im_start|>"\n'
        "temperature                    0.6\r\n"
        'stop                           "a  b"\n'
        'system                         "two words"\n'
        "\n"
        "alone\n"
    )
    assert parse_parameters(text) == {
        "num_ctx": ("1.048576e+06",),
        "stop": ("<|im_start|>", "a  b"),
        "temperature": ("0.6",),
        "system": ("two words",),
    }


MODELFILES = {
    "there": ("FROM x\nTEMPLATE {{ .Prompt }}\nPARSER harmony\n", "harmony"),
    "last wins": ("PARSER a\nPARSER b", "b"),
    "not there": ("FROM x\n", ""),
    "in a sentence": ("LICENSE The PARSER must not\n", ""),
    "several words": ("PARSER of all things\n", ""),
    "empty": ("", ""),
}


@pytest.mark.parametrize(("modelfile", "parser"), MODELFILES.values(), ids=MODELFILES)
def test_modelfile_command(modelfile: str, parser: str) -> None:
    assert modelfile_command(modelfile, "PARSER") == parser
