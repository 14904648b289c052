"""Runs heavy work in a thread: long prompts and histories, large schemas, megabytes of JSON.

All requests share one thread, so whatever takes a tenth of a second there delays every stream by as much. In a thread of its own the
same work is interrupted by the interpreter every few milliseconds, and by what C code releases the lock for; for decoders of pictures,
which do not, see `serving/pictures.py`. Moving work costs a tenth of a millisecond, so light work stays where it is.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import gevent
from gevent.threadpool import ThreadPool

from translator.shapes.dify import MediaPart, Message, TextPart, Tool
from translator.turn import Ask

HEAVY = 512 * 1024
"""From this weight on. A weight of one is one character of a prompt, whose planning takes about 70 ns."""
ARGUMENTS, SCHEMA = 2, 10
"""A character of past arguments is parsed, one of a schema is walked many times."""
OF_A_MESSAGE, OF_A_VALUE = 100, 10

WORK, PICTURES = "work", "pictures"
THREADS: Mapping[str, int] = {WORK: 2, PICTURES: 4}
"""Threads of each pool. More would only compete for the interpreter's lock; those for messages with pictures mostly wait for processes, and
no other work shall wait behind them. gevent's own pool stays free for name lookups.
"""

AN_INSTANT_S = 1e-6

_pools: dict[str, ThreadPool] = {}


def let_others_run() -> None:
    """Between two pieces of work: other greenlets, timers and sockets have their turn.

    `gevent.sleep(0)` would let ready greenlets go on only, fifty pieces in a row before gevent looks at the time: a tenth of a second.
    """
    gevent.sleep(AN_INSTANT_S)


def in_thread[T](weight: float, work: Callable[[], T], pool: str = WORK) -> T:
    """Does light work here and heavy work in a thread of a pool, while other greenlets run. Raises what the work raises."""
    if weight < HEAVY or _is_elsewhere():
        return work()
    result, error = _pool(pool).apply(_outcome, (work,))
    if error is not None:
        raise error
    done: T = result
    return done


def weight_of(ask: Ask) -> int:
    """The weight of planning this turn; every file is heavy, as a small one may hold a large picture."""
    weight = sum(map(_of_message, ask.messages)) + len(ask.suffix)
    if weight < HEAVY:
        weight += _of_schemas([*ask.parameters.values(), *(tool.parameters for tool in ask.tools)])
    return weight


def weight_of_prompt(messages: Iterable[Message], tools: Sequence[Tool] = ()) -> int:
    """The weight of counting its tokens."""
    return sum(map(_of_message, messages)) + _of_schemas([tool.parameters for tool in tools])


def weight_of_texts(texts: Sequence[str]) -> int:
    """The weight of sending texts, or of counting their tokens."""
    return sum(map(len, texts)) + OF_A_VALUE * len(texts)


def _of_message(message: Message) -> int:
    weight = OF_A_MESSAGE + ARGUMENTS * sum(len(call.arguments) for call in message.tool_calls)
    if isinstance(message.content, str):
        return weight + len(message.content)
    return weight + sum(_of_part(part) for part in message.content)


def _of_part(part: TextPart | MediaPart) -> int:
    return len(part.text) if isinstance(part, TextPart) else HEAVY


def _of_schemas(values: list[Any]) -> int:
    """Characters and values of plain data, counted until they are many: counting itself must be light."""
    weight, waiting = 0, values
    while waiting and weight < HEAVY // SCHEMA:
        value = waiting.pop()
        weight += OF_A_VALUE
        if isinstance(value, str):
            weight += len(value)
        elif isinstance(value, Mapping):
            waiting.extend(value.values())
            weight += sum(map(len, map(str, value)))
        elif isinstance(value, list | tuple):
            waiting.extend(value)
    return SCHEMA * weight


def _outcome(work: Callable[[], Any]) -> tuple[Any, BaseException | None]:
    """The error as a value: gevent prints the traceback of one that is raised in a thread, with whatever it says."""
    try:
        return work(), None
    except BaseException as error:  # noqa: BLE001  # raised again where the result is awaited
        return None, error


def _pool(name: str) -> ThreadPool:
    if name not in _pools:
        _pools[name] = ThreadPool(THREADS[name])
    return _pools[name]


def _is_elsewhere() -> bool:
    """Already in a thread of a pool."""
    return any(gevent.get_hub() is not pool.hub for pool in _pools.values())
