"""Answers chat and completion requests: plans a turn, sends it, and reads the reply to its last chunk.

The connection is made and the status checked before the first chunk is asked for, so early failures are raised where the SDK still treats
them as errors of the call. The connection is closed as soon as the reader leaves. `network/retries.py` sends the request.
"""

import time
import uuid
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import Any

import attrs
import gevent
from dify_plugin.entities.model.llm import LLMResult
from dify_plugin.entities.model.message import PromptMessage, PromptMessageTool

from plugin_entry.dify.errors import readable, to_invoke_error
from plugin_entry.dify.frames import ChunkDump, text_chunk
from plugin_entry.dify.objects import answer_to_sdk, chunk_to_sdk, messages_from_sdk, tools_from_sdk
from plugin_entry.log import RequestLog, outcome_of
from plugin_entry.network.bridge import Bridge, OpenReply
from plugin_entry.network.downloads import fetch_media
from plugin_entry.network.retries import Sender
from plugin_entry.network.server import Server, identity_of, server_of, settings_of
from plugin_entry.serving.answer_record import AnswerRecord
from plugin_entry.serving.deadline import Deadline
from plugin_entry.serving.facts import ModelFacts
from plugin_entry.serving.pictures import convert
from plugin_entry.threads import HEAVY, OF_A_MESSAGE, PICTURES, WORK, in_thread, let_others_run, weight_of, weight_of_prompt
from translator import detected
from translator.caches import BoundedCache
from translator.conversation import reply_stream
from translator.errors import ServerError
from translator.failures.build import with_proxy
from translator.media.parts import media_parts, urls_to_fetch
from translator.request.context import SERVERS_WINDOW
from translator.request.rewrites import KnownRewrites
from translator.response.chunks import collect, delta_to_chunk, deltas_to_chunks
from translator.response.stream import ReplyStream
from translator.settings.credentials import Credentials
from translator.shapes.dify import Message
from translator.shapes.events import TIME_UP, Delta, FailureDelta, FinalDelta, State, TextDelta, ThinkDelta
from translator.tokens import TokenCalibration, estimate_messages, script_of
from translator.turn import Ask, Turn, media_rules, plan_turn

BRIDGE = Bridge()
FACTS = ModelFacts(BRIDGE)
CALIBRATION = TokenCalibration()

ENDS = frozenset({FinalDelta, FailureDelta})
TEXTS = (TextDelta, ThinkDelta)

MODELS_REMEMBERED = 512


def new_call_id() -> str:
    """An id for a tool call that came without one; unique over turns, because agents look results up by it."""
    return f"call_{uuid.uuid4().hex[:12]}"


@attrs.define(slots=True, eq=False)
class RunningAnswer:
    """A reply whose status was good."""

    turn: Turn
    reply: OpenReply
    stream: ReplyStream
    _record: AnswerRecord
    _deadline: Deadline
    _begin: Callable[[Turn], tuple[Turn, OpenReply, ReplyStream]]

    def deltas(self) -> Generator[Delta]:
        """Gives the deltas as they come. The last one ends the answer, well or with a failure.

        As long as none was given, a failure may be followed by another try (`Turn.after_refusal`).
        """
        is_given, following = False, None
        with closing(self._read()) as reading:
            for deltas in reading:
                is_end = bool(deltas) and type(deltas[-1]) in ENDS
                if is_end and not is_given and (following := self._after(deltas)) is not None:
                    break
                yield from self._recorded(deltas) if is_end else deltas
                is_given = is_given or bool(deltas)
        if following is not None:
            self._begin_again(following)
            yield from self.deltas()

    def close(self) -> None:
        """Gives the connection up if the reader left before the end; without effect on an answer that has ended."""
        if self.stream.state is not State.FINISHED:
            self.reply.close()

    def _after(self, deltas: list[Delta]) -> Turn | None:
        """What to send after an answer that was nothing but these deltas."""
        return self.turn.after_refusal(deltas[0].error) if len(deltas) == 1 and isinstance(deltas[0], FailureDelta) else None

    def _begin_again(self, turn: Turn) -> None:
        try:
            with self._deadline.around_waiting():
                self.turn, self.reply, self.stream = self._begin(turn)
        except BaseException as error:
            self._record.log.end(outcome_of(error))
            raise

    def _read(self) -> Generator[list[Delta]]:
        """The deltas as they arrive, and those of the end. Others have their turn between two slices of what came at once."""
        stream, unended = self.stream, 0
        try:
            with self._deadline.around_reading(self.reply):
                for data in self.reply.bursts(lambda: stream.progress):
                    # a very long line is parsed in a thread, so that others do not wait for it
                    parts = stream.slices(data) if unended < HEAVY else (in_thread(unended, partial(stream.feed, data)),)
                    for number, deltas in enumerate(parts):
                        if number:
                            let_others_run()
                        yield deltas
                    if stream.finished:
                        break
                    unended = 0 if b"\n" in data else unended + len(data)
            yield stream.end()
        except ServerError as error:
            if error.code == TIME_UP:
                self.reply.close()  # the server writes on
                yield stream.time_is_up(error)
            else:
                yield stream.fail(error)
        except BaseException as error:
            if not stream.finished:
                self._record.log.end("left" if isinstance(error, GeneratorExit) else outcome_of(error))
            raise
        finally:
            if stream.state is State.FINISHED:
                self.reply.finish()
            else:
                self.reply.close()  # after a fault, too: a server that goes on would be listened to for nothing

    def _recorded(self, deltas: list[Delta]) -> list[Delta]:
        """The same deltas, but a prompt that was too long is explained; how the answer ended is recorded before its last delta leaves."""
        last = deltas[-1]
        if isinstance(last, FailureDelta):
            error = with_proxy(self.turn.explained(last.error, estimate=self.stream.estimate_prompt), self.reply.proxy)
            last = attrs.evolve(last, error=error)
            self._record.failed(last)
            return [*deltas[:-1], last]
        if isinstance(last, FinalDelta):
            note = self.stream.note
            self._record.answered(self.turn.noted(note) if note else self.turn, last)
        return deltas


@attrs.frozen(slots=True, kw_only=True)
class ChatService:
    """Answers with the shared objects of the process. `sleep` waits between tries, in seconds; `spawn` starts work in the background."""

    bridge: Bridge
    facts: ModelFacts
    calibration: TokenCalibration
    last_answers: BoundedCache[tuple[str, str], float] = attrs.field(factory=partial(BoundedCache, MODELS_REMEMBERED))
    rewrites: KnownRewrites = attrs.field(factory=KnownRewrites)
    sleep: Callable[[float], object] = gevent.sleep
    spawn: Callable[..., object] = gevent.spawn

    def begin(self, ask: Ask, saved: Mapping[str, Any]) -> RunningAnswer:
        """Sends the request and waits for a good status. Raises TranslatorError."""
        credentials = settings_of(saved)
        server = server_of(credentials)
        log, deadline = RequestLog("answer", ask.model, server.place), Deadline(credentials.timeouts.answer, ask.model)
        try:
            with deadline.around_waiting():
                planned, weight = self._planned(ask, saved, credentials, server)
                begin = partial(self._begun, weight, server, credentials)
                turn, reply, stream = begin(planned)
        except BaseException as error:
            log.end(outcome_of(error))
            raise
        log.facts |= {"route": turn.route, "headers_ms": log.elapsed_ms}
        return RunningAnswer(turn, reply, stream, self._record(server, log), deadline, begin)

    def _record(self, server: Server, log: RequestLog) -> AnswerRecord:
        return AnswerRecord(
            server=server,
            log=log,
            bridge=self.bridge,
            calibration=self.calibration,
            last_answers=self.last_answers,
            rewrites=self.rewrites,
            estimate=partial(self.estimate, server.identity),
            spawn=self.spawn,
        )

    def _begun(self, weight: int, server: Server, credentials: Credentials, turn: Turn) -> tuple[Turn, OpenReply, ReplyStream]:
        """Sends a turn. Gives what was sent in the end, and what reads its reply."""
        sender = Sender(bridge=self.bridge, estimate=partial(self.estimate, server.identity), sleep=self.sleep, weight=weight)
        turn, reply = sender.send(turn, server)
        estimate = partial(self.estimate, server.identity, turn)
        return turn, reply, reply_stream(turn, new_id=new_call_id, estimate_prompt=estimate, limits=credentials.limits)

    def _planned(self, ask: Ask, saved: Mapping[str, Any], credentials: Credentials, server: Server) -> tuple[Turn, int]:
        remembered = detected.from_saved(saved)
        info = self.facts.of(server, ask.model, remembered)
        if credentials.context_size == SERVERS_WINDOW:
            info = self.facts.with_window(info, server, ask.model, remembered)
        urls = urls_to_fetch(ask.messages, media_rules(ask, info, credentials))
        if urls:
            ask = attrs.evolve(ask, fetched=fetch_media(self.bridge, urls, server.identity))
        weight = weight_of(ask)
        pool = PICTURES if media_parts(ask.messages) else WORK
        known = self.rewrites.of((server.identity, ask.model))
        return in_thread(weight, lambda: plan_turn(ask, info, credentials, convert, known), pool), weight

    def estimate(self, identity: str, turn: Turn) -> int:
        """Tokens of a turn's prompt, corrected by what this model's server counted before."""
        estimated = in_thread(weight_of_prompt(turn.ask.messages, turn.ask.tools), turn.estimate_prompt)
        return self.calibration.apply(turn.ask.model, estimated, identity, turn.script)


BEGUN: ChunkDump = {}
"""The first value of the generator, which `stream` takes; Dify never sees it."""

CHAT = ChatService(bridge=BRIDGE, facts=FACTS, calibration=CALIBRATION)


@readable
def stream(ask: Ask, credentials: Mapping[str, Any]) -> Generator[ChunkDump, None, None]:
    """Connects, checks the status, and only then gives the generator of chunks. Raises InvokeError."""
    started = time.perf_counter()
    chunks = _generate(ask.model, CHAT.begin(ask, credentials), started)
    next(chunks)  # one that was never started would not give its connection up when it is closed
    return chunks


@readable
def answer(ask: Ask, credentials: Mapping[str, Any]) -> LLMResult:
    """The whole answer at once, read from the same wire stream. Raises InvokeError."""
    started = time.perf_counter()
    with closing(CHAT.begin(ask, credentials).deltas()) as deltas:  # an error holds on to its frames, and so would the connection be held
        return answer_to_sdk(ask.model, collect(deltas_to_chunks(deltas)), started)


@readable
def count(model: str, credentials: Mapping[str, Any], messages: Sequence[PromptMessage], tools: Sequence[PromptMessageTool] | None) -> int:
    """Tokens of a prompt, estimated offline and corrected by what this model's server counted before."""
    own, offered = _own_messages(messages), tools_from_sdk(tools)
    vocabulary = FACTS.recall(model, credentials).vocabulary
    estimated = in_thread(weight_of_prompt(own, offered), lambda: estimate_messages(own, offered, vocabulary=vocabulary))
    script = script_of(text for message in own for text in message.texts)
    return CALIBRATION.apply(model, estimated, identity_of(credentials), script)


@readable
def ask_of(
    model: str,
    messages: Sequence[PromptMessage],
    parameters: Mapping[str, Any],
    tools: Sequence[PromptMessageTool] | None,
    stop: Sequence[str] | None,
) -> Ask:
    """Dify's request as an `Ask`. Raises InvokeError."""
    return Ask(model=model, messages=_own_messages(messages), tools=tools_from_sdk(tools), parameters=parameters, stop=tuple(stop or ()))


def _own_messages(messages: Sequence[PromptMessage]) -> tuple[Message, ...]:
    return in_thread(OF_A_MESSAGE * len(messages), lambda: messages_from_sdk(messages))


def _generate(model: str, running: RunningAnswer, started: float) -> Generator[ChunkDump, None, None]:
    """Errors inside a generator reach Dify as they are, outside the SDK's own translation: they must be of its five classes already."""
    try:
        yield BEGUN
        with closing(running.deltas()) as deltas:  # an error holds on to its frames, and so would the connection be held
            for index, delta in enumerate(deltas):
                if isinstance(delta, TEXTS):
                    yield text_chunk(model, index, delta.text)
                else:
                    yield chunk_to_sdk(model, index, delta_to_chunk(delta), started)
    except Exception as error:  # noqa: BLE001  # told as one of the five, without causes that may quote anything
        raise to_invoke_error(error) from None
    finally:
        running.close()
