"""What a good check writes back, and what is made of it when the server is away."""

import json

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.recordings import load
from translator.detected import from_saved, to_saved
from translator.features import context, features
from translator.response.capabilities import ModelInfo, model_info
from translator.settings.credentials import read_credentials
from translator.tokens import Vocabulary
from translator.versions import NEWEST, ServerVersion

THINKS = model_info(load("0.24.0", "show-think-tools").body, json.dumps({"version": "0.24.0"}))


def test_written_back() -> None:
    assert to_saved(attrs.evolve(THINKS, num_ctx=2048)) == {
        "detected_capabilities": "completion thinking tools",
        "detected_context_length": "4096",
        "detected_num_ctx": "2048",
        "detected_server_version": "0.24.0",
    }


def test_what_nobody_said_is_not_written() -> None:
    assert to_saved(ModelInfo()) == {}


def test_every_value_is_a_text() -> None:
    """Core stores credentials as texts."""
    assert all(isinstance(value, str) for value in to_saved(THINKS).values())


def test_the_schema_is_the_same_without_the_server() -> None:
    saved = {"base_url": "http://h", **to_saved(THINKS)}
    credentials = read_credentials(saved)
    assert features(from_saved(saved), credentials) == features(THINKS, credentials)
    assert context(from_saved(saved), credentials).size == context(THINKS, credentials).size


INFOS = st.builds(
    ModelInfo,
    capabilities=st.none() | st.frozensets(st.sampled_from(["completion", "tools", "vision", "thinking", "audio", "insert"]), min_size=1),
    context_length=st.none() | st.integers(1, 2**30),
    num_ctx=st.none() | st.integers(1, 2**30),
    vocabulary=st.sampled_from(Vocabulary),
    version=st.sampled_from([NEWEST, ServerVersion(0, 5, 13), ServerVersion(0, 33, 0, 2)]),
)


@given(INFOS)
def test_there_and_back(info: ModelInfo) -> None:
    assert from_saved(to_saved(info)) == info


SPOILED: dict[str, dict[str, object]] = {
    "nothing": {},
    "empty": {"detected_capabilities": "", "detected_context_length": "", "detected_num_ctx": "", "detected_server_version": ""},
    "none": dict.fromkeys(("detected_capabilities", "detected_context_length", "detected_num_ctx", "detected_server_version")),
    "nonsense": {"detected_capabilities": 7, "detected_context_length": "many", "detected_num_ctx": [1], "detected_server_version": {}}
    | {"detected_vocabulary": 7},
}


@pytest.mark.parametrize("saved", SPOILED.values(), ids=SPOILED)
def test_spoiled_memories_are_no_memories(saved: dict[str, object]) -> None:
    assert from_saved(saved) == ModelInfo()
