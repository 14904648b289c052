"""Reply lines of every kind that is measured, and how a busy process reads them."""

from tests.bench.load_server import CALL, WORDS, line, said

READ = 64 * 1024
LAST = line("", done=True, done_reason="stop", prompt_eval_count=26, eval_count=282)


def lines(tokens: int) -> list[bytes]:
    """Reply lines of one token each."""
    return [line(WORDS[number % len(WORDS)]) for number in range(tokens)]


def thinking_lines(tokens: int) -> list[bytes]:
    """Nine tokens of ten are thinking."""
    thinking = tokens * 9 // 10
    return [said({"thinking": WORDS[number % len(WORDS)]}) for number in range(thinking)] + lines(tokens - thinking)


def tool_lines(tokens: int) -> list[bytes]:
    """Every line calls a tool."""
    return [said({"tool_calls": [CALL]}) for _ in range(tokens)]


def cut(parts: list[bytes]) -> list[bytes]:
    """As a busy process reads them: much at a time."""
    data = b"".join(parts)
    return [data[at : at + READ] for at in range(0, len(data), READ)]
