"""Formats as patterns: what is usual fits, what the format forbids does not, and the server's grammar can say it."""

import re

import pytest

from tests.translator.schema.grammar_converter import as_regex
from translator.schema.constraints import FORMAT_PATTERNS
from translator.schema.patterns import grammar_pattern

FITS: dict[str, list[str]] = {
    "email": ["a@b.co", "john.o'neil+x@mail.example.com", "first_last@sub-domain.example"],
    "hostname": ["localhost", "a-b.example.com", "1.example"],
    "ipv4": ["1.2.3.4", "255.0.10.199"],
    "ipv6": [
        "::",
        "::1",
        "1::",
        "fe80::1",
        "2001:db8:0:0:0:0:2:1",
        "2001:DB8::2:1",
        "1:2:3:4:5:6:7::",
        "::2:3:4:5:6:7:8",
        "::ffff:1.2.3.4",
    ],
    "uri": [
        "https://example.com",
        "http://a.b:8080/x%20y/z?q=1&r=a/b#frag",
        "mailto:a@b.co",
        "urn:isbn:123",
        "file:///etc/x",
        "s3://bucket/key",
        "ftp://u@h/x",
        "data:text/plain,hi",
    ],
    "duration": ["P1D", "PT1H30M", "P1DT12H", "P3W", "P1Y2M3DT4H5M6S"],
}
FORBIDDEN: dict[str, list[str]] = {
    "email": ["", "a@b", "a b@c.de", ".a@b.co", "a..b@c.de", "favicon1.png,"],
    "hostname": ["", "-a", "a-", "a..b", "a_b"],
    "ipv4": ["", "1.2.3", "256.1.1.1", "01.2.3.4"],
    "ipv6": ["", "1:2", "1:::2", "12345::", "1:2:3:4:5:6:7:8:9", "1::2::3"],
    "uri": ["", "example.com", "http://a b", "http://a/%2", "://x"],
    "duration": ["", "P", "PT", "1D", "P1S", "P1DT", "P1W2D"],
}


@pytest.mark.parametrize("name", FORMAT_PATTERNS)
def test_format(name: str) -> None:
    original, written = re.compile(FORMAT_PATTERNS[name], re.ASCII), as_regex(grammar_pattern(FORMAT_PATTERNS[name]).text)
    for text in FITS[name]:
        assert original.fullmatch(text)
        assert written.fullmatch(text)
    for text in FORBIDDEN[name]:
        assert not original.fullmatch(text)
        assert not written.fullmatch(text)
