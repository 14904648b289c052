"""What to do when the connection breaks, or the server fails, in the middle of an answer.

Before the first word, the same request may be sent again: nobody has read anything. After it, a second answer would be another one. So what
came is kept, and the reader is told why there is no more.

python examples/broken_connection.py http://localhost:11434 qwen3:8b "Why is the sky blue?"
"""

import sys
import time
from collections.abc import Iterator
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from translator import (
    Ask,
    Delta,
    FailureDelta,
    Family,
    Message,
    Role,
    ServerError,
    TextDelta,
    Turn,
    failure_from_reply,
    is_retryable,
    plan_turn,
    reply_stream,
)

ATTEMPTS, PAUSE_S = 3, 1.0


def deltas(base_url: str, turn: Turn) -> Iterator[Delta]:
    """What an answer brings as it arrives; a failure is the last delta, whatever broke."""
    stream = reply_stream(turn)
    try:
        with urlopen(Request(base_url + turn.route, turn.body, {"Content-Type": "application/json"}), timeout=600) as response:
            while data := response.read1():
                yield from stream.feed(data)
    except HTTPError as refusal:
        yield from stream.fail(failure_from_reply(refusal.code, refusal.read(), model=turn.ask.model, route=turn.route))
    except (OSError, HTTPException) as broken:
        cause = f"The connection broke ({type(broken).__name__})."
        yield from stream.fail(ServerError.of("connection_broken", cause, "Send the message again.", family=Family.CONNECTION))
    yield from stream.end()


def answer(base_url: str, turn: Turn) -> tuple[str, ServerError | None]:
    """The text as far as it came, and why it ended early."""
    for attempt in range(1, ATTEMPTS + 1):
        text, error = "", None
        for delta in deltas(base_url, turn):
            match delta:
                case TextDelta(piece):
                    text += piece
                case FailureDelta(failure):
                    error = failure
        may_help = error is not None and (is_retryable(error) or error.family is Family.CONNECTION)
        if text or not may_help or attempt == ATTEMPTS:
            break
        time.sleep(PAUSE_S * attempt)
    return text, error


def main(base_url: str, model: str, question: str) -> None:
    text, error = answer(base_url, plan_turn(Ask(model=model, messages=(Message(role=Role.USER, content=question),))))
    print(text)
    if error is not None:
        sys.exit(f"The answer is not complete. {error}" if text else str(error))


if __name__ == "__main__":
    main(*sys.argv[1:4])
