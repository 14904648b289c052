"""Parameters of apps that were made with earlier plugins pass the SDK's rules and mean what they meant."""

import json

import pytest

from translator.request.migration import migrate_parameters
from translator.request.options import options_to_wire
from translator.request.parameters import BY_NAME, ParameterKind

CASES: dict[str, tuple[dict[str, object], dict[str, object]]] = {
    "official plugin, all of it": (
        {"temperature": 0.5, "top_p": 0.9, "top_k": 40, "repeat_penalty": 1.1, "num_predict": 512, "num_ctx": 2048, "num_gpu": 1,
         "seed": 7, "keep_alive": "-1", "format": "json", "think": True, "think_level": "high", "mirostat": 0, "tfs_z": 1.0},
        {"temperature": 0.5, "top_p": 0.9, "top_k": 40, "repeat_penalty": 1.1, "max_tokens": 512, "num_ctx": 2048, "num_gpu": 1,
         "seed": 7, "keep_alive": "-1", "format": "json", "think": "high", "mirostat": 0, "tfs_z": 1.0},
    ),
    "think on": ({"think": True}, {"think": "on"}),
    "think off": ({"think": False, "think_level": "high"}, {"think": "off"}),
    "think as text": ({"think": "true"}, {"think": "on"}),
    "level alone": ({"think_level": "low"}, {"think": "low"}),
    "max_tokens wins": ({"max_tokens": 5, "num_predict": 5}, {"max_tokens": 5, "num_predict": 5}),
    "texts and floats": ({"top_k": 40.0, "num_ctx": "4096", "temperature": "0.5"}, {"top_k": 40, "num_ctx": 4096, "temperature": 0.5}),
    "keep_alive number": ({"keep_alive": 300}, {"keep_alive": "300"}),
    "schema object": ({"json_schema": {"type": "object"}}, {"json_schema": '{"type":"object"}'}),
    "switch as word": ({"show_thinking": "false"}, {"show_thinking": False}),
    "blank": ({"top_k": "", "seed": None}, {}),
    "stop stays": ({"stop": ["\n"]}, {"stop": ["\n"]}),
    "nonsense stays for its error": ({"top_k": "many", "think": "minimal"}, {"top_k": "many", "think": "minimal"}),
    "unknown stays": ({"foo": 1}, {"foo": 1}),
}  # fmt: skip


@pytest.mark.parametrize(("saved", "expected"), CASES.values(), ids=CASES)
def test_migration(saved: dict[str, object], expected: dict[str, object]) -> None:
    before = dict(saved)
    assert migrate_parameters(saved) == expected
    assert saved == before


@pytest.mark.parametrize(
    "saved", [case[0] for name, case in CASES.items() if "stays" not in name], ids=[n for n in CASES if "stays" not in n]
)
def test_types_are_those_of_the_rules(saved: dict[str, object]) -> None:
    types: dict[ParameterKind, tuple[type, ...]] = {
        ParameterKind.INT: (int,), ParameterKind.FLOAT: (int, float), ParameterKind.BOOLEAN: (bool,),
        ParameterKind.STRING: (str,), ParameterKind.TEXT: (str,),
    }  # fmt: skip
    for name, value in migrate_parameters(saved).items():
        if name in BY_NAME:
            assert isinstance(value, types[BY_NAME[name].kind])
            assert not BY_NAME[name].choices or value in BY_NAME[name].choices


def test_meaning_is_kept() -> None:
    saved = CASES["official plugin, all of it"][0]
    assert options_to_wire(saved) == options_to_wire(migrate_parameters(saved))
    assert json.loads(str(migrate_parameters({"json_schema": {"a": "é"}})["json_schema"])) == {"a": "é"}
