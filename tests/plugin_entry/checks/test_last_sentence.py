"""Whatever goes wrong, the doctor ends with one sentence, and a form that cannot be saved shows one: all the ways to fail, side by side."""

import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import attrs
import gevent
import pytest
from dify_plugin.errors.model import CredentialsValidateFailedError
from gevent.server import StreamServer

from fixtures.recordings import load
from plugin_entry.checks import credentials, doctor, doctor_network, provider
from plugin_entry.checks.doctor import diagnose
from plugin_entry.checks.probing import ProbeLimits, Surroundings
from plugin_entry.network.server import SERVERS, server_of, settings_of
from plugin_entry.serving.chat import BRIDGE
from tests.plugin_entry.checks.sentences import faults
from tests.servers.asyncio_server import free_port
from tests.servers.routes_server import RoutesServer, Speak, cut, json_reply, redirect, reply, silence
from translator.diagnosis.conclusion import EXIT_CODES, Diagnosis, Layer
from translator.settings.base_url import BaseUrl

pytestmark = pytest.mark.usefixtures("_plugin_rests")

TLS = Path(__file__).parents[2] / "data" / "tls"
SHORT = ProbeLimits(connect=0.9, answer=0.9, guess=0.9)
DOCKER = Surroundings(container="Docker", gateway="172.17.0.1")
PROXIED = "http://public.example"

type Routes = Mapping[str, Speak | list[Speak]]
type Check = Callable[[str, dict[str, Any]], None]


def provider_form(_: str, saved: dict[str, Any]) -> None:
    provider.check_server(saved)


LANGUAGE, EMBEDDING, RERANK = credentials.check_language_model, credentials.check_embedding_model, credentials.check_rerank_model
MODEL_FORMS = (LANGUAGE, EMBEDDING)
FORMS = (*MODEL_FORMS, provider_form)
PATIENT_FORMS = (LANGUAGE, provider_form)
"""Enough where each of them waits."""


def recorded(scenario: str, version: str = "0.24.0") -> Speak:
    exchange = load(version, scenario)
    return reply(exchange.status, exchange.body, Content_Type=exchange.content_type)


def page(status: int = 200, title: str = "Welcome to nginx. Enjoy!") -> Speak:
    return reply(status, f"<!DOCTYPE html><html><title>{title}</title></html>".encode(), Content_Type="text/html")


def hang_up(sock: Any) -> None:
    """Closes without a word."""


def not_http(sock: Any) -> None:
    sock.sendall(b"220 mail.example ESMTP. Ready.\r\n")


GOOD: Routes = {"/api/version": recorded("version"), "/api/tags": recorded("tags"), "/api/show": recorded("show-chat")}
EMBEDDER: Routes = {**GOOD, "/api/show": recorded("show-embedder")}
ERROR = json_reply({"error": "Something broke. Look into the log, e.g. /var/log. Then try again!"}, 500)


@attrs.frozen(kw_only=True)
class Failure:
    """A server (none: nothing is served), what the forms hold, and what is said. `step` is None where the doctor finds nothing wrong."""

    step: Layer | None
    says: str
    forms: str = ""
    """What the forms say, where it is something else."""
    routes: Routes | None = None
    url: str = ""
    saved: Mapping[str, str] = attrs.field(factory=dict)
    model: str = "chat"
    checks: tuple[Check, ...] = FORMS


FAILURES: dict[str, Failure] = {
    "address": Failure(step=Layer.ADDRESS, url="htp://x", says="something other than http:// or https://"),
    "port": Failure(step=Layer.ADDRESS, url="http://h:99999", says="not a number from 1 to 65535: Ollama listens"),
    "dots": Failure(step=Layer.ADDRESS, url="http://h/./x/..", says="only dots (. or ..): write"),
    "key in the open": Failure(step=Layer.ADDRESS, url="http://example.org", saved={"api_key": "s3cr3t"}, says="unencrypted"),
    "certificate": Failure(step=Layer.ADDRESS, url="https://h", saved={"ca_certificate": "/no/such.pem"}, says="does not exist"),
    "name": Failure(step=Layer.NAME, url="http://no-such-host.invalid:11434", says="is unknown where Dify's plugin service runs"),
    "service name": Failure(step=Layer.NAME, url="http://no-such-service:11434", says="share a Docker network."),
    "nobody": Failure(step=Layer.TCP, url="http://127.0.0.1:{closed}", says="Nothing accepts connections at http://127.0.0.1:"),
    "standard port": Failure(step=Layer.TCP, url="http://127.0.0.1:80", says="port 80 was tried, and Ollama listens on 11434"),
    "black hole": Failure(
        step=Layer.TCP,
        url="http://127.0.0.1:{hole}",
        saved={"connect_timeout": "0.9"},
        checks=PATIENT_FORMS,
        says="did not accept a connection",
    ),
    "no TLS": Failure(step=Layer.TLS, routes={}, url="https://127.0.0.1:{port}", checks=PATIENT_FORMS, says="No encrypted connection"),
    "own certificate": Failure(step=Layer.TLS, url="https://localhost:{encrypted}", says="its authority is unknown; use the host"),
    "hangs up behind TLS": Failure(
        step=Layer.HTTP,
        url="https://127.0.0.1:{encrypted}",
        saved={"ca_certificate": str(TLS / "authority.pem")},
        says="closed the connection before it answered",
    ),
    "silence": Failure(
        step=Layer.HTTP, routes={"*": silence}, checks=PATIENT_FORMS, says="answered nothing within 0.9 seconds", forms="seconds"
    ),
    "hangs up": Failure(step=Layer.HTTP, routes={"*": hang_up}, says="closed the connection"),
    "cut": Failure(step=Layer.HTTP, routes={"*": cut}, says="ended in the middle of the answer"),
    "another protocol": Failure(step=Layer.HTTP, routes={"*": not_http}, says="does not speak proper HTTP"),
    "redirect elsewhere": Failure(
        step=Layer.HTTP, routes={"*": redirect("https://auth.example/login")}, says="redirects to https://auth.example"
    ),
    "redirect in a circle": Failure(step=Layer.HTTP, routes={"*": redirect("/x", 307)}, says="in a circle"),
    "redirect to a page": Failure(step=Layer.HTTP, routes={"*": redirect("/login", 303)}, says="status 303"),
    "502 of a proxy": Failure(step=Layer.HTTP, routes={"*": page(502)}, says="(status 502)"),
    "504 of a proxy": Failure(step=Layer.HTTP, routes={"*": page(504)}, says="(status 504)"),
    "500": Failure(step=Layer.HTTP, routes={"*": ERROR}, says="Something broke. Look into"),
    "foreign host": Failure(step=Layer.HTTP, routes={"*": recorded("error-foreign-host")}, says="OLLAMA_HOST=0.0.0.0"),
    "forbidden": Failure(step=Layer.KEY, routes={"*": json_reply({"error": "No. Never."}, 403)}, says="refuses access (status 403)"),
    "key": Failure(step=Layer.KEY, routes={"*": json_reply({"error": "unauthorized"}, 401)}, says="does not accept the API key"),
    "key on the way": Failure(step=Layer.KEY, routes={"*": page(401, "401 Authorization Required")}, says="server wants a key, or a"),
    "407": Failure(step=Layer.HTTP, routes={"*": page(407)}, url=PROXIED, says="wants a user name and password"),
    "407 for TLS": Failure(step=Layer.HTTP, routes={"*": page(407)}, url="https://public.example", says="refused to pass the request on"),
    "proxy that is gone": Failure(step=Layer.TCP, url=PROXIED, says="The proxy on the way to http://public.example:80 cannot be reached"),
    "web page": Failure(step=Layer.SERVER, routes={"*": page()}, says="answers a web page, not Ollama: check"),
    "unknown": Failure(step=Layer.SERVER, routes={}, says="answers something unknown, not Ollama: check"),
    "OpenAI": Failure(
        step=Layer.SERVER, routes={"/v1/models": json_reply({"data": [{"id": "gpt"}]})}, says="with OpenAI's API, not Ollama"
    ),
    "Open WebUI": Failure(
        step=Layer.SERVER,
        routes={"/api/version": recorded("version"), "/api/tags": page(), "/api/config": json_reply({"features": 1, "oauth": 1})},
        says="answers Open WebUI, not Ollama",
    ),
    "TEI": Failure(step=Layer.SERVER, routes={"/info": recorded("tei-info", "rerank")}, says="it can serve for reranking: add it"),
    "no list": Failure(step=Layer.MODELS, routes={**GOOD, "/api/tags": ERROR}, model="", checks=(provider_form,), says="gave status 500 ("),
    "no list in time": Failure(
        step=Layer.MODELS, routes={**GOOD, "/api/tags": silence}, model="", checks=(provider_form,), says="gave no answer in time"
    ),
    "page for a list": Failure(
        step=Layer.MODELS,
        routes={**GOOD, "/api/tags": page(404)},
        model="",
        checks=(provider_form,),
        says="gave a web page (status 404)",
    ),
    "no models": Failure(
        step=Layer.MODELS,
        routes={**GOOD, "/api/tags": json_reply({"models": []}), "/api/show": recorded("error-unknown-model-show")},
        checks=MODEL_FORMS,
        says="no models yet",
    ),
    "no such model": Failure(
        step=Layer.MODEL,
        routes={**GOOD, "/api/show": recorded("error-unknown-model-show")},
        model="chta",
        checks=MODEL_FORMS,
        says='no model "chta"; the nearest names it has: chat:latest',
    ),
    "odd name": Failure(
        step=Layer.MODEL, routes={**GOOD, "/api/show": recorded("error-bad-name")}, model="a b. C", checks=MODEL_FORMS, says='"a b. C"'
    ),
    "broken description": Failure(step=Layer.MODEL, routes={**GOOD, "/api/show": ERROR}, checks=MODEL_FORMS, says="Something broke. Look"),
    "foreign description": Failure(
        step=Layer.MODEL, routes={**GOOD, "/api/show": json_reply({"ok": True})}, checks=MODEL_FORMS, says="not what Ollama sends"
    ),
    "no description in time": Failure(
        step=Layer.MODEL,
        routes={**GOOD, "/api/show": silence},
        checks=(LANGUAGE,),
        says="answered nothing within",
        forms="did not answer the check",
    ),
    "embeds only": Failure(
        step=None, routes={**GOOD, "/api/show": recorded("show-embedder")}, checks=(LANGUAGE,), says="cannot answer: add it"
    ),
    "cannot embed": Failure(step=None, routes=GOOD, checks=(EMBEDDING,), says="makes no embeddings: choose"),
    "no cloud": Failure(step=None, routes=GOOD, model="x:cloud", checks=(EMBEDDING,), says="cloud, which has no embeddings"),
    "too old": Failure(
        step=None,
        routes={
            "/api/version": recorded("version", "0.9.6"),
            "/api/tags": recorded("tags", "0.9.6"),
            "/api/show": recorded("show-chat", "0.9.6"),
        },
        saved={"rerank_service": "ollama"},
        checks=(RERANK,),
        says="0.12.11",
    ),
    "a field": Failure(step=None, routes=GOOD, saved={"context_size": "many"}, checks=MODEL_FORMS, says="context_size is not valid"),
    "rerank service": Failure(step=None, routes=GOOD, saved={"rerank_service": "auto"}, checks=(RERANK,), says="rerank"),
    "first embedding": Failure(
        step=None,
        routes={**EMBEDDER, "/api/embed": ERROR},
        saved={"deep_check": "true"},
        checks=(EMBEDDING,),
        says="Something broke. Look",
    ),
}


@pytest.fixture(autouse=True)
def _small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Budgets that a test can wait for, one place on earth to be in, and nobody next door."""
    monkeypatch.setattr(credentials, "BUDGET_S", 4.0)
    monkeypatch.setattr(doctor, "IN_A_HURRY", SHORT)
    monkeypatch.setattr(provider, "ANSWER_S", 0.9)
    monkeypatch.setattr(doctor, "read_surroundings", lambda: DOCKER)
    monkeypatch.setattr(doctor_network, "other_addresses", lambda *_, **__: ())
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@contextmanager
def black_hole() -> Iterator[int]:
    """A listener whose queue is full drops whoever comes next, as a firewall does."""
    with ExitStack() as sockets:
        listener = sockets.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port: int = listener.getsockname()[1]
        for waiting in [sockets.enter_context(socket.socket()) for _ in range(8)]:
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
        yield port


@contextmanager
def encrypted() -> Iterator[int]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(TLS / "server.pem", TLS / "server.key")
    server = StreamServer(("0.0.0.0", 0), lambda sock, _: sock.close(), ssl_context=context)
    server.start()
    try:
        yield server.server_port
    finally:
        server.stop(timeout=0)


@contextmanager
def there(failure: Failure, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of what fails, while it does."""
    with ExitStack() as stack:
        ports = {"closed": free_port(), "port": 0}
        if failure.routes is not None:
            ports["port"] = stack.enter_context(RoutesServer(failure.routes)).port
        for name, serve in (("hole", black_hole), ("encrypted", encrypted)):
            if f"{{{name}}}" in failure.url:
                ports[name] = stack.enter_context(serve())
        if "public.example" in failure.url:
            for variable in ("HTTP_PROXY", "HTTPS_PROXY"):
                monkeypatch.setenv(variable, f"http://127.0.0.1:{ports['port'] or ports['closed']}")
        SERVERS.clear()
        yield (failure.url or "http://127.0.0.1:{port}").format(**ports)
        SERVERS.clear()


def diagnosis_of(failure: Failure, monkeypatch: pytest.MonkeyPatch) -> Diagnosis:
    with there(failure, monkeypatch) as url:
        server = server_of(settings_of({"base_url": url, **failure.saved}))
        return BRIDGE.run(lambda: diagnose(server, model=failure.model, limits=SHORT))


def complaint_of(failure: Failure, check: Check, monkeypatch: pytest.MonkeyPatch) -> str:
    with there(failure, monkeypatch) as url, pytest.raises(CredentialsValidateFailedError) as caught:
        check(failure.model or "chat", {"base_url": url, **failure.saved})
    return str(caught.value)


WAITING = ("silence", "no TLS", "black hole", "no list in time", "no description in time")
"""Each of them takes its time; together they take the time of one."""
_waited: dict[object, Any] = {}


def outcome(of: Callable[..., Any], failure: Failure, *more: object, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Of a failure at once, or of all that wait, which were tried at the same time."""
    slow = [FAILURES[name] for name in WAITING]
    if failure not in slow:
        return of(failure, *more, monkeypatch)
    if not _waited:
        asked = [(diagnosis_of, each) for each in slow] + [(complaint_of, each, check) for each in slow for check in each.checks]
        tried = [gevent.spawn(work, *given, monkeypatch) for work, *given in asked]
        gevent.joinall(tried, raise_error=True)
        _waited.update({_key(*given): each.value for given, each in zip(asked, tried, strict=True)})
    return _waited[_key(of, failure, *more)]


def _key(of: Callable[..., Any], failure: Failure, *more: object) -> object:
    return of, id(failure), *more


@pytest.mark.parametrize(
    "failure", [pytest.param(each, id=name) for name, each in FAILURES.items() if each.step not in (None, Layer.ADDRESS)]
)
def test_doctor(failure: Failure, monkeypatch: pytest.MonkeyPatch) -> None:
    diagnosis = outcome(diagnosis_of, failure, monkeypatch=monkeypatch)
    assert failure.step is not None
    assert failure.says in diagnosis.sentence
    assert faults(diagnosis.sentence) == []
    assert diagnosis.exit_code == EXIT_CODES[failure.step]


@pytest.mark.parametrize(
    ("failure", "check"),
    [pytest.param(each, check, id=f"{name}, {check.__name__}") for name, each in FAILURES.items() for check in each.checks],
)
def test_form(failure: Failure, check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    told = outcome(complaint_of, failure, check, monkeypatch=monkeypatch)
    assert (failure.forms or failure.says) in told
    assert faults(told) == []
    assert "s3cr3t" not in told


def test_every_step_that_can_fail_does() -> None:
    never = {Layer.PROXY, Layer.VERSION, Layer.LOADED, Layer.CONTAINER, Layer.ELSEWHERE}
    assert {each.step for each in FAILURES.values()} - {None} == set(Layer) - never


CLOUD: dict[str, tuple[dict[str, str], Speak, str]] = {
    "no key": ({}, reply(200), "answers only with an API key: make one"),
    "wrong key": ({"api_key": "s3cr3t"}, json_reply({"error": "unauthorized"}, 401), "does not accept the API key"),
}


@pytest.mark.parametrize(("saved", "me", "says"), CLOUD.values(), ids=CLOUD)
def test_cloud(saved: dict[str, str], me: Speak, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BaseUrl, "is_cloud", property(lambda _: True))
    with RoutesServer({**GOOD, "/api/me": me}) as server:
        reached = server_of(settings_of({"base_url": server.url, **saved}))
        diagnosis = BRIDGE.run(lambda: diagnose(reached, limits=SHORT))
        for check in (LANGUAGE, provider_form):
            with pytest.raises(CredentialsValidateFailedError) as caught:
                check("chat", {"base_url": server.url, **saved})
            assert says in str(caught.value)
            assert faults(str(caught.value)) == []
    assert says in diagnosis.sentence
    assert faults(diagnosis.sentence) == []
    assert diagnosis.exit_code == EXIT_CODES[Layer.KEY]


LOCALHOST: dict[str, tuple[bool, str]] = {
    "Ollama next door": (True, ", but Ollama answers at {url}: use that as the base URL."),
    "nowhere": (False, " or http://ollama:{port}."),
}


@pytest.mark.parametrize(("is_near", "says"), LOCALHOST.values(), ids=LOCALHOST)
def test_localhost_in_a_container(is_near: bool, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"http://localhost:{free_port()}"
    with RoutesServer(GOOD) as near:
        monkeypatch.setattr(doctor_network, "other_addresses", lambda *_, **__: (near.url,) if is_near else ())
        diagnosis = BRIDGE.run(lambda: diagnose(server_of(settings_of({"base_url": url})), limits=SHORT))
        with pytest.raises(CredentialsValidateFailedError) as caught:
            LANGUAGE("chat", {"base_url": url})
    assert str(caught.value) == diagnosis.sentence, "the form shows the doctor's sentence"
    assert diagnosis.sentence.startswith(f"Nothing accepts connections at {url}")
    assert diagnosis.sentence.endswith(says.format(url=near.url, port=url.rpartition(":")[2]))
    assert faults(diagnosis.sentence) == []


WELL: dict[str, tuple[Routes, str, str]] = {
    "new": (GOOD, "", "is ready."),
    "with the model": (GOOD, "chat", 'is ready and has the model "chat".'),
    "from source": ({**GOOD, "/api/version": json_reply({"version": "0.0.0"})}, "", "is ready."),
    "old": ({**GOOD, "/api/version": recorded("version", "0.5.13")}, "", "is ready, but its version 0.5.13 is old and does not say"),
    "not so old": ({**GOOD, "/api/version": recorded("version", "0.9.6")}, "", "is old and shortens prompts that are too long without"),
    "version hidden": ({**GOOD, "/api/version": page(403)}, "", "is ready, but its version is unknown, as /api/version gave a web page"),
    "version failing": ({**GOOD, "/api/version": ERROR}, "chat", 'has the model "chat", but its version is unknown, as /api/version gave'),
    "version silent": ({**GOOD, "/api/version": silence}, "", "/api/version gave no answer in time, and counts as the newest: try again"),
    "list hidden": (
        {**GOOD, "/api/tags": reply(403)},
        "chat",
        'has the model "chat", but its list of models is missing, as /api/tags gave status 403: let',
    ),
    "all but the model hidden": (
        {"/": recorded("root"), "/api/show": recorded("show-chat"), "*": reply(404)},
        "chat",
        "/api/version gave status 404",
    ),
}


@pytest.mark.parametrize(("routes", "model", "says"), WELL.values(), ids=WELL)
def test_well(routes: Routes, model: str, says: str) -> None:
    with RoutesServer(routes) as server:
        diagnosis = BRIDGE.run(lambda: diagnose(server_of(settings_of({"base_url": server.url})), model=model, limits=SHORT))
        if model:
            LANGUAGE(model, {"base_url": server.url})
    assert diagnosis.sentence.startswith(f"Ollama at {server.url} is ready")
    assert says in diagnosis.sentence
    assert faults(diagnosis.sentence) == []
    assert diagnosis.exit_code == 0
