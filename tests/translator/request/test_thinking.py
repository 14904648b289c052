"""The think setting: one table per rule, every combination held against the server's own rules, and those against the recordings."""

import itertools
import json
from functools import cache

import attrs
import pytest

from fixtures.recordings import Exchange, every
from tests.go.go_server import Refused, read_think
from translator.errors import RequestError
from translator.failures.build import failure_from_reply
from translator.request.parameters import ThinkChoice
from translator.request.thinking import StepDown, Thinker, ThinkPlan, plan_think, step_down, think_choice
from translator.shapes.wire import Think
from translator.versions import NEWEST, ServerVersion

VERSIONS = [
    "0.5.13", "0.8.0", "0.9.0", "0.9.6", "0.10.1", "0.11.0", "0.12.3", "0.12.4", "0.12.5", "0.17.6", "0.17.7",
    "0.21.2", "0.22.0", "0.24.0", "0.31.1", "0.31.2", "0.33.0-rc2", "",
]  # fmt: skip


def version(text: str) -> ServerVersion:
    return ServerVersion.parse(text)


CHOICES: dict[str, tuple[object, object, ThinkChoice]] = {
    "nothing": (None, None, ThinkChoice.DEFAULT),
    "blank": ("", " ", ThinkChoice.DEFAULT),
    **{word: (word, None, ThinkChoice(word)) for word in ThinkChoice},
    "capitals": (" High ", None, ThinkChoice.HIGH),
    "true": (True, None, ThinkChoice.ON),
    "false": (False, None, ThinkChoice.OFF),
    "word true": ("True", None, ThinkChoice.ON),
    "word false": ("false", None, ThinkChoice.OFF),
    "none": ("none", None, ThinkChoice.OFF),
    "level alone": (None, "max", ThinkChoice.MAX),
    "level over on": (True, "low", ThinkChoice.LOW),
    "off over level": (False, "high", ThinkChoice.OFF),
}


@pytest.mark.parametrize(("think", "level", "expected"), CHOICES.values(), ids=CHOICES)
def test_choice(think: object, level: object, expected: ThinkChoice) -> None:
    assert think_choice(think, level) is expected


@pytest.mark.parametrize("value", ["minimal", "5", 1, 0, {}, ["high"]], ids=repr)
def test_choice_refused(value: object) -> None:
    with pytest.raises(RequestError, match=r"think has an unknown value\. Choose one of default, off, on, low, medium, high, max"):
        think_choice(value)


NEW = "0.33.0-rc2"
CAN, CANNOT, UNKNOWN = Thinker(can_think=True), Thinker(can_think=False), Thinker(can_think=None)
GPT_OSS = Thinker(can_think=True, always_thinks=True, parser="harmony")
AT_ONCE = Thinker(can_think=True, formats_at_once=True)
QWEN3 = Thinker(can_think=True, parser="qwen3-thinking")
GEMMA4 = Thinker(can_think=True, parser="gemma4")

FREE: dict[str, tuple[str, Thinker, str, Think | None]] = {
    "default says nothing": ("default", CAN, NEW, None),
    "off": ("off", CAN, NEW, False),
    "on": ("on", CAN, NEW, True),
    "level": ("medium", CAN, NEW, "medium"),
    "max": ("max", CAN, NEW, "max"),
    "max before 0.22": ("max", CAN, "0.21.0", "high"),
    "level before 0.17.7": ("low", CAN, "0.17.6", True),
    "level before 0.11": ("low", CAN, "0.9.6", True),
    "before 0.9": ("on", CAN, "0.5.13", None),
    "off before 0.9": ("off", CAN, "0.5.13", None),
    "on where nothing thinks": ("on", CANNOT, NEW, None),
    "level where nothing thinks": ("high", CANNOT, NEW, None),
    "off where nothing thinks": ("off", CANNOT, NEW, None),
    "on, unknown model": ("on", UNKNOWN, NEW, True),
    "off, unknown model": ("off", UNKNOWN, NEW, False),
    "off, unknown model, 0.12.4": ("off", UNKNOWN, "0.12.4", None),
    "off, thinking model, 0.12.4": ("off", CAN, "0.12.4", False),
    "gpt-oss off": ("off", GPT_OSS, NEW, "low"),
    "gpt-oss off, 0.11": ("off", GPT_OSS, "0.11.0", "low"),
    "gpt-oss on": ("on", GPT_OSS, NEW, True),
    "gpt-oss level before 0.17.7": ("high", GPT_OSS, "0.11.0", "high"),
    "gpt-oss max before 0.22": ("max", GPT_OSS, "0.11.0", "high"),
    "gpt-oss default": ("default", GPT_OSS, NEW, None),
}


@pytest.mark.parametrize(("choice", "model", "server", "think"), FREE.values(), ids=FREE)
def test_plan(choice: str, model: Thinker, server: str, think: Think | None) -> None:
    plan = plan_think(ThinkChoice(choice), attrs.evolve(model, version=version(server)))
    assert (plan.think, plan.show) == (think, True)
    assert type(plan.think) is type(think)


STRUCTURED: dict[str, tuple[str, Thinker, str, Think | None]] = {
    "thinking model": ("default", CAN, NEW, False),
    "a level, hidden": ("high", CAN, NEW, "high"),
    "on, hidden": ("on", CAN, NEW, True),
    "on, unknown model": ("on", UNKNOWN, NEW, True),
    "off": ("off", CAN, NEW, False),
    "on before formats came after thinking": ("on", CAN, "0.12.3", False),
    "on where a format holds at once": ("on", AT_ONCE, NEW, False),
    "on where nothing thinks": ("on", CANNOT, NEW, None),
    "gpt-oss: the level that was asked for": ("high", GPT_OSS, NEW, "high"),
    "on, built-in parser before 0.31.2": ("on", QWEN3, "0.24.0", True),
    "no thinking model": ("default", CANNOT, NEW, None),
    "unknown model": ("default", UNKNOWN, NEW, False),
    "gpt-oss: lowest level, never false": ("default", GPT_OSS, NEW, "low"),
    "gpt-oss off: the same": ("off", GPT_OSS, NEW, "low"),
    "built-in parser, new": ("default", QWEN3, NEW, False),
    "built-in parser before 0.31.2: think, hidden": ("off", QWEN3, "0.24.0", None),
    "built-in parser before 0.12.4": ("default", QWEN3, "0.12.3", False),
    "gemma4 from 0.21.1": ("default", GEMMA4, "0.24.0", False),
    "gemma4 before": ("default", GEMMA4, "0.21.0", None),
    "old server": ("on", CAN, "0.5.13", None),
}


@pytest.mark.parametrize(("choice", "model", "server", "think"), STRUCTURED.values(), ids=STRUCTURED)
def test_plan_with_a_format(choice: str, model: Thinker, server: str, think: Think | None) -> None:
    plan = plan_think(ThinkChoice(choice), attrs.evolve(model, version=version(server)), structured=True)
    assert (plan.think, plan.show) == (think, False)
    assert type(plan.think) is type(think)


NOTES: dict[str, tuple[str, Thinker, str, bool, str]] = {
    "as wished": ("high", CAN, NEW, False, ""),
    "nothing wished": ("default", CANNOT, NEW, False, ""),
    "old server, nothing wished": ("default", CAN, "0.5.13", False, ""),
    "old server": ("on", CAN, "0.5.13", False, "this server is older than 0.9.0 and does not know the setting"),
    "no thinking": ("on", CANNOT, NEW, False, "this model does not think; the setting was not sent"),
    "no level": ("low", CAN, "0.9.6", False, "this server takes no level for this model; thinking is on"),
    "no max": ("max", CAN, "0.21.0", False, "this server does not know the level max; high was sent"),
    "gpt-oss off": ("off", GPT_OSS, NEW, False, "this model cannot stop thinking; it thinks as little as possible"),
    "gpt-oss with a format": ("default", GPT_OSS, NEW, True, "hidden: this model cannot stop thinking"),
    "a wish and a format": ("on", CAN, NEW, True, "thinking is hidden while the answer has a format"),
    "a format over a wish": ("on", AT_ONCE, NEW, True, "thinking is off while the answer has a format"),
    "a format, nothing wished": ("default", CAN, NEW, True, ""),
    "format only after thinking": ("off", QWEN3, "0.24.0", True, "hidden: this server applies a format to this model only after thinking"),
}


@pytest.mark.parametrize(("choice", "model", "server", "structured", "note"), NOTES.values(), ids=NOTES)
def test_what_was_changed_is_said(choice: str, model: Thinker, server: str, structured: bool, note: str) -> None:
    plan = plan_think(ThinkChoice(choice), attrs.evolve(model, version=version(server)), structured=structured)
    assert plan.note == note


AFTER_NOTHING: dict[str, tuple[str, Thinker, str, StepDown | None]] = {
    "on": ("on", CAN, NEW, StepDown(False)),
    "a level": ("low", CAN, NEW, StepDown(False)),
    "unknown model": ("on", UNKNOWN, NEW, StepDown(False)),
    "built-in parser": ("on", QWEN3, NEW, StepDown(False)),
    "built-in parser that loses the format without thinking": ("on", QWEN3, "0.24.0", None),
    "gpt-oss cannot stop": ("high", GPT_OSS, NEW, None),
    "nothing asked": ("default", CAN, NEW, None),
    "off": ("off", CAN, NEW, None),
}


@pytest.mark.parametrize(("choice", "model", "server", "step"), AFTER_NOTHING.values(), ids=AFTER_NOTHING)
def test_what_is_tried_when_thinking_was_all_that_came(choice: str, model: Thinker, server: str, step: StepDown | None) -> None:
    plan = plan_think(ThinkChoice(choice), attrs.evolve(model, version=version(server)), structured=True)
    assert plan.after_nothing == step
    assert plan_think(ThinkChoice(choice), attrs.evolve(model, version=version(server))).after_nothing is None


@pytest.mark.parametrize("choice", ThinkChoice)
def test_hidden_by_wish_changes_only_the_showing(choice: ThinkChoice) -> None:
    model = Thinker(can_think=True)
    shown = plan_think(choice, model)
    assert plan_think(choice, model, show=False) == ThinkPlan(think=shown.think, show=False, note=shown.note)


@pytest.mark.parametrize("server", VERSIONS)
def test_never_what_the_server_refuses(server: str) -> None:
    """All settings, models and formats; where the server said what the model can, nothing is refused, and no format is lost to gpt-oss."""
    for choice, thinks, gpt_oss, parser, structured in itertools.product(
        ThinkChoice, (True, False), (True, False), ("", "qwen3"), (True, False)
    ):
        if gpt_oss and not thinks:
            continue
        model = Thinker(can_think=thinks, always_thinks=gpt_oss, parser=parser, version=version(server))
        plan = plan_think(choice, model, structured=structured)
        read_think(plan.think, version=version(server), thinks=thinks, gpt_oss=gpt_oss)
        assert not (gpt_oss and plan.think is False)
        assert not (structured and plan.show)


def code_of(text: str) -> str:
    """The code of the catalogue for a refusal in these words."""
    return failure_from_reply(400, json.dumps({"error": text}).encode()).code


@pytest.mark.parametrize("server", VERSIONS)
def test_one_step_down_is_enough_when_nothing_is_known(server: str) -> None:
    """A model whose capabilities nobody told; a server of unknown version gets a step, too, but may need two, and there is only one."""
    for choice, thinks, told in itertools.product(ThinkChoice, (True, False), (True, False)):
        real = version(server)
        plan = plan_think(choice, Thinker(can_think=None, version=real if told else NEWEST))
        try:
            read_think(plan.think, version=real, thinks=thinks, gpt_oss=False)
        except Refused as refusal:
            step = step_down(code_of(str(refusal)), plan.think)
            assert step is not None
            if told:
                read_think(step.think, version=real, thinks=thinks, gpt_oss=False)


STEPS: dict[str, tuple[str, Think | None, StepDown | None]] = {
    "no thinking": ('"chat" does not support thinking', True, StepDown(None)),
    "no thinking, level": ('"chat" does not support thinking', "high", StepDown(None)),
    "no thinking, old text": ("registry.ollama.ai/library/chat:latest does not support thinking", True, StepDown(None)),
    "no thinking, off on 0.12.4": ('"chat" does not support thinking', False, StepDown(None)),
    "several capabilities in one text": ('"m" does not support thinking\nm does not support tools', True, StepDown(None)),
    "level for gpt-oss only": ('think value "high" is not supported for this model', "high", StepDown(True)),
    "bool wanted": ("json: cannot unmarshal string into Go struct field ChatRequest.think of type bool", "high", StepDown(True)),
    "bool wanted, generate": (
        "json: cannot unmarshal string into Go struct field GenerateRequest.think of type bool",
        "low",
        StepDown(True),
    ),
    "max unknown": ('invalid think value: "max" (must be "high", "medium", "low", true, or false)', "max", StepDown("high")),
    "level unknown": ('invalid think value: "low" (must be true or false)', "low", StepDown(True)),
    "nothing was sent": ('"chat" does not support thinking', None, None),
    "bool cannot be a bad level": ('invalid think value: "x"', True, None),
    "another refusal": ("model 'nope' not found", True, None),
    "another capability": ("registry.ollama.ai/library/chat:latest does not support tools", "high", None),
}


@pytest.mark.parametrize(("text", "think", "expected"), STEPS.values(), ids=STEPS)
def test_step_down(text: str, think: Think | None, expected: StepDown | None) -> None:
    assert step_down(code_of(text), think) == expected


def _sent_think(exchange: Exchange) -> bool:
    return isinstance(exchange.request_body, dict) and "think" in exchange.request_body and exchange.engine is not None


@cache
def _thinks(model: str) -> bool:
    """Whether a server lists it as a model that thinks, or an answer of it holds thinking."""
    of_it = every(lambda each: isinstance(each.request_body, dict) and each.request_body.get("model") == model and each.status == 200)
    return any(b'"thinking":"' in each.body or (each.path == "/api/show" and b'"thinking"' in each.body) for each in of_it)


@pytest.mark.parametrize("exchange", every(_sent_think), ids=lambda exchange: exchange.address)
def test_recorded_refusals(exchange: Exchange) -> None:
    """The double says what the servers said, and each refusal of a real choice has a step down."""
    body, server = exchange.request_body, version(exchange.server)
    thinks, gpt_oss = _thinks(body["model"]), body["model"].startswith("harmony")
    if exchange.status != 400:
        read_think(body["think"], version=server, thinks=thinks, gpt_oss=gpt_oss)
        return
    with pytest.raises(Refused) as refused:
        read_think(body["think"], version=server, thinks=thinks, gpt_oss=gpt_oss, name=body["model"])
    said = json.loads(exchange.body)["error"]
    assert said.partition(" (must be")[0] == str(refused.value).partition(" (must be")[0]
    assert step_down(code_of(said), body["think"]) is not None
