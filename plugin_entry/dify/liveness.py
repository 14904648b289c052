"""Is the caller of a request still there? A small state machine over questions and answers, without clock and without I/O.

Theory of operation. Dify's daemon tells a plugin nothing when its caller leaves, but it *answers* a backwards invocation of a session that
is still read ("you can not invoke dify from model") and drops that of a session that is not. So each request that has run for a while is
asked about, and two questions in a row that the daemon has read and did not answer mean that the caller has left.

Silence alone proves nothing: the daemon may be slow, may have stopped reading, or may be a host that answers nobody. Therefore

- a question counts as read only when an answer to one that was written later has come (the daemon reads line by line, in one loop), or
  when nothing that was written is left in our queue and in the pipe;
- a question that was read is unanswered only after a pause, which grows with the slowest answer of this host; when the plugin itself did
  not run for a while, the pause begins anew;
- nobody is given up before this host has answered twice: one that answers once and then never again is not to be trusted;
- nobody is given up unless the silence is that session's own: another session was answered after the first question that was not, or this
  session is the only one that is silent, and was answered before or has a host that has answered many times. If several fall silent
  together (the branches of a workflow that was stopped, or a host in trouble), they are given up as soon as any later request is answered,
  which is when the server is needed again.

The table has a row for each state of a session. Time is passed in, in seconds of any monotonic clock.
"""

import math
from collections.abc import Mapping
from enum import Enum, auto

import attrs

OLD_S = 2.0
"""Age of a request at its first question. Requests that end sooner are never asked about."""
EVERY_S = 2.0
"""Pause between two questions of one session, up to `AT_THIS_PACE` sessions; longer in proportion above."""
AT_THIS_PACE = 1000
ANSWER_S, LONGEST_ANSWER_S = 1.25, 30.0
"""An answer takes 1-10 ms on a busy machine; one that is not there so long after the question was read will not come. A host that takes
longer is given three times what its slowest answer took, up to the second number.
"""
ANSWERS_OF_A_HOST = 2
"""After so many answers its silence means something."""
ANSWERS_OF_A_PROVED_HOST = 10
"""After so many, it means something of a session that was never answered, too: a caller who leaves in the first seconds."""
ASLEEP_S = 1.0
"""Between two looks. After a longer pause of the plugin itself answers may be waiting to be read."""


class CallerState(Enum):
    """Where one session is."""

    UNKNOWN = auto()
    """No answer so far and no question under way."""
    TRUSTED = auto()
    """The last question was answered."""
    ASKED = auto()
    """A question is under way."""
    DOUBTFUL = auto()
    """One question or more stayed unanswered; the next is due at once."""
    ASKED_AGAIN = auto()
    """The same, and another question is under way."""
    LEFT = auto()
    """The caller has left. Nothing leads out of here."""


class CallerEvent(Enum):
    """What happens to one session."""

    ASK = auto()
    """A question was written."""
    ANSWER = auto()
    """An answer to any question of this session came, however late."""
    SILENCE = auto()
    """The question under way was read and not answered in time."""
    PROVED_SILENCE = auto()
    """The same, and the silence is the session's own (see above)."""


TABLE: Mapping[CallerState, Mapping[CallerEvent, CallerState]] = {
    CallerState.UNKNOWN: {
        CallerEvent.ASK: CallerState.ASKED,
    },
    CallerState.TRUSTED: {
        CallerEvent.ASK: CallerState.ASKED,
        CallerEvent.ANSWER: CallerState.TRUSTED,
    },
    CallerState.ASKED: {
        CallerEvent.ANSWER: CallerState.TRUSTED,
        CallerEvent.SILENCE: CallerState.DOUBTFUL,
        CallerEvent.PROVED_SILENCE: CallerState.DOUBTFUL,
    },
    CallerState.DOUBTFUL: {
        CallerEvent.ASK: CallerState.ASKED_AGAIN,
        CallerEvent.ANSWER: CallerState.TRUSTED,
    },
    CallerState.ASKED_AGAIN: {
        CallerEvent.ANSWER: CallerState.TRUSTED,
        CallerEvent.SILENCE: CallerState.DOUBTFUL,
        CallerEvent.PROVED_SILENCE: CallerState.LEFT,
    },
    CallerState.LEFT: {
        CallerEvent.ANSWER: CallerState.LEFT,
    },
}
"""A pair that is not listed is illegal: KeyError, a fault of `Liveness`."""

UNDER_WAY = frozenset(state for state, row in TABLE.items() if CallerEvent.SILENCE in row)
ASKABLE = frozenset(state for state, row in TABLE.items() if CallerEvent.ASK in row)


@attrs.define(slots=True, eq=False)
class CallerSession:
    """One request that runs. Times in seconds; `number` counts the questions of the process."""

    began: float
    state: CallerState = CallerState.UNKNOWN
    was_answered: bool = False
    asked_at: float = -math.inf
    number: int = 0
    """Of the question that was written last."""
    first_unanswered: int = 0
    """Number of the first question since the last answer; 0 when there is none."""
    first_asked_at: float = 0.0
    is_silent: bool = False
    """A question was read and not answered in time, and none was answered since."""
    read_at: float | None = None
    """When it was known that the daemon had read the question under way."""

    def step(self, event: CallerEvent) -> None:
        self.state = TABLE[self.state][event]


@attrs.frozen(slots=True)
class Question:
    """To be written in this order, and before anything that is asked later."""

    session_id: str
    number: int


@attrs.define(slots=True, eq=False)
class Liveness:
    """All sessions of a process and what is known of its host."""

    _sessions: dict[str, CallerSession] = attrs.field(factory=dict, init=False)
    _asked: int = attrs.field(default=0, init=False)
    """Number of the question that was written last."""
    _read: int = attrs.field(default=0, init=False)
    """The daemon has read all questions up to this number."""
    _answered: int = attrs.field(default=0, init=False)
    """The highest number that was answered."""
    _answers: int = attrs.field(default=0, init=False)
    _slowest_s: float = attrs.field(default=0.0, init=False)
    """What an answer took, at most; old ones count less and less."""
    _looked_at: float = attrs.field(default=math.inf, init=False)

    def begin(self, session_id: str, now: float) -> None:
        """A request starts."""
        self._sessions[session_id] = CallerSession(now)

    def end(self, session_id: str) -> None:
        """A request has ended; answers that come later are ignored."""
        self._sessions.pop(session_id, None)

    def answered(self, session_id: str, number: int, now: float) -> None:
        """The daemon answered the question of that number, which may be of a session that has ended. Numbers never asked are ignored."""
        if not 0 < number <= self._asked:
            return
        self._answers += 1
        self._answered = max(self._answered, number)
        self._read = max(self._read, number)
        session = self._sessions.get(session_id)
        if session is None or not session.number:
            return
        asked_at = session.asked_at if number == session.number else session.first_asked_at
        self._slowest_s = max(now - asked_at, 0.9 * self._slowest_s)
        session.step(CallerEvent.ANSWER)
        session.was_answered = True
        session.first_unanswered, session.is_silent = 0, False

    def all_read(self) -> None:
        """Nothing that was written is left in a queue of ours or in the pipe."""
        self._read = self._asked

    def look(self, now: float) -> tuple[list[Question], list[str]]:
        """The questions that are due, and the sessions whose callers have left since the last look."""
        silent = self._silent(now)
        left = [session_id for session_id in silent if self._is_left(self._sessions[session_id])]
        return self._due(now), left

    def _silent(self, now: float) -> list[str]:
        """The sessions whose question was read and is overdue."""
        was_asleep, self._looked_at = now - self._looked_at > ASLEEP_S, now
        overdue_s = min(max(ANSWER_S, 3 * self._slowest_s), LONGEST_ANSWER_S)
        silent = []
        for session_id, session in self._sessions.items():
            if session.state not in UNDER_WAY or session.number > self._read:
                continue
            if session.read_at is None or was_asleep:
                session.read_at = now
            elif now - session.read_at >= overdue_s:
                session.is_silent = True
                silent.append(session_id)
        return silent

    def _is_left(self, session: CallerSession) -> bool:
        """Takes the step of a silent session."""
        session.step(CallerEvent.PROVED_SILENCE if self._is_its_own(session) else CallerEvent.SILENCE)
        return session.state is CallerState.LEFT

    def _is_its_own(self, session: CallerSession) -> bool:
        """Whether the silence tells something about this session, not about the host."""
        if self._answers < ANSWERS_OF_A_HOST:
            return False
        if self._answered > session.first_unanswered:
            return True
        is_believed = session.was_answered or self._answers >= ANSWERS_OF_A_PROVED_HOST
        return is_believed and not any(each.is_silent for each in self._sessions.values() if each is not session)

    def _due(self, now: float) -> list[Question]:
        pause = EVERY_S * max(1.0, len(self._sessions) / AT_THIS_PACE)
        if 0 < self._answers < ANSWERS_OF_A_HOST:
            pause = 0.0
        questions: list[Question] = []
        for session_id, session in self._sessions.items():
            if session.state not in ASKABLE or now - session.began < OLD_S:
                continue
            if session.state is not CallerState.DOUBTFUL and now - session.asked_at < pause:
                continue
            self._asked += 1
            session.step(CallerEvent.ASK)
            session.asked_at, session.number, session.read_at = now, self._asked, None
            if not session.first_unanswered:
                session.first_unanswered, session.first_asked_at = self._asked, now
            questions.append(Question(session_id, self._asked))
        return questions
