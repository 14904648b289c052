"""How llama.cpp reads a pattern (common/json-schema-to-grammar.cpp, _visit_pattern, and src/llama-grammar.cpp), as a test's model.

`as_regex` gives what the grammar accepts as a regular expression of Python. It raises GrammarError where the server's parser would: at
escapes it does not know, at repetitions of nothing or too many, and at an endless repetition of what may be empty.
"""

import re

NOT_LITERAL = frozenset("|.()[]{}*+?")
ONLY_ESCAPED_IN_PATTERNS = frozenset("^$.[]()|{}*+?")
MOST = 2000
ESCAPE = re.compile(r'\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([trn\\"\[\]]))')


class GrammarError(ValueError):
    """The grammar cannot be parsed."""


class _Converter:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def read(self, *, is_nested: bool) -> str:
        parts: list[str] = []
        while self.at < len(self.text):
            char = self.text[self.at]
            if char == ")":
                if not is_nested:
                    raise GrammarError("unbalanced")
                self.at += 1
                return "".join(parts)
            if char == "(":
                self.at += 1
                if self.text.startswith("?", self.at):
                    raise GrammarError("group")
                parts.append(f"(?:{self.read(is_nested=True)})")
            elif char == "[":
                parts.append(self._class())
            elif char == "|":
                self.at += 1
                parts.append("|")
            elif char in "*+?":
                self.at += 1
                parts[-1] = _repeated(parts[-1:], char)
            elif char == "{":
                end = self.text.index("}", self.at)
                parts[-1] = _repeated(parts[-1:], _count(self.text[self.at + 1 : end]))
                self.at = end + 1
            elif char == ".":
                self.at += 1
                parts.append(r"[^\x0A\x0D]")
            elif char in NOT_LITERAL:
                raise GrammarError(f"{char} of the converter's own")
            else:
                parts.append(self._literal())
        if is_nested:
            raise GrammarError("unbalanced")
        return "".join(parts)

    def _class(self) -> str:
        start = self.at
        self.at += 1
        while self.text[self.at] != "]":
            self.at += 2 if self.text[self.at] == "\\" else 1
        self.at += 1
        members = _unescaped(self.text[start + 1 : self.at - 1], is_class=True)
        # Python takes a millisecond to compile a class with all of Unicode, and none for one without a few
        rest = members.removesuffix("\x80-\U0010ffff")
        return f"[{members}]" if rest == members else f"(?:[{rest}]|[^\\x00-\\x7F])" if rest else "[^\\x00-\\x7F]"

    def _literal(self) -> str:
        literal = ""
        while self.at < len(self.text):
            char, after = self.text[self.at], self.text[self.at + 1 : self.at + 2]
            if char == "\\" and after:
                literal += after if after in ONLY_ESCAPED_IN_PATTERNS else char + after
                self.at += 2
            elif char not in NOT_LITERAL and (not after or not literal or after == "." or after not in NOT_LITERAL):
                literal += char
                self.at += 1
            else:
                break
        if not literal.isascii():
            raise GrammarError("bytes of a character may be torn apart")
        return f"(?:{_unescaped(literal, is_class=False)})"


def _unescaped(text: str, *, is_class: bool) -> str:
    """The grammar's own escapes; everything else stands for itself, in classes but for the sign of a range and a caret at the front."""
    result, at = "", 0
    while at < len(text):
        if text[at] == "\\":
            found = ESCAPE.match(text, at)
            if found is None:
                raise GrammarError("unknown escape")
            point = next((int(digits, 16) for digits in found.groups()[:3] if digits), None)
            result += re.escape(chr(point) if point is not None else {"t": "\t", "r": "\r", "n": "\n"}.get(found[4], found[4]))
            at = found.end()
        else:
            is_sign = is_class and text[at] in "-^"
            result += text[at] if is_sign else re.escape(text[at])
            at += 1
    return result


def _count(text: str) -> str:
    low, _, high = text.partition(",")
    if int(low) >= MOST or int(high or low) >= MOST:
        raise GrammarError("too many repetitions")
    return f"{{{text}}}"


def _repeated(items: list[str], sign: str) -> str:
    if not items or items[0] == "|":
        raise GrammarError("nothing to repeat")
    if sign in ("*", "+") and re.compile(items[0]).fullmatch(""):
        raise GrammarError("left recursion")
    return f"(?:{items[0]}){sign}"


def as_regex(pattern: str) -> re.Pattern[str]:
    """What the inside of the JSON string may be. Raises GrammarError."""
    if not (pattern.startswith("^") and pattern.endswith("$")):
        raise GrammarError("Pattern must start with '^' and end with '$'")
    return re.compile(_Converter(pattern[1:-1]).read(is_nested=False))
