"""Reply lines of every kind that is measured, and how a busy process reads them."""

from itertools import cycle, islice

from tests.bench.load_server import CALL, WORDS, line, said

READ = 64 * 1024
LAST = line("", done=True, done_reason="stop", prompt_eval_count=26, eval_count=282)
TEXT, THINKING = [line(word) for word in WORDS], [said({"thinking": word}) for word in WORDS]


def lines(tokens: int) -> list[bytes]:
    """Reply lines of one token each."""
    return list(islice(cycle(TEXT), tokens))


def thinking_lines(tokens: int) -> list[bytes]:
    """Nine tokens of ten are thinking."""
    thinking = tokens * 9 // 10
    return [*islice(cycle(THINKING), thinking), *lines(tokens - thinking)]


def tool_lines(tokens: int) -> list[bytes]:
    """Every line calls a tool."""
    return [said({"tool_calls": [CALL]})] * tokens


def cut(parts: list[bytes]) -> list[bytes]:
    """As a busy process reads them: much at a time."""
    data = b"".join(parts)
    return [data[at : at + READ] for at in range(0, len(data), READ)]
