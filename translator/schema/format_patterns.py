"""Patterns for formats of texts that the server's grammar converter does not know.

It knows `date`, `time`, `date-time` and `uuid` (llama.cpp common/json-schema-to-grammar.cpp, STRING_FORMAT_RULES). Asked for the others in
words alone, small models write anything (SmolLM2 on 0.33.0: "favicon1.png," for an `email`). A pattern never accepts more than its format,
and leaves out only what is rare: quoted names in addresses, addresses in brackets as hosts.
"""

_OCTET = r"(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IPV4 = rf"({_OCTET}\.){{3}}{_OCTET}"
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST = rf"{_LABEL}(\.{_LABEL})*"
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"

_HEX = r"[0-9A-Fa-f]{1,4}"
_SHORTENED = "|".join(rf"({_HEX}:){{1,{before}}}(:{_HEX}){{1,{7 - before}}}" for before in range(1, 7))

_PATH = r"([A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})"
_AUTHORITY = rf"([A-Za-z0-9._~-]+@)?{_HOST}(:\d{{1,5}})?"
_AFTER_PATH = rf"(\?({_PATH}|[/?])*)?(#({_PATH}|[/?])*)?"

_DATE = r"(\d+Y(\d+M(\d+D)?)?|\d+M(\d+D)?|\d+D)"
_TIME = r"T(\d+H(\d+M(\d+S)?)?|\d+M(\d+S)?|\d+S)"

FORMAT_PATTERNS = {
    "email": rf"^{_ATOM}(\.{_ATOM})*@{_HOST}\.[A-Za-z]{{2,63}}$",
    "hostname": rf"^{_HOST}$",
    "ipv4": rf"^{_IPV4}$",
    "ipv6": rf"^(({_HEX}:){{7}}{_HEX}|({_HEX}:){{1,7}}:|:(:{_HEX}){{1,7}}|::|{_SHORTENED}|::([Ff]{{4}}:)?{_IPV4})$",
    "uri": rf"^[A-Za-z][A-Za-z0-9+.-]*:(//({_AUTHORITY})?(/{_PATH}*)*|{_PATH}+(/{_PATH}*)*){_AFTER_PATH}$",
    "duration": rf"^P({_DATE}({_TIME})?|{_TIME}|\d+W)$",
}
"""By format: what the whole text has to be (RFC 5322, 1123, 2673, 4291, 3986 and 3339)."""
