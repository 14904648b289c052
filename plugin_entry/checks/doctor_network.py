"""The doctor's checks below HTTP: proxy, name, connection, encryption, and where else a server may be.

Each check gives one finding, or None where there is nothing to say. With a proxy, name and connection are those of the proxy, and
encryption is checked by the questions over HTTP, which go through it.
"""

import asyncio
import ssl
from urllib.parse import urlsplit

import attrs

from plugin_entry.checks.probing import Examination
from plugin_entry.network.connections import connector_of, open_stream
from plugin_entry.network.error_rows import ROWS
from plugin_entry.network.errors import Phase, describe_transport_error
from plugin_entry.network.names import NameTimeoutError
from translator import codec
from translator.addresses import address_in, is_loopback
from translator.diagnosis.conclusion import Finding, Layer
from translator.diagnosis.containers import advice, other_addresses
from translator.diagnosis.server_kinds import VERSION
from translator.errors import ServerError
from translator.settings.base_url import DEFAULT_PORTS

ADDRESSES_SHOWN = 4
UNANSWERED = frozenset({"connection_refused", "connect_timeout"})
"""Codes for which it matters where this runs and where Ollama may be."""


async def check_proxy(exam: Examination) -> Finding | None:
    """Which way requests go."""
    if exam.server.proxy:
        host, port = _first_hop(exam)
        return Finding(step=Layer.PROXY, ok=True, sentence=f"Requests go through the proxy {host}:{port}, which the environment names.")
    if exam.surroundings.names_proxy:
        return Finding(step=Layer.PROXY, ok=True, sentence="The environment names a proxy; it is not used for this host.")
    return Finding(step=Layer.PROXY, ok=True, sentence="No proxy is in the way.")


async def check_name(exam: Examination) -> Finding | None:
    """Whether the host's name leads to an address; nothing to say of an address."""
    host, _ = _first_hop(exam)
    if address_in(host) is not None:
        return None
    try:
        async with asyncio.timeout(exam.limits.connect):
            addresses = await connector_of(exam.session).lookups.addresses(host)
    except TimeoutError:
        return _failed(exam, Layer.NAME, NameTimeoutError())
    except OSError as error:
        return _failed(exam, Layer.NAME, error)
    return Finding(step=Layer.NAME, ok=True, sentence=f"{host} is {', '.join(addresses[:ADDRESSES_SHOWN])}.")


async def check_connection(exam: Examination) -> Finding | None:
    """Whether the port accepts a connection."""
    host, port = _first_hop(exam)
    try:
        async with asyncio.timeout(exam.limits.connect):
            writer = await open_stream(connector_of(exam.session).lookups, host, port)
    except OSError as error:
        return _failed(exam, Layer.TCP, error)
    writer.transport.abort()
    return Finding(step=Layer.TCP, ok=True, sentence=f"Port {port} of {host} accepts connections.")


async def check_encryption(exam: Examination) -> Finding | None:
    """Whether TLS comes about, and whether the certificate is trusted; nothing to say for http and behind a proxy."""
    if exam.base_url.scheme != "https" or exam.server.proxy:
        return None
    context = _context(exam.server.tls)
    try:
        version = await _tls_version(exam, context)
    except TimeoutError:
        return _failed(exam, Layer.TLS, ssl.SSLError("no answer in time"))
    except (OSError, ValueError) as error:
        return _failed(exam, Layer.TLS, error)
    trust = "its certificate is trusted" if context.verify_mode is ssl.CERT_REQUIRED else "its certificate is not checked"
    return Finding(step=Layer.TLS, ok=True, sentence=f"The server speaks {version}, and {trust}.")


async def speaks_tls(exam: Examination) -> bool:
    """Whether TLS comes about on the port of a base URL that says http, whoever the certificate is of."""
    if exam.base_url.scheme != "http" or exam.server.proxy:
        return False
    try:
        await _tls_version(exam, _context(tls=False))
    except (OSError, ValueError):
        return False
    return True


async def _tls_version(exam: Examination, context: ssl.SSLContext) -> str:
    host, port = _first_hop(exam)
    async with asyncio.timeout(exam.limits.connect):
        writer = await open_stream(connector_of(exam.session).lookups, host, port, context)
    version: str = writer.get_extra_info("ssl_object").version()
    writer.transport.abort()
    return version


async def check_container(exam: Examination) -> Finding | None:
    """Whether this runs in a container, where localhost is the container itself."""
    word = exam.surroundings.container
    if not word:
        return Finding(step=Layer.CONTAINER, ok=True, sentence="This does not run in a container, as far as can be seen.")
    gateway = f", whose gateway is {exam.surroundings.gateway}" if exam.surroundings.gateway else ""
    itself = "; localhost is the container itself" if is_loopback(exam.base_url.host) else ""
    return Finding(step=Layer.CONTAINER, ok=True, sentence=f"This runs in a container ({word}){gateway}{itself}.")


async def check_elsewhere(exam: Examination) -> Finding | None:
    """Asks the addresses where the server may be instead; the first that answers like Ollama is the advice."""
    around = exam.surroundings
    places = other_addresses(exam.base_url, inside=bool(around.container), gateway=around.gateway)
    if not places:
        return None
    answers = await asyncio.gather(*(_answers(exam, place) for place in places))
    found = [place for place, answered in zip(places, answers, strict=True) if answered]
    if not found:
        sentence = f"No Ollama answers at {', '.join(places)} either."
        remedy = advice(exam.base_url, inside=bool(around.container), gateway=around.gateway, tried=places)
        return Finding(step=Layer.ELSEWHERE, ok=True, is_note=True, sentence=sentence, remedy=remedy)
    return Finding(step=Layer.ELSEWHERE, ok=True, sentence=f"Ollama answers at {' and '.join(found)}.", address=found[0])


async def _answers(exam: Examination, place: str) -> bool:
    try:
        reply = await exam.ask_elsewhere(place, VERSION)
    except ServerError:
        return False
    return reply.status == 200 and isinstance(codec.read_object(reply.body).get("version"), str)


def _first_hop(exam: Examination) -> tuple[str, int]:
    """Where the first connection goes: to the proxy if there is one."""
    if not exam.server.proxy:
        return exam.base_url.host, exam.base_url.tcp_port
    parts = urlsplit(exam.server.proxy)
    return parts.hostname or "", parts.port or DEFAULT_PORTS[parts.scheme.lower()]


def _context(tls: ssl.SSLContext | bool) -> ssl.SSLContext:
    if isinstance(tls, ssl.SSLContext):
        return tls
    context = ssl.create_default_context()
    if not tls:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _failed(exam: Examination, step: Layer, error: Exception) -> Finding:
    if exam.server.proxy:
        row = ROWS["proxy_failed"]
        return Finding(step=step, ok=False, sentence=row.cause.format(place=exam.server.place), remedy=row.remedy)
    limit = exam.limits.connect if isinstance(error, TimeoutError) else None
    described = describe_transport_error(error, exam.server.place, phase=Phase.CONNECT, limit_seconds=limit)
    finding = Finding.of_error(step, described)
    if described.code not in UNANSWERED or exam.base_url.is_cloud:
        return finding
    around = exam.surroundings
    return attrs.evolve(finding, remedy=advice(exam.base_url, inside=bool(around.container), gateway=around.gateway), is_guess=True)
