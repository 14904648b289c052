"""Plans one turn: messages, tools, parameters and settings become one request for `/api/chat` or `/api/generate`.

The rules are in `request/`, `schema/` and `media/`. A `Turn` holds the request, how its reply is read, and what to send after a refusal.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import attrs

from translator import codec, features
from translator.errors import RequestError, ServerError
from translator.failures.bodies import unwrap
from translator.media.images import PictureConverter, convert
from translator.media.parts import MediaRules, media_parts
from translator.request.context import ContextPlan, too_long
from translator.request.fit import (
    HARDLY_MORE,
    alternates,
    may_be_cut,
    may_be_cut_by_server,
    require_room,
    undroppable,
    without_older_half,
)
from translator.request.messages import MediaToWire, completion_text, messages_to_wire, require_insert, with_instruction
from translator.request.options import WireOptions, options_for_model, options_to_wire
from translator.request.parameters import ThinkChoice
from translator.request.rewrites import REWRITE_AFTER, Rewrite, rewritten
from translator.request.thinking import StepDown, ThinkPlan, plan_think, step_down
from translator.response.capabilities import ModelInfo
from translator.schema.formats import answer_format
from translator.schema.tools import tools_to_wire
from translator.settings.credentials import CapabilityChoice, Credentials
from translator.shapes.dify import MediaPart, Message, Mode, Tool
from translator.shapes.wire import ChatRequest, GenerateRequest
from translator.tokens import Vocabulary, estimate_messages, script_of

ROUTES: Mapping[type, str] = {ChatRequest: "/api/chat", GenerateRequest: "/api/generate"}

TOO_LONG, ROLES, EMPTY = "prompt_too_long", "roles_must_alternate", "empty_answer"
"""Codes of the catalogue: a prompt that the server found too long; a template that raised because of the order of roles, its own or what
was left of it after the server had cut it; an answer that ended well and said nothing."""

UNKNOWN_MODEL, DEFAULT_SETTINGS = ModelInfo(), Credentials()
NUM_CTX_IS_REMOTE = "num_ctx was not sent: a model in the cloud always has its whole window."
NUM_CTX_IS_THE_SERVERS = "num_ctx was not sent: the model's context size is the server's."
SHORTENED = "Older turns were left out, because the prompt did not fit into the context window."


@attrs.frozen(slots=True, kw_only=True)
class Ask:
    """What one caller wants of a model. `parameters` are those of `PARAMETERS`, such as `{"temperature": 0}`; `stop` are texts that end the
    answer.
    """

    model: str
    messages: tuple[Message, ...] = attrs.field(repr=False)
    tools: tuple[Tool, ...] = ()
    parameters: Mapping[str, object] = attrs.field(factory=dict)
    stop: tuple[str, ...] = ()
    suffix: str = attrs.field(default="", repr=False)
    """Text that follows what the model shall insert; completion mode only. Dify has no place to enter it: for users of the library."""
    fetched: Mapping[str, bytes] = attrs.field(factory=dict, repr=False)
    """Bytes of media parts that came as URLs (see `media.urls_to_fetch`)."""


@attrs.frozen(slots=True, kw_only=True)
class Turn:
    """A request ready to be encoded, and how its reply is read. `rewrites`: to be remembered for the model once it is answered."""

    request: ChatRequest | GenerateRequest
    ask: Ask = attrs.field(repr=False)
    window: ContextPlan
    vocabulary: Vocabulary = Vocabulary.OTHER
    show_thinking: bool = True
    thinks: bool = False
    notes: tuple[str, ...] = ()
    after_nothing: StepDown | None = None
    rewrites: frozenset[Rewrite] = frozenset()
    has_stepped_down: bool = False
    has_asked_again: bool = False

    @property
    def route(self) -> str:
        """Path of the request."""
        return ROUTES[type(self.request)]

    @property
    def body(self) -> bytes:
        """The encoded request."""
        return codec.dumps(codec.to_plain(self.request))

    @property
    def is_countable(self) -> bool:
        """The estimate and the server's count are about the same text: nothing was left out, and no file is in it."""
        return SHORTENED not in self.notes and not media_parts(self.ask.messages)

    @property
    def prompt_characters(self) -> int:
        """Characters of the messages' texts."""
        return sum(len(text) for message in self.ask.messages for text in message.texts)

    def estimate_prompt(self) -> int:
        """Tokens of the prompt, for a server that does not say."""
        return estimate_messages(self.ask.messages, self.ask.tools, self.vocabulary)

    @property
    def script(self) -> str:
        """The script that most of the prompt is in."""
        return script_of(text for message in self.ask.messages for text in message.texts)

    def stepped_down(self, step: StepDown) -> "Turn":
        """The same turn with another `think`."""
        return attrs.evolve(self, request=attrs.evolve(self.request, think=step.think), has_stepped_down=True)

    def shortened(self) -> "Turn | None":
        """The same turn without its oldest exchanges (`fit.py`); None when the policy is to fail or nothing is left to drop."""
        if self.window.truncate is False or not isinstance(self.request, ChatRequest):
            return None
        messages = without_older_half(self.request.messages)
        if messages is None:
            return None
        return attrs.evolve(self, request=attrs.evolve(self.request, messages=messages, truncate=False)).noted(SHORTENED)

    def rewritten(self, rewrite: Rewrite) -> "Turn | None":
        """The same turn in another form; None when it has that form already."""
        if rewrite in self.rewrites or not isinstance(self.request, ChatRequest):
            return None
        request = attrs.evolve(self.request, messages=rewritten(self.request.messages, rewrite))
        if rewrite is Rewrite.NO_THINKING_BEFORE_FORMAT and self.after_nothing is not None:
            request = attrs.evolve(request, think=self.after_nothing.think)
        if request == self.request:
            return None
        turn = attrs.evolve(self, request=request).noted(rewrite.value)
        return attrs.evolve(turn, rewrites=self.rewrites | {rewrite})

    def noted(self, note: str) -> "Turn":
        """The same turn with one more note."""
        return attrs.evolve(self, notes=tuple(dict.fromkeys((*self.notes, note))))

    def after_refusal(self, error: ServerError) -> "Turn | None":
        """What to send instead after a reply that was no answer; None when the error stands.

        Once with less thinking, where just that was refused; once in each other form that the refusal asks for; without older exchanges as
        often as the prompt is too long, or was so for the server, which cut it by itself and broke the order of roles; once after nothing.
        """
        if error.code == EMPTY:
            return None if self.has_asked_again else attrs.evolve(self.rewritten(REWRITE_AFTER[EMPTY]) or self, has_asked_again=True)
        step = None if self.has_stepped_down else step_down(error.code, self.request.think)
        if step is not None:
            return self.stepped_down(step)
        if error.code in REWRITE_AFTER and (reformed := self.rewritten(REWRITE_AFTER[error.code])) is not None:
            return reformed
        return self.shortened() if error.code == TOO_LONG or (error.code == ROLES and self._was_cut_by_server()) else None

    def _was_cut_by_server(self) -> bool:
        """The conversation was in order, and long enough for the server to have cut it, which it was allowed to do."""
        request = self.request
        is_allowed = isinstance(request, ChatRequest) and request.truncate is not False and alternates(request.messages)
        return is_allowed and self.estimate_prompt() * HARDLY_MORE > self.window.size

    def explained(self, error: ServerError, body: bytes = b"", estimate: Callable[[], int] | None = None) -> ServerError:
        """The error a user reads: one about the window names all three numbers, prompt, window and the model's maximum.

        The server counts the prompt since 0.30.0 (0.33.0 `error-too-long`) and said nothing before (0.24.0); then `estimate` is asked.
        """
        if error.code != TOO_LONG:
            return error
        said = unwrap(body)
        window = self.window.size if said.n_ctx is None else said.n_ctx
        prompt = window + said.n_excess if said.n_prompt_tokens is None and said.n_excess is not None else said.n_prompt_tokens
        if prompt is not None:
            return ServerError(too_long(prompt, window, self.window.maximum))
        return ServerError(too_long((estimate or self.estimate_prompt)(), window, self.window.maximum, estimated=True))


def media_rules(ask: Ask, info: ModelInfo, credentials: Credentials) -> MediaRules:
    """Which files this model may be sent."""
    return MediaRules(model=ask.model, sees=features.has_vision(info, credentials), hears=info.audio, fetched=ask.fetched)


def plan_turn(
    ask: Ask,
    info: ModelInfo = UNKNOWN_MODEL,
    credentials: Credentials = DEFAULT_SETTINGS,
    convert: PictureConverter = convert,
    known: Collection[Rewrite] = frozenset(),
) -> Turn:
    """Builds the request; `convert` makes PNG or JPEG of other pictures, `known` are forms that this model needs (`KnownRewrites`).

    A model of which nothing is known is believed to be able to do everything. Raises RequestError with the setting to change.
    """
    options = options_to_wire(ask.parameters, ask.stop, model_stop=info.stop)
    window = _window(options, info, credentials)
    think = _think(options, info, credentials)
    _require_tools(ask, info, credentials)
    require_insert(ask.model, ask.suffix, credentials.mode, info.insert)
    form = answer_format(options.json_schema, options.format_)
    sent = options_for_model(options.options, window, remote=info.remote)
    keep_alive = credentials.keep_alive if options.keep_alive is None else options.keep_alive
    shared = {"think": think.think, "format": form.wire, "options": sent, "keep_alive": keep_alive, "truncate": window.truncate}
    words = form.instruction(
        is_enforced=think.enforces_format and info.enforces_format and credentials.structured_output is not CapabilityChoice.NO
    )

    def media_to_wire(part: MediaPart) -> str:
        return attrs.evolve(media_rules(ask, info, credentials), convert=convert).to_wire(part)

    build = _chat if credentials.mode is Mode.CHAT else _generate
    format_note = "While the answer has a format, a model can hardly call tools." if ask.tools and options.structured else ""
    turn = Turn(
        request=build(ask, info, window, media_to_wire, words, shared),
        ask=ask,
        window=window,
        vocabulary=info.vocabulary,
        show_thinking=think.show,
        thinks=bool(info.thinking or features.has_thinking(info, credentials)),
        after_nothing=think.after_nothing,
        notes=tuple(filter(None, (think.note, window.note, format_note))),
    )
    for rewrite in known:
        turn = turn.rewritten(rewrite) or turn
    return turn


def _window(options: WireOptions, info: ModelInfo, credentials: Credentials) -> ContextPlan:
    """The window of the settings, or of the parameter `num_ctx` where an app has one."""
    wanted, plan = options.options.get("num_ctx"), features.context(info, credentials)
    if wanted is None:
        return plan
    if plan.num_ctx is None:
        return attrs.evolve(plan, note=NUM_CTX_IS_REMOTE if info.remote else NUM_CTX_IS_THE_SERVERS)
    return features.context(info, attrs.evolve(credentials, context_size=wanted))


def _think(options: WireOptions, info: ModelInfo, credentials: Credentials) -> ThinkPlan:
    """Where the user says that a model does not think and the server says that it does, thinking is off: by default it would think."""
    model = features.thinker(info, credentials)
    choice = options.think
    if credentials.thinking is CapabilityChoice.NO and info.thinking:
        model, choice = attrs.evolve(model, can_think=True), ThinkChoice.OFF
    return plan_think(choice, model, structured=options.structured, show=options.show_thinking)


def _require_tools(ask: Ask, info: ModelInfo, credentials: Credentials) -> None:
    if not ask.tools or features.has_tools(info, credentials) is not False:
        return
    if credentials.mode is Mode.COMPLETION:
        raise RequestError.of(
            "tools_missing", "Tools cannot be called in completion mode.", 'Set "Mode" to Chat in the model\'s settings, or use no tools.'
        )
    raise RequestError.of(
        "tools_missing",
        f'The model "{ask.model}" cannot call tools.',
        'Use a model with the capability tools, or set "Tools (function calling)" to Yes in the model\'s settings if it has it after all.',
    )


def _chat(
    ask: Ask, info: ModelInfo, window: ContextPlan, media_to_wire: MediaToWire, instruction: str, shared: dict[str, Any]
) -> ChatRequest:
    """`instruction` is the format in words, for a server that does not enforce it, or is not trusted to."""
    kept = undroppable(ask.messages)
    require_room(kept, ask.tools, window, info.vocabulary)
    messages = with_instruction(messages_to_wire(ask.messages, media_to_wire), instruction)
    is_whole = (
        not may_be_cut_by_server(messages) or without_older_half(messages) is None or may_be_cut(kept, ask.tools, window, info.vocabulary)
    )
    return ChatRequest(
        model=ask.model,
        messages=messages,
        tools=tools_to_wire(ask.tools, server=info.version),
        **shared | ({"truncate": False} if is_whole else {}),
    )


def _generate(
    ask: Ask, info: ModelInfo, window: ContextPlan, media_to_wire: MediaToWire, instruction: str, shared: dict[str, Any]
) -> GenerateRequest:
    """One prompt, of which nothing may be dropped."""
    require_room(ask.messages, (), window, info.vocabulary)
    text = completion_text(ask.messages, media_to_wire)
    return GenerateRequest(
        model=ask.model,
        prompt=text.prompt,
        system="\n\n".join(filter(None, (text.system, instruction))) or None,
        suffix=ask.suffix or None,
        images=text.images,
        **shared | {"truncate": False},
    )
