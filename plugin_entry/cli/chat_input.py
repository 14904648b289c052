"""What a person types, as whole messages.

Enters: lines, from a terminal or a pipe. Leaves: messages. A line that ends in a backslash goes on in the next one; a line that begins with
three quotes opens a block that goes on to the next three quotes. Empty messages are none.
"""

from collections.abc import Callable, Iterator

BLOCK = '"""'
CONTINUED = "\\"

FIRST, NEXT = "> ", "… "

type ReadLine = Callable[[str], str | None]
"""Takes a prompt, gives a line without its end, None when there are no more."""


def messages(read_line: ReadLine) -> Iterator[str]:
    """Gives message after message until the lines end; what was begun by then counts."""
    while (line := read_line(FIRST)) is not None:
        message = _message(line, read_line).strip()
        if message:
            yield message


def _message(line: str, read_line: ReadLine) -> str:
    if line.lstrip().startswith(BLOCK):
        return _block(line.lstrip().removeprefix(BLOCK), read_line)
    parts = [line]
    while parts[-1].endswith(CONTINUED):
        parts[-1] = parts[-1].removesuffix(CONTINUED)
        following = read_line(NEXT)
        if following is None:
            break
        parts.append(following)
    return "\n".join(parts)


def _block(line: str, read_line: ReadLine) -> str:
    parts: list[str] = []
    following: str | None = line
    while following is not None:
        text, closed, _ = following.partition(BLOCK)
        parts.append(text)
        if closed:
            break
        following = read_line(NEXT)
    return "\n".join(parts)
