"""What Dify is told: the server's word, the user's word, and what nobody said."""

import itertools
import json

import attrs
import pytest

from fixtures.recordings import load
from translator.features import context, decide, features, thinker
from translator.request.context import OverflowPolicy
from translator.request.thinking import Thinker
from translator.response.capabilities import ModelInfo, model_info
from translator.settings.credentials import CapabilityChoice, Credentials, read_credentials
from translator.shapes.dify import Mode
from translator.versions import ServerVersion

TOOLS = {"tool-call", "multi-tool-call", "stream-tool-call"}
OURS = Credentials(base_url="http://localhost:11434")
COMPLETION = attrs.evolve(OURS, mode=Mode.COMPLETION)
OFFICIAL = read_credentials({"base_url": "http://h", "vision_support": "false", "function_call_support": "true", "context_size": "4096"})
ALL = ModelInfo(capabilities=frozenset({"completion", "tools", "vision", "thinking", "audio", "insert"}))


def recorded(version: str, scenario: str) -> ModelInfo:
    return model_info(load(version, scenario).body, json.dumps({"version": version}))


RECORDED: dict[str, tuple[str, str, Credentials, set[str]]] = {
    "plain": ("0.33.0-rc2", "show-chat", OURS, {"structured-output"}),
    "tools": ("0.33.0-rc2", "show-tool-one", OURS, TOOLS | {"structured-output"}),
    "thinking and tools": ("0.33.0-rc2", "show-think-tools", OURS, TOOLS | {"structured-output", "agent-thought"}),
    "vision": ("0.33.0-rc2", "show-native-vision", OURS, {"structured-output", "vision"}),
    "gpt-oss in the cloud": ("0.33.0-rc2", "cloud-proxy-show", OURS, TOOLS | {"structured-output", "agent-thought"}),
    "old server, by template": ("0.5.13", "show-tool-one", OURS, TOOLS | {"structured-output"}),
    "old server cannot think": ("0.5.13", "show-think", OURS, {"structured-output"}),
    "official credentials": ("0.33.0-rc2", "show-native-vision", OFFICIAL, TOOLS | {"structured-output"}),
    "no tools in completion mode": ("0.33.0-rc2", "show-think-tools", COMPLETION, {"structured-output", "agent-thought"}),
}  # fmt: skip


@pytest.mark.parametrize(("version", "scenario", "credentials", "expected"), RECORDED.values(), ids=RECORDED)
def test_recorded_models(version: str, scenario: str, credentials: Credentials, expected: set[str]) -> None:
    assert features(recorded(version, scenario), credentials) == expected


def test_all() -> None:
    assert features(ALL, OURS) == TOOLS | {"vision", "audio", "agent-thought", "structured-output"}


def test_nothing_known() -> None:
    assert features(ModelInfo(), OURS) == {"structured-output"}


@pytest.mark.parametrize(("choice", "said"), list(itertools.product(CapabilityChoice, (True, False, None))))
def test_decide(choice: CapabilityChoice, said: bool | None) -> None:
    assert decide(choice, said) is {CapabilityChoice.YES: True, CapabilityChoice.NO: False, CapabilityChoice.AUTO: said}[choice]


SWITCHES = {"vision": {"vision"}, "tools": TOOLS, "thinking": {"agent-thought"}, "structured_output": {"structured-output"}}


@pytest.mark.parametrize(("switch", "words"), SWITCHES.items(), ids=SWITCHES)
def test_the_users_word_wins(switch: str, words: set[str]) -> None:
    assert words <= features(ModelInfo(), attrs.evolve(OURS, **{switch: CapabilityChoice.YES}))  # type: ignore[arg-type]  # the name is data
    assert not words & features(ALL, attrs.evolve(OURS, **{switch: CapabilityChoice.NO}))  # type: ignore[arg-type]  # the name is data


def test_documents_never() -> None:
    everything = attrs.evolve(OURS, vision=CapabilityChoice.YES, tools=CapabilityChoice.YES, thinking=CapabilityChoice.YES)
    assert not {"document", "video"} & features(ALL, everything)


def test_context_is_one_number() -> None:
    info = recorded("0.33.0-rc2", "show-chat")
    plan = context(info, OURS)
    assert (plan.size, plan.num_ctx, plan.maximum) == (4096, 4096, 4096)
    assert context(info, attrs.evolve(OURS, context_size=1000)).size == 1000
    assert context(info, attrs.evolve(OURS, overflow=OverflowPolicy.ERROR)).truncate is False
    assert context(recorded("0.33.0-rc2", "cloud-stub-show"), OURS).num_ctx is None
    assert "cannot refuse" in context(recorded("0.5.13", "show-chat"), attrs.evolve(OURS, overflow=OverflowPolicy.ERROR)).note


def test_thinker() -> None:
    info = recorded("0.24.0", "show-harmony-text")
    expected = Thinker(can_think=True, always_thinks=True, parser="harmony", version=ServerVersion(0, 24))
    assert thinker(info, OURS) == expected
    assert thinker(info, attrs.evolve(OURS, mode=Mode.COMPLETION)) == attrs.evolve(expected, parser="", formats_at_once=True)
    assert thinker(info, attrs.evolve(OURS, thinking=CapabilityChoice.NO)).can_think is False
    assert thinker(ModelInfo(), OURS).can_think is None
