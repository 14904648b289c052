"""One turn from its plan to its last chunk.

Enters: what Dify asked, as our own types, and the saved credentials. Leaves: chunks. The connection is made and the status checked before
the first chunk is asked for, so that early failures are raised where the SDK still treats them as errors of the call; the connection is
given up as soon as the reader leaves.
"""

import uuid
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import attrs

from plugin_entry.bridge import Bridge, OpenReply
from plugin_entry.connect import server_of, settings_of
from plugin_entry.media_fetch import fetch_media
from plugin_entry.model_facts import ModelFacts
from plugin_entry.server import Server
from plugin_entry.transport import Call
from translator import detected
from translator.errors import ServerError
from translator.request.media import urls_to_fetch
from translator.response.chunks import Chunk, chunks_with_thinking, chunks_without_thinking
from translator.response.failures import failure_from_reply
from translator.response.stream import ReplyStream
from translator.shapes.events import Delta, FailureDelta, FinalDelta
from translator.tokens import TokenCalibration
from translator.turn import Ask, Turn, media_rules, plan_turn

OK = 200
LEAST_TO_LEARN, MOST_TO_LEARN = 64, 20_000
"""Tokens of prompts that teach the estimator: shorter ones say little, longer ones cost more than they teach."""


def new_call_id() -> str:
    """An id for a tool call that came without one; unique over turns, because agents look results up by it."""
    return f"call_{uuid.uuid4().hex[:12]}"


@attrs.define(slots=True, eq=False)
class Answer:
    """A reply that has begun well."""

    turn: Turn
    reply: OpenReply
    stream: ReplyStream
    _calibration: TokenCalibration

    def chunks(self) -> Iterator[Chunk]:
        """Gives the chunks as they come. Raises ServerError after the last good one."""
        return (chunks_with_thinking if self.turn.show_thinking else chunks_without_thinking)(self._deltas())

    def _deltas(self) -> Iterator[Delta]:
        try:
            for data in self.reply.bursts():
                yield from self._learning(self.stream.feed(data))
                if self.stream.finished:
                    break
            yield from self._learning(self.stream.end())
        except ServerError as error:
            yield from self.stream.fail(error)
        finally:
            if self.stream.finished:
                self.reply.finish()
            else:
                self.reply.close()

    def _learning(self, deltas: list[Delta]) -> list[Delta]:
        """Lets the real count of the prompt teach the estimator; deltas pass unchanged, but a prompt too long is explained."""
        if deltas and isinstance(deltas[-1], FailureDelta):
            return [*deltas[:-1], FailureDelta(self.turn.explained(deltas[-1].error))]
        if deltas and isinstance(deltas[-1], FinalDelta) and not deltas[-1].usage.estimated:
            real = deltas[-1].usage.prompt_tokens
            if LEAST_TO_LEARN <= real <= MOST_TO_LEARN and self.turn.is_countable:
                self._calibration.observe(self.turn.ask.model, self.turn.estimate_prompt(), real, num_ctx=self.turn.window.num_ctx or 0)
        return deltas


@attrs.frozen(slots=True, kw_only=True)
class Answerer:
    """Answers with the shared objects of the process."""

    bridge: Bridge
    facts: ModelFacts
    calibration: TokenCalibration

    def begin(self, ask: Ask, saved: Mapping[str, Any]) -> Answer:
        """Sends the request and waits for a good status. Raises TranslatorError."""
        credentials = settings_of(saved)
        server = server_of(credentials)
        info = self.facts.of(server, ask.model, detected.from_saved(saved))
        urls = urls_to_fetch(ask.messages, media_rules(ask, info, credentials))
        turn = plan_turn(attrs.evolve(ask, fetched={url: fetch_media(self.bridge, url) for url in urls}), info, credentials)
        turn, reply = self._send(turn, server)
        stream = ReplyStream(model=ask.model, new_id=new_call_id, estimate_prompt=lambda: self._estimate(turn))
        return Answer(turn, reply, stream, self.calibration)

    def _estimate(self, turn: Turn) -> int:
        return self.calibration.apply(turn.ask.model, turn.estimate_prompt())

    def _send(self, turn: Turn, server: Server) -> tuple[Turn, OpenReply]:
        """Sends the turn, and what it becomes after a refusal, until there is an answer. Raises ServerError."""
        while True:
            reply = self.bridge.open(_call(turn, server))
            if reply.head.status == OK:
                return turn, reply
            body = reply.body()
            error = _failure(turn, reply, body)
            following = turn.after_refusal(error, body)
            if following is None:
                raise turn.explained(error, body, partial(self._estimate, turn))
            turn = following


def _call(turn: Turn, server: Server) -> Call:
    return Call(server=server, method="POST", url=server.base_url.url_for(turn.route), body=turn.body)


def _failure(turn: Turn, reply: OpenReply, body: bytes) -> ServerError:
    return failure_from_reply(
        reply.head.status,
        body,
        content_type=reply.head.content_type,
        model=turn.ask.model,
        route=turn.route,
        headers=reply.head.headers,
    )
