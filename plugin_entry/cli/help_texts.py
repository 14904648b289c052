"""How the help of a command looks: its description in paragraphs, and examples to copy at the end.

Enters: a parser and the examples of its command. Leaves: the parser, dressed.
"""

import argparse
import textwrap
from collections.abc import Sequence


class Paragraphs(argparse.HelpFormatter):
    """Wraps paragraph by paragraph; what is indented stays as it is."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        filled = (part if part.startswith(" ") else textwrap.fill(" ".join(part.split()), width) for part in text.strip("\n").split("\n\n"))
        return textwrap.indent("\n\n".join(filled), indent)


def with_examples(parser: argparse.ArgumentParser, examples: Sequence[str]) -> argparse.ArgumentParser:
    """Gives the same parser."""
    parser.formatter_class = Paragraphs
    lines = "\n".join(f"  {example}" for example in examples)
    parser.epilog = f"{'examples' if len(examples) > 1 else 'example'}:\n\n{lines}"
    return parser
