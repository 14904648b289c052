"""Records an answer that has ended: its line in the log, remarks, and its token counts for the estimator."""

from collections.abc import Callable
from functools import partial

import attrs

from plugin_entry.log import RequestLog
from plugin_entry.network.bridge import Bridge
from plugin_entry.network.retries import models_in_memory
from plugin_entry.network.server import Server
from translator.caches import BoundedCache
from translator.diagnosis.remarks import Before, remarks, was_loaded, wrong_window
from translator.diagnosis.running import running_model
from translator.request.rewrites import KnownRewrites
from translator.shapes.dify import Usage
from translator.shapes.events import FailureDelta, FinalDelta
from translator.tokens import TokenCalibration
from translator.turn import Turn

LEAST_TO_LEARN, MOST_TO_LEARN = 64, 20_000
"""Tokens of prompts that teach the estimator: shorter ones say little, longer ones cost more than they teach."""
SETTLED_TEACHES = 10
"""Once a model has taught enough, one prompt in so many goes on teaching, should another model take its name. For a prompt of some thousand
characters an estimate takes half as long as all the rest of a request."""

CHARACTERS_PER_TOKEN = 10
"""At most, in any language: a longer prompt was cut by the server, and estimating it takes long."""


@attrs.frozen(slots=True, kw_only=True)
class AnswerRecord:
    """What one answer needs to be recorded. `estimate` gives the tokens of a turn's prompt; `spawn` starts work in the background."""

    server: Server
    log: RequestLog
    bridge: Bridge
    calibration: TokenCalibration
    last_answers: BoundedCache[tuple[str, str], float]
    """When each model of each server answered last, on the clock of the log."""
    rewrites: KnownRewrites
    estimate: Callable[[Turn], int]
    spawn: Callable[..., object]

    def failed(self, failure: FailureDelta) -> None:
        """The answer ended in an error; what the server counted is in the log all the same."""
        if failure.usage is not None:
            self.log.facts |= _counted(failure.usage)
        self.log.end(failure.error.code)

    def answered(self, turn: Turn, final: FinalDelta) -> None:
        """The answer is complete."""
        self._learn(turn, final)
        key = self.server.identity, turn.ask.model
        self.rewrites.learn(key, turn.rewrites)
        last, now = self.last_answers.get(key), self.log.clock()
        before = Before(estimate=partial(self.estimate, turn), since_last_ms=None if last is None else (now - last) * 1000)
        for remark in remarks(turn, final, before):
            self.log.remark(remark)
        self.last_answers.put(key, now)
        if was_loaded(final) and turn.window.num_ctx:
            self.spawn(self._check_window, turn)
        self.log.facts |= {"done_reason": final.done_reason, **_counted(final.usage), "notes": list(turn.notes)}
        self.log.end("ok")

    def _learn(self, turn: Turn, final: FinalDelta) -> None:
        """Lets the real count of the prompt teach the estimator."""
        real = final.usage.prompt_tokens
        is_short = turn.prompt_characters <= MOST_TO_LEARN * CHARACTERS_PER_TOKEN
        if final.usage.estimated or not (LEAST_TO_LEARN <= real <= MOST_TO_LEARN and is_short and turn.is_countable):
            return
        model, place, script = turn.ask.model, self.server.identity, turn.script
        if real % SETTLED_TEACHES == 0 or not self.calibration.is_settled(model, place, script):
            self.calibration.observe(model, turn.estimate_prompt(), real, num_ctx=turn.window.size, server=place, script=script)

    def _check_window(self, turn: Turn) -> None:
        """After a load: whether the server gave the window that was asked for."""
        reply = models_in_memory(self.bridge, self.server)
        remark = "" if reply is None else wrong_window(turn, running_model(reply.body, turn.ask.model))
        if remark:
            self.log.remark(remark)


def _counted(usage: Usage) -> dict[str, int]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "load_ms": usage.load_ns // 1_000_000,
    }
