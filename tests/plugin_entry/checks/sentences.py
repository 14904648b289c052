"""What counts as one sentence, for tests of texts that must be one; written without the code that makes them.

A sentence begins with a capital letter, a name or an address, and ends with its only full stop. Quotations may hold stops of their own, as
may parentheses, host names, versions and addresses: none of these has a blank behind the stop, once quotations are taken out.
"""

import re

QUOTED = re.compile(r'"[^"]*"|`[^`]*`')
STOP = re.compile(r"(?<=\w)[.!?](?=\s)|(?<=[)\]\"'`])[.!?](?=\s)")
LOWER_NAMES = ("ollama.com", "base_url", "context_size", "keep_alive")
"""What a sentence may begin with although it is small."""


def faults(text: str) -> list[str]:
    """Why a text is not one sentence; empty when it is."""
    bare = QUOTED.sub("Q", text)
    return [
        *(["no full stop at the end"] if not re.search(r"[^\s.]\.$", bare) else []),
        *(f"a second sentence behind {bare[: stop.start()][-30:]!r}" for stop in STOP.finditer(bare)),
        *(["several lines"] if len(text.splitlines()) > 1 else []),
        *(["no capital letter at the beginning"] if bare[:1].islower() and not bare.startswith(LOWER_NAMES) else []),
        *(["a gap"] if "  " in bare or " ;" in bare or " :" in bare or ";." in bare or ":." in bare else []),
        *(["an unfilled template"] if re.search(r"\{[a-z_]*\}", bare) else []),
    ]
