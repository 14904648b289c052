"""The table of sentences: complete, families as Dify's load balancing needs them, and hints only where they fit."""

import re
from urllib.parse import urlsplit

import pytest

from plugin_entry.dify.requests import PLUGIN_STOPPING
from plugin_entry.network.error_rows import CLOUD_REMEDY, HINTS, OWN, ROWS, own_failure, remedy_at
from plugin_entry.network.errors import BY_PHASE, ERRNOS, TYPES
from translator.errors import Family

AFTER_CONNECTING = {
    "connection_reset", "first_byte_timeout", "stalled", "payload_cut", "payload_encoding", "transport_failed", "too_many_files",
}  # fmt: skip

REDIRECTS = {"redirect_elsewhere", "redirect_downgrade", "redirect_see_other", "redirect_unusable", "too_many_redirects"}
"""The rule for redirects leads to these, no exception."""

CONTAINER = "host.docker.internal, the address of the Docker gateway"
PORT_80 = "Port 80 was tried"
EXTRA_HOSTS = "extra_hosts"
NETWORK = "share a Docker network"
MDNS = "ending in .local"
PLAIN_HTTP = "try http://"
EVERY_HINT = {CONTAINER, PORT_80, EXTRA_HOSTS, NETWORK, MDNS, PLAIN_HTTP}


def test_the_rules_reach_every_entry_and_nothing_else() -> None:
    kinds = {kind for _, kind in TYPES} | set(ERRNOS.values()) | {"other"}
    codes = {code for kind in kinds for code in (BY_PHASE[kind].values() if kind in BY_PHASE else [kind])}
    assert codes | REDIRECTS == set(ROWS)


def test_no_rule_hides_a_later_one() -> None:
    for index, (type_, _) in enumerate(TYPES):
        assert not any(issubclass(type_, earlier) for earlier, _ in TYPES[:index]), type_


def test_families() -> None:
    by_family = {family: {code for code, entry in ROWS.items() if entry.family is family} for family in Family}
    assert by_family[Family.UNAVAILABLE] == AFTER_CONNECTING
    assert by_family[Family.BAD_REQUEST] == {"address_invalid", "address_refused"}
    assert by_family[Family.CONNECTION] == set(ROWS) - AFTER_CONNECTING - {"address_invalid", "address_refused"}


@pytest.mark.parametrize("code", ROWS)
def test_entry_is_cause_and_remedy(code: str) -> None:
    entry = ROWS[code]
    assert "{place}" in entry.cause
    assert set(re.findall(r"{(\w*)}", entry.cause)) <= {"place", "within", "detail"}
    assert entry.cause.endswith(".")
    assert entry.remedy.endswith(".")


@pytest.mark.parametrize("code", OWN)
def test_what_the_plugin_ends_is_filled_in(code: str) -> None:
    error = own_failure(code, "http://h:1", "9 bytes")
    assert (error.code, error.family) == (code, Family.UNAVAILABLE)
    assert "{" not in str(error)


@pytest.mark.parametrize("code", sorted(REDIRECTS))
def test_a_redirect_that_is_not_followed_is_filled_in(code: str) -> None:
    error = own_failure(code, "http://h:1", "http://other")
    assert (error.code, error.family) == (code, Family.CONNECTION)
    assert "{" not in str(error)


def test_a_stopping_plugin_says_one_thing() -> None:
    """To requests that come, and to exchanges that run; the former must not need what is imported late."""
    assert str(own_failure("plugin_stopping")) == PLUGIN_STOPPING


@pytest.mark.parametrize(
    ("code", "place", "hints"),
    [
        ("connection_refused", "http://localhost:11434", {CONTAINER}),
        ("connect_timeout", "http://127.0.0.1:11434", {CONTAINER}),
        ("connection_refused", "http://[::1]:11434", {CONTAINER}),
        ("connection_refused", "http://localhost", {CONTAINER, PORT_80}),
        ("connection_refused", "http://gpu.lan:80", {PORT_80}),
        ("connect_timeout", "http://gpu.lan:80", {PORT_80}),
        ("response_invalid", "http://gpu.lan:80", {PORT_80}),
        ("connection_refused", "https://gpu.lan:443", set()),
        ("connection_refused", "http://192.168.1.5:11434", set()),
        ("name_not_resolved", "http://host.docker.internal:11434", {EXTRA_HOSTS}),
        ("name_not_resolved", "http://ollama:11434", {NETWORK}),
        ("name_not_resolved", "http://nas.local:11434", {MDNS}),
        ("name_not_resolved", "http://gpu.example:11434", set()),
        ("tls_failed", "https://gpu.lan:11434", {PLAIN_HTTP}),
        ("connect_reset", "https://gpu.lan:11434", {PLAIN_HTTP}),
        ("tls_failed", "https://gpu.lan:443", set()),
        ("stalled", "http://localhost:80", set()),
        ("connection_refused", "", set()),
        ("name_not_resolved", "", set()),
    ],
)
def test_hints(code: str, place: str, hints: set[str]) -> None:
    remedy = remedy_at(code, urlsplit(place))
    assert remedy.startswith(ROWS[code].remedy)
    assert {hint for hint in EVERY_HINT if hint in remedy} == hints


def test_every_hint_is_tested() -> None:
    assert len(HINTS) == len(EVERY_HINT)


@pytest.mark.parametrize("code", ["connection_refused", "connect_timeout", "name_not_resolved", "host_unreachable"])
def test_nobody_can_start_the_cloud(code: str) -> None:
    assert remedy_at(code, urlsplit("https://ollama.com:443")) == CLOUD_REMEDY
