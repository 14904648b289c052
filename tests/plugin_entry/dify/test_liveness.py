"""Liveness: the table, what each kind of host leads to, and that nobody who reads is ever given up."""

import itertools
from collections.abc import Callable, Iterator

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_entry.dify.liveness import EVERY_S, OLD_S, TABLE, CallerEvent, CallerSession, CallerState, Liveness

LOOK_S = 0.25
NEVER = float("inf")

type Delay = Callable[[str, int, float], float | None]
"""When the host answers a question that it has read: seconds after that, or None for never. Gets session, number and time."""


@attrs.define(slots=True, eq=False)
class Host:
    """Reads lines in their order and answers for sessions that somebody reads. `stalls` are times in which it reads nothing."""

    liveness: Liveness
    delay: Delay
    left_at: dict[str, float] = attrs.field(factory=dict)
    stalls: tuple[tuple[float, float], ...] = ()
    pipe: list[tuple[str, int]] = attrs.field(factory=list)
    answers: list[tuple[float, str, int]] = attrs.field(factory=list)
    asked: int = 0

    def reads(self, now: float) -> None:
        if any(begin <= now < end for begin, end in self.stalls):
            return
        for session_id, number in self.pipe:
            delay = self.delay(session_id, number, now)
            if delay is not None and now < self.left_at.get(session_id, NEVER):
                self.answers.append((now + delay, session_id, number))
        self.pipe.clear()

    def tells(self, now: float) -> None:
        due = sorted(each for each in self.answers if each[0] <= now)
        self.answers = [each for each in self.answers if each[0] > now]
        for _, session_id, number in due:
            self.liveness.answered(session_id, number, now)

    def turn(self, now: float) -> list[str]:
        self.tells(now)
        if not self.pipe:
            self.liveness.all_read()
        questions, left = self.liveness.look(now)
        self.asked += len(questions)
        self.pipe.extend((each.session_id, each.number) for each in questions)
        self.reads(now + LOOK_S / 2)
        return left


def times(until: float, begin: float = 0.0) -> Iterator[float]:
    return itertools.takewhile(lambda now: now < until, (begin + LOOK_S * index for index in itertools.count()))


def gone(host: Host, until: float) -> dict[str, float]:
    """Which sessions were given up, and when. A session that is given up ends."""
    found: dict[str, float] = {}
    for now in times(until):
        for session_id in host.turn(now):
            found[session_id] = now
            host.liveness.end(session_id)
    return found


def hosted(delay: Delay, *sessions: str, **settings: object) -> Host:
    liveness = Liveness()
    for session_id in sessions:
        liveness.begin(session_id, 0.0)
    return Host(liveness, delay, **settings)  # type: ignore[arg-type]  # fields of the class, by name


def quick(session_id: str, number: int, now: float) -> float:
    del session_id, number, now
    return 0.01


@pytest.mark.parametrize("state", CallerState)
@pytest.mark.parametrize("event", CallerEvent)
def test_every_pair_is_listed_or_illegal(state: CallerState, event: CallerEvent) -> None:
    session = CallerSession(0.0, state)
    if event in TABLE[state]:
        session.step(event)
        assert session.state is TABLE[state][event]
    else:
        with pytest.raises(KeyError):
            session.step(event)


def test_every_state_is_reached_and_nothing_leads_out_of_the_last() -> None:
    assert {target for row in TABLE.values() for target in row.values()} | {CallerState.UNKNOWN} == set(CallerState)
    assert set(TABLE[CallerState.LEFT].values()) == {CallerState.LEFT}
    assert [(state, event) for state, row in TABLE.items() for event, target in row.items() if target is CallerState.LEFT is not state] == [
        (CallerState.ASKED_AGAIN, CallerEvent.PROVED_SILENCE)
    ]


def test_short_requests_are_never_asked_about() -> None:
    host = hosted(quick, "a")
    gone(host, OLD_S)
    assert host.asked == 0


def test_a_caller_that_leaves_is_noticed_within_six_seconds_and_nobody_else() -> None:
    host = hosted(quick, "stays", "leaves", left_at={"leaves": 7.1})
    found = gone(host, 60.0)
    assert list(found) == ["leaves"]
    assert found["leaves"] - 7.1 < 6.0


def test_the_only_caller_that_leaves_is_noticed() -> None:
    host = hosted(quick, "a", left_at={"a": 3.0})
    assert gone(host, 60.0)["a"] - 3.0 < 6.0


@pytest.mark.parametrize(("talked_s", "noticed"), [(60.0, ["b"]), (5.0, [])], ids=["many answers", "few answers"])
def test_the_only_caller_that_left_before_the_first_question_is_noticed_by_a_host_that_answers(talked_s: float, noticed: list[str]) -> None:
    host = hosted(quick, "a", left_at={"b": 100.5})
    gone(host, talked_s)
    host.liveness.end("a")
    host.liveness.begin("b", 100.0)
    found = [session_id for now in times(107.0, begin=100.0) for session_id in host.turn(now)]
    assert found == noticed


def test_a_caller_that_left_before_the_first_question_is_noticed_by_others_answers() -> None:
    host = hosted(quick, "stays", "leaves", left_at={"leaves": 0.5})
    assert list(gone(host, 60.0)) == ["leaves"]


def test_branches_that_are_stopped_together_are_noticed_with_the_next_answer() -> None:
    host = hosted(quick, "a", "b", "c", left_at={"a": 5.0, "b": 5.0, "c": 5.0})
    assert gone(host, 30.0) == {}
    host.liveness.begin("next", 30.0)
    noticed = [session_id for now in times(36.0, begin=30.0) for session_id in host.turn(now)]
    assert sorted(noticed) == ["a", "b", "c"]


def late_by(seconds: float) -> Delay:
    return lambda session_id, number, now: seconds


def answers_only(most: int) -> Delay:
    return lambda session_id, number, now: 0.01 if number <= most else None


HOSTS: dict[str, tuple[Delay, tuple[tuple[float, float], ...]]] = {
    "answers nobody": (lambda session_id, number, now: None, ()),
    "answers once": (answers_only(1), ()),
    "answers late from the beginning": (late_by(5.0), ()),
    "stops reading for a while": (quick, ((6.0, 40.0),)),
    "stops reading again and again": (quick, tuple((begin, begin + 3.0) for begin in range(4, 90, 6))),
    "answers a little late": (late_by(1.0), ()),
}


@pytest.mark.parametrize(("delay", "stalls"), HOSTS.values(), ids=HOSTS)
@pytest.mark.parametrize("sessions", [("a",), ("a", "b"), ("a", "b", "c", "d")], ids=len)
def test_nobody_who_reads_is_given_up(delay: Delay, stalls: tuple[tuple[float, float], ...], sessions: tuple[str, ...]) -> None:
    assert gone(hosted(delay, *sessions, stalls=stalls), 120.0) == {}


@pytest.mark.parametrize("sessions", [("a", "b"), ("a", "b", "c", "d")], ids=len)
def test_a_host_that_falls_silent_for_everybody_is_not_believed(sessions: tuple[str, ...]) -> None:
    """One session alone cannot be told from a caller that left."""
    assert gone(hosted(lambda session_id, number, now: 0.01 if now < 10.0 else None, *sessions), 120.0) == {}


def test_a_plugin_that_did_not_run_reads_answers_first() -> None:
    host = hosted(quick, "a")
    gone(host, 6.0)
    for begin in (10.0, 14.0, 18.0):  # a look, then four seconds without one; the answers wait in the pipe meanwhile
        host.reads(begin)
        assert host.turn(begin) == []


def test_late_and_strange_answers_do_no_harm() -> None:
    host = hosted(quick, "a")
    gone(host, 10.0)
    for number in (-1, 0, 10**9):
        host.liveness.answered("a", number, 10.0)
    host.liveness.end("a")
    host.liveness.answered("a", 1, 10.0)
    host.liveness.answered("nobody", 1, 10.0)
    assert "a" not in host.liveness._sessions


def test_questions_are_fewer_when_very_many_run() -> None:
    host = hosted(quick, *map(str, range(4000)))
    for now in times(20.0):
        host.turn(now)
    assert host.asked <= 4000 * (20.0 - OLD_S) / (4 * EVERY_S) + 4000


@given(
    left=st.lists(st.one_of(st.none(), st.floats(0, 40)), min_size=1, max_size=6),
    delays=st.lists(st.floats(0.001, 0.4), min_size=1, max_size=20),
    stalls=st.lists(st.tuples(st.floats(0, 60), st.floats(0, 5)), max_size=3),
)
def test_whoever_reads_is_never_given_up(left: list[float | None], delays: list[float], stalls: list[tuple[float, float]]) -> None:
    """Whoever left may be given up; whoever reads, never. After a minute without stalls everybody who left is, if somebody else stays."""
    times_left = {str(index): when for index, when in enumerate(left) if when is not None}
    host = hosted(
        lambda session_id, number, now: delays[number % len(delays)],
        *map(str, range(len(left))),
        left_at=times_left,
        stalls=tuple((begin, begin + length) for begin, length in stalls),
    )
    found = gone(host, 150.0)
    assert set(found) <= set(times_left)
    assert all(found[name] > times_left[name] for name in found)
    if None in left:
        assert set(found) == set(times_left)
