"""What may be shown of a server's words: secrets and echoes of the request never, references and plain sentences always."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from translator.failures.quoting import NAME_CHARS, QUOTE_CHARS, printable_name, quotable

STEADY = settings(deadline=None, derandomize=True)

BLOB = base64.b64encode(bytes(range(60))).decode()
REF = "(ref: 0f3c8f2e-5a0e-4f0a-9a51-6d1d2b1c7e11)"

QUOTES: dict[str, tuple[str, str | None]] = {
    "sentence": ("model is required", "model is required"),
    "reference": (f"Internal Server Error {REF}", f"Internal Server Error {REF}"),
    "upgrade page": ("upgrade: https://ollama.com/upgrade (ref: 1)", "upgrade: https://ollama.com/upgrade (ref: 1)"),
    "error type": ("exceed_context_size_error", "exceed_context_size_error"),
    "first line with words": ("\n------\n first \tline\nsecond line", "first line"),
    "bearer": ("rejected Bearer abc.def-ghi now", "rejected [...]"),
    "bearer in a header": ("sent authorization: Bearer abc", "sent [...]"),
    "basic": ("header 'Basic dXNlcjpwYXNz'", "header '[...]"),
    "hidden separator": ("Bea\u200brer\u00a0tok_en-12345678", ""),
    "userinfo": ("Get http://user:pa/ss@host:1/x failed", "Get [...] failed"),
    "userinfo without scheme": ("dial user:pass@host failed", "dial [...] failed"),
    "query": ("Post https://ollama.com:443/api/chat?ts=1: no", "Post [...]: no"),
    "sign-in page": ("see https://ollama.com/connect?name=h&key=K", "see [...]"),
    "internal address": ('Post "http://127.0.0.1:43717/v1/embeddings": EOF', 'Post "[...]": EOF'),
    "bare loopback": ("dial tcp 127.0.0.1:43717: refused by localhost:11434", "dial tcp [...]: refused by [...]"),
    "named key": ('bad api_key="abc123" given', "bad api_[...] given"),
    "named token": ("token=abc123", ""),
    "prefixed key": ("key sk-abcdefghijk is wrong", "key [...] is wrong"),
    "jwt": ("got eyJhbGciOi.eyJzdWIi.sig", "got [...]"),
    "base64": (f"cannot read {BLOB}", "cannot read [...]"),
    "hex": ("blob sha256-1234567890abcdef1234567890abcdef", "blob [...]"),
    "tool arguments": ('error parsing tool call: raw=\'{"city":"Par\', err=EOF', "error parsing tool call: [...]"),
    "json fragment": ('expected object, got {"city": "Paris"}', "expected object, got [...]"),
    "parser echo": ("unexpected end of input; last read: '\"my secret prompt'", "unexpected end of input; [...]"),
    "pydantic echo": ("bad value [type=x, input_value='my prompt', input_type=str]", "bad value [type=x, [...]"),
    "serde echo": (
        'texts: invalid type: string "my document", expected a sequence at line 1',
        "texts: invalid type: string, expected a sequence at line 1",
    ),
    "long quotation": (f"cannot answer '{'a b ' * 30}' now", "cannot answer [...] now"),
    "long quotation with an apostrophe": (f"cannot answer 'what's {'a b ' * 30}' now", "cannot answer [...] now"),
    "long quotation that never ends": (f'failed on "{"my secret " * 300}', "failed on [...]"),
    "typographic quotation": (f"cannot answer “{'a b ' * 30}” now", "cannot answer [...] now"),
    "apostrophe": ("you've reached your hourly usage limit, please wait or upgrade to continue", None),
    "apostrophe of several": ("the models' limit: max_tokens (32000) exceeds model's maximum output tokens (16384), choose less", None),
    "closing back-tick": (f"The `reasoning_content` in the thinking mode must be passed back to the API {REF}", None),
    "closing quote": ("Field 'repeat_last_n': Value must be between 0 <= value <= 2147483647, but got -1", None),
    "closing double quote": ('option "num_ctx" must be of type integer, and this server was given something else for it', None),
    "lone quote": ("expected ' before the end of the template, in a part that goes on for quite a while", None),
    "words to choose from": ("effort must be one of ['low', 'medium', 'high']", None),
    "list of texts": ("cannot embed ['the secret of the house', 'another']", "cannot embed [...]"),
    "template engine": (
        "\n------\nWhile executing CallExpression at line 85, column 32 in source:\n...\n   ^\nError: Jinja Exception: No tools here.",
        "Error: Jinja Exception: No tools here",
    ),
    "traceback": ('Traceback (most recent call last):\n  File "x.py", line 1\nValueError: bad shape', "ValueError: bad shape"),
    "loading": (
        "llama runner process has terminated:\nerror loading model: two tensors are missing",
        "error loading model: two tensors are missing",
    ),
    "worker": ("[address=127.0.0.1:34531, pid=761] list index out of range", "list index out of range"),
    "path": ("cannot open /home/someone/.ollama/models/blobs/x now", "cannot open [...] now"),
    "nothing left": (BLOB, ""),
    "no words": ("--- !!! ---", ""),
    "empty": ("", ""),
    "one endless word": ("x" * 5000, ""),
}


@pytest.mark.parametrize("name", QUOTES)
def test_text_is_quoted_without_secrets(name: str) -> None:
    text, expected = QUOTES[name]
    assert quotable(text) == (text if expected is None else expected)


def test_long_text_is_cut_at_the_limit() -> None:
    quoted = quotable("word " * 500)
    assert len(quoted) <= QUOTE_CHARS
    assert quoted.endswith("word…")


def test_secret_across_the_examined_end_is_not_shown() -> None:
    head = "(" + BLOB + ") " + "word " * 170
    secret = "user:hunter2hunter2"
    assert "hunter2" not in quotable(f"{head:<985}{secret}@host")


def test_name_is_one_bounded_line() -> None:
    assert printable_name(" a\nb\x00c\u202e ") == "a b c"
    assert len(printable_name("x" * 1000)) == NAME_CHARS
    assert printable_name("\ud800x") == "x"


@STEADY
@given(st.text(max_size=300))
def test_any_text_gives_one_encodable_line(text: str) -> None:
    quoted = quotable(text)
    assert len(quoted) <= QUOTE_CHARS
    assert "\n" not in quoted
    quoted.encode()
