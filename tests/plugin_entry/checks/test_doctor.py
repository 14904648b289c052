"""The doctor against servers on the loopback address, good and bad, each from the first check to the last sentence."""

import asyncio
import socket
import ssl
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from fixtures.recordings import every, load
from fixtures.replay import ReplayServer, ThreadedReplayServer
from plugin_entry.checks import doctor_network
from plugin_entry.checks.doctor import ABOUT_MODELS, CHECKS, CONNECTION_CHECKS, diagnose
from plugin_entry.checks.probing import ProbeLimits, Surroundings, read_surroundings
from plugin_entry.network.server import SERVERS, Server, server_of, settings_of
from tests.servers.asyncio_server import Answers, Talk, answering, free_port, hang_up, listening, not_http, reply, silence
from translator.diagnosis.conclusion import EXIT_CODES, Diagnosis, Layer
from translator.settings.base_url import BaseUrl

ROOT = Path(__file__).parents[3]
TLS = Path(__file__).parents[2] / "data" / "tls"
SHORT = ProbeLimits(connect=0.3, answer=0.3, guess=0.3)
LONG = ProbeLimits(connect=5, answer=5, guess=5)
DOCKER = Surroundings(container="Docker", gateway="172.17.0.1")


@pytest.fixture(autouse=True)
def guesses(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses tried elsewhere; none unless a test says so, as a real Ollama may run next door."""
    places: list[str] = []
    monkeypatch.setattr(doctor_network, "other_addresses", lambda *_, **__: tuple(places))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    return places


def server(url: str, **saved: str) -> Server:
    return server_of(settings_of({"base_url": url, **saved}))


def examined(
    talk: Talk, *, scheme: str = "http", model: str = "", limits: ProbeLimits = LONG, saved: Mapping[str, str] | None = None
) -> Diagnosis:
    """The diagnosis of a server that talks like this."""

    async def run() -> Diagnosis:
        async with listening(talk) as port:
            reached = server(f"{scheme}://127.0.0.1:{port}", **(saved or {}))
            return await diagnose(reached, model=model, limits=limits, surroundings=DOCKER)

    return asyncio.run(run())


def steps(diagnosis: Diagnosis) -> list[str]:
    return [finding.step.name if finding.ok else f"{finding.step.name}!" for finding in diagnosis.findings]


def replayed(address: str, model: str = "") -> Diagnosis:
    """The diagnosis of a server of that version."""

    async def run() -> Diagnosis:
        async with ReplayServer(every()) as recordings:
            return await diagnose(server(recordings.url_of(address)), model=model, limits=LONG, surroundings=Surroundings())

    return asyncio.run(run())


PAGE = reply("<!DOCTYPE html><html><title>Welcome to nginx!</title></html>", "200 OK", "text/html")
OPENAI = {"/v1/models": reply('{"object":"list","data":[{"id":"gpt"}]}')}
VERSION = {"/api/version": reply('{"version":"0.24.0"}')}
NO_MODELS = {**VERSION, "/api/tags": reply('{"models":[]}')}
ONE_MODEL = {**VERSION, "/api/tags": reply('{"models":[{"name":"qwen3:8b"}]}')}
NO_SUCH_MODEL = reply('{"error":"model \'qwen\' not found"}', "404 Not Found")
DOWN = reply('{"error":"something broke"}', "500 Internal Server Error")
PROXY_LOGIN = reply("<html><title>401 Authorization Required</title></html>", "401 Unauthorized", "text/html")

TROUBLES: dict[str, tuple[Talk, Layer, str]] = {
    "page instead of a server": (answering({"*": PAGE}), Layer.SERVER, "answers a web page, not Ollama"),
    "server with OpenAI's API": (
        answering(OPENAI),
        Layer.SERVER,
        "a server with OpenAI's API, not Ollama: add it through Dify's provider",
    ),
    "LM Studio": (
        answering({"*": reply('{"error":"Unexpected endpoint or method. (GET /api/version)"}'), **OPENAI}),
        Layer.SERVER,
        "answers LM Studio, not Ollama: add it through Dify's provider for OpenAI-compatible APIs (base URL http://host:port/v1)",
    ),
    "Open WebUI": (
        answering({**VERSION, "/api/tags": PAGE, "/api/config": reply('{"features":{},"oauth":{}}')}),
        Layer.SERVER,
        "answers Open WebUI, not Ollama; Open WebUI passes Ollama's own routes under /ollama",
    ),
    "Open WebUI that wants a key": (
        answering({"*": reply("", "401 Unauthorized"), "/api/config": reply('{"features":{},"oauth":{}}')}),
        Layer.SERVER,
        "answers Open WebUI, not Ollama; Open WebUI passes Ollama's own routes under /ollama",
    ),
    "LiteLLM that wants a key": (
        answering({"*": reply("", "401 Unauthorized", "application/json", "x-litellm-version: 1.90.0")}),
        Layer.SERVER,
        "answers a LiteLLM proxy, not Ollama",
    ),
    "rerank service": (
        answering({"/info": reply(load("rerank", "tei-info").body.decode())}),
        Layer.SERVER,
        "answers a Text Embeddings Inference server, not Ollama; it can serve for reranking",
    ),
    "unknown server": (answering({}), Layer.SERVER, "answers something unknown, not Ollama"),
    "proxy that wants a login": (answering({"*": PROXY_LOGIN}), Layer.KEY, "API key"),
    "models behind a login": (answering({**VERSION, "/api/tags": reply("", "401 Unauthorized")}), Layer.KEY, "API key"),
    "proxy that finds nobody": (answering({"*": reply("<html>nginx</html>", "502 Bad Gateway", "text/html")}), Layer.HTTP, "nginx"),
    "server that refuses names": (answering({"*": reply("", "403 Forbidden", "text/plain")}), Layer.HTTP, "OLLAMA_HOST=0.0.0.0"),
    "redirect elsewhere": (
        answering({"*": reply("", "302 Found", "text/html", "Location: https://auth.example/login")}),
        Layer.HTTP,
        "redirects to https://auth.example,",
    ),
    "redirect in a circle": (answering({"*": reply("", "307 Temporary", "text/html", "Location: /x")}), Layer.HTTP, "in a circle"),
    "hangs up": (hang_up, Layer.HTTP, "closed the connection"),
    "another protocol": (not_http, Layer.HTTP, "does not speak proper HTTP"),
    "no models": (answering(NO_MODELS), Layer.MODELS, "The server has no models yet: run `ollama pull"),
    "broken description": (answering({**ONE_MODEL, "/api/show": DOWN}), Layer.MODEL, "something broke"),
    "no such model": (answering({**ONE_MODEL, "/api/show": NO_SUCH_MODEL}), Layer.MODEL, "the nearest names it has: qwen3:8b"),
}


@pytest.mark.parametrize(("talk", "step", "part"), TROUBLES.values(), ids=TROUBLES)
def test_trouble_is_found_at_its_step(talk: Talk, step: Layer, part: str) -> None:
    diagnosis = examined(talk, model="qwen")
    assert part in diagnosis.sentence
    assert diagnosis.exit_code == EXIT_CODES[step]
    assert [found for found in steps(diagnosis) if found.endswith("!")] == [f"{step.name}!"]
    assert steps(diagnosis)[-1] == "CONTAINER"


def test_silent_server_is_given_up() -> None:
    diagnosis = examined(silence, limits=SHORT)
    assert steps(diagnosis) == ["PROXY", "TCP", "HTTP!", "CONTAINER"]
    assert "took the request and answered nothing within 0.3 seconds" in diagnosis.sentence


def test_silent_server_within_the_budget() -> None:
    async def run() -> Diagnosis:
        async with listening(silence) as port:
            return await diagnose(server(f"http://127.0.0.1:{port}"), limits=LONG, budget_s=0.2, surroundings=DOCKER)

    diagnosis = asyncio.run(run())
    assert steps(diagnosis) == ["PROXY", "TCP", "HTTP!"]
    assert "ended after 0.2 seconds" in diagnosis.sentence
    assert diagnosis.exit_code == EXIT_CODES[Layer.HTTP]


def test_black_hole_is_given_up() -> None:
    """A listener whose queue is full drops whoever comes next, as a firewall does."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        waiting = [socket.socket() for _ in range(8)]
        try:
            for each in waiting:
                each.setblocking(False)
                each.connect_ex(("127.0.0.1", port))
            diagnosis = asyncio.run(diagnose(server(f"http://127.0.0.1:{port}"), limits=SHORT, surroundings=DOCKER))
        finally:
            for each in waiting:
                each.close()
    assert steps(diagnosis) == ["PROXY", "TCP!", "CONTAINER"]
    assert "did not accept a connection within 0.3 seconds" in diagnosis.sentence


def test_refused_port_in_a_container() -> None:
    diagnosis = asyncio.run(diagnose(server(f"http://localhost:{free_port()}"), limits=LONG, surroundings=DOCKER))
    assert steps(diagnosis) == ["PROXY", "NAME", "TCP!", "CONTAINER"]
    assert "Nothing accepts connections" in diagnosis.sentence
    assert "container (Docker), whose gateway is 172.17.0.1; localhost is the container itself." in diagnosis.findings[-1].sentence
    assert diagnosis.exit_code == EXIT_CODES[Layer.TCP]


def test_address_that_answers_is_named(guesses: list[str]) -> None:
    heads: list[str] = []

    async def run() -> Diagnosis:
        async with listening(answering(VERSION, heads)) as right, listening(answering({"*": PAGE})) as wrong:
            guesses.extend((f"http://127.0.0.1:{free_port()}", f"http://127.0.0.1:{wrong}", f"http://127.0.0.1:{right}"))
            reached = server(f"http://127.0.0.1:{free_port()}", api_key="sk-secret")
            return await diagnose(reached, limits=LONG, surroundings=DOCKER)

    diagnosis = asyncio.run(run())
    assert steps(diagnosis) == ["PROXY", "TCP!", "CONTAINER", "ELSEWHERE"]
    assert diagnosis.sentence.endswith(f"Ollama answers at {guesses[-1]}: use that as the base URL.")
    assert len(heads) == 1
    assert "sk-secret" not in heads[0], "a guess must not get the key"


def test_addresses_that_do_not_answer_are_named_too(guesses: list[str]) -> None:
    guesses.append(f"http://127.0.0.1:{free_port()}")
    diagnosis = asyncio.run(diagnose(server(f"http://127.0.0.1:{free_port()}"), limits=LONG, surroundings=DOCKER))
    last = diagnosis.findings[-1]
    assert (last.step, last.ok, last.is_note) == (Layer.ELSEWHERE, True, True)
    assert last.sentence == f"No Ollama answers at {guesses[0]} either."
    assert "OLLAMA_HOST=0.0.0.0" in diagnosis.sentence
    assert "host.docker.internal" not in diagnosis.sentence, "what was found dead is no advice"


def test_unknown_name() -> None:
    diagnosis = asyncio.run(diagnose(server("http://no-such-host.invalid"), limits=LONG, surroundings=Surroundings()))
    assert steps(diagnosis) == ["PROXY", "NAME!", "CONTAINER"]
    assert "unknown" in diagnosis.sentence


def test_encryption_on_a_plain_port() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(reply("", "400 Bad Request"))
        await writer.drain()

    for talk in (refuse, silence, hang_up):
        diagnosis = examined(talk, scheme="https", limits=SHORT)
        assert steps(diagnosis) == ["PROXY", "TCP", "TLS!", "CONTAINER"]
    assert "the base URL starts with http://" in examined(refuse, scheme="https", limits=SHORT).sentence


def test_encrypted_port_that_only_hangs_up_on_http_is_recognised() -> None:
    async def run() -> Diagnosis:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(TLS / "server.pem", TLS / "server.key")
        async with listening(answering(ONE_MODEL), context) as port:
            return await diagnose(server(f"http://localhost:{port}"), limits=LONG, surroundings=DOCKER)

    diagnosis = asyncio.run(run())
    assert steps(diagnosis) == ["PROXY", "NAME", "TCP", "HTTP!", "CONTAINER"]
    assert diagnosis.sentence == "The server speaks https on this port, and the base URL says http: write https:// in the base URL."


ENCRYPTED: dict[str, tuple[dict[str, str], list[str], str]] = {
    "unknown authority": ({}, ["PROXY", "NAME", "TCP", "TLS!", "CONTAINER"], "its authority is unknown"),
    "known authority": ({"ca_certificate": str(TLS / "authority.pem")}, ["PROXY", "NAME", "TCP", "TLS", "HTTP"], "is trusted"),
    "no check": ({"verify_tls": "false"}, ["PROXY", "NAME", "TCP", "TLS", "HTTP"], "is not checked"),
}


@pytest.mark.parametrize(("saved", "begin", "part"), ENCRYPTED.values(), ids=ENCRYPTED)
def test_encryption(saved: dict[str, str], begin: list[str], part: str) -> None:
    async def run() -> Diagnosis:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(TLS / "server.pem", TLS / "server.key")
        async with listening(answering(ONE_MODEL), context) as port:
            return await diagnose(server(f"https://localhost:{port}", **saved), limits=LONG, surroundings=DOCKER)

    diagnosis = asyncio.run(run())
    assert steps(diagnosis)[: len(begin)] == begin
    assert any(part in finding.sentence for finding in diagnosis.findings if finding.step is Layer.TLS)


def test_proxy_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://user:hunter2@127.0.0.1:{free_port()}")
    SERVERS.clear()
    diagnosis = asyncio.run(diagnose(server("http://public.example"), limits=LONG, surroundings=DOCKER))
    SERVERS.clear()
    assert steps(diagnosis) == ["PROXY", "TCP!", "CONTAINER"]
    assert "The proxy on the way to http://public.example:80 cannot be reached:" in diagnosis.sentence
    assert "hunter2" not in str(diagnosis)


def test_request_through_a_proxy_names_it() -> None:
    nginx = {path: answer.replace(b"Connection: close", b"Connection: close\r\nVia: 1.1 nginx") for path, answer in ONE_MODEL.items()}
    diagnosis = examined(answering(nginx))
    assert next(finding.sentence for finding in diagnosis.findings if finding.step is Layer.HTTP).endswith("through nginx.")


def test_good_server_with_a_loaded_model() -> None:
    diagnosis = replayed("0.24.0", "chat")
    assert diagnosis.exit_code == 0, diagnosis
    assert diagnosis.sentence.endswith('is ready and has the model "chat".')
    assert steps(diagnosis) == ["PROXY", "TCP", "HTTP", "SERVER", "VERSION", "MODELS", "MODEL", "LOADED", "CONTAINER"]
    told = {finding.step: finding for finding in diagnosis.findings}
    assert told[Layer.VERSION].sentence == "Its version is 0.24.0."
    assert "tool-two:latest: completion, tools; window up to 4,096 tokens" in told[Layer.MODELS].details
    assert told[Layer.MODEL].sentence == "chat: completion; window up to 4,096 tokens."
    assert told[Layer.LOADED].sentence == "The server lists chat as running with a window of 512 tokens, 0 % of it on a GPU."


def test_good_server_without_the_model() -> None:
    diagnosis = replayed("0.24.0", "nope")
    assert diagnosis.exit_code == EXIT_CODES[Layer.MODEL]
    assert 'The server has no model "nope";' in diagnosis.sentence


def test_model_that_is_not_loaded() -> None:
    told = {finding.step: finding for finding in replayed("0.24.0", "embedder").findings}
    assert "embedder is not running" in told[Layer.LOADED].sentence


@pytest.mark.parametrize(
    ("model", "description"),
    {
        "by its name": ("big:cloud", '{"capabilities":["completion"]}'),
        "by its description": ("big", '{"remote_host":"https://ollama.com:443"}'),
    }.values(),
)
def test_nothing_is_said_of_the_memory_for_a_model_in_the_cloud(model: str, description: str) -> None:
    diagnosis = examined(answering({**ONE_MODEL, "/api/show": reply(description), "/api/ps": reply('{"models":[]}')}), model=model)
    assert diagnosis.exit_code == 0, diagnosis
    assert Layer.LOADED not in {finding.step for finding in diagnosis.findings}


def test_old_server() -> None:
    diagnosis = replayed("0.5.13", "chat")
    assert diagnosis.exit_code == 0
    assert "but its version 0.5.13 is old and does not say what its models can do, does not stream" in diagnosis.sentence
    assert diagnosis.sentence.endswith("without a word: update Ollama when you can.")


def test_key_is_sent_and_not_shown() -> None:
    heads: list[str] = []
    diagnosis = examined(answering(ONE_MODEL, heads), saved={"api_key": "sk-secret"})
    assert all("Authorization: Bearer sk-secret" in head for head in heads)
    assert "KEY" in steps(diagnosis)
    assert "sk-secret" not in str(diagnosis)


CLOUD: dict[str, tuple[dict[str, str], Answers, list[str], str]] = {
    "no key": ({}, {}, ["SERVER", "KEY!"], "answers only with an API key"),
    "wrong key": ({"api_key": "k"}, {"/api/me": reply('{"error":"unauthorized"}', "401 Unauthorized")}, ["SERVER", "KEY!"], "key"),
    "good key": ({"api_key": "k"}, {"/api/me": reply('{"name":"x"}')}, ["SERVER", "KEY", "MODELS"], "is ready"),
    "no answer about the key": ({"api_key": "k"}, {}, ["SERVER", "KEY", "MODELS"], "is ready"),
}


@pytest.mark.parametrize(("saved", "answers", "found", "part"), CLOUD.values(), ids=CLOUD)
def test_cloud(saved: dict[str, str], answers: Answers, found: list[str], part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BaseUrl, "is_cloud", property(lambda _: True))
    diagnosis = examined(answering({**ONE_MODEL, "/api/version": reply("{}", "404 Not Found"), **answers}), saved=saved)
    assert [step for step in steps(diagnosis) if step in found] == found
    assert part in diagnosis.sentence


IN_THE_PLUGIN = """
import gevent.monkey
gevent.monkey.patch_all()
import sys
from plugin_entry.network.bridge import Bridge
from plugin_entry.network.server import SERVERS, server_of, settings_of
from plugin_entry.checks.doctor import why_unreachable
bridge = Bridge()
for url in sys.argv[1:]:
    server = server_of(settings_of({"base_url": url}))
    print(bridge.run(lambda: why_unreachable(server, 5, bridge.lookups())))
"""


def test_sentence_for_a_form_on_the_plugin_s_own_loop() -> None:
    """In a process of its own: the plugin's loop never ends, and a thread runs one loop only."""
    refused = f"http://localhost:{free_port()}"
    with ThreadedReplayServer(every(lambda each: each.version == "0.24.0")) as recordings:
        command = [sys.executable, "-c", IN_THE_PLUGIN, refused, f"{recordings.url}/replay/0.24.0"]
        told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout.split("\n")
    assert told[0].startswith(f"Nothing accepts connections at {refused}: ")
    assert told[1:] == ["", ""]


def test_table_of_checks() -> None:
    assert list(CHECKS) == [step for step in Layer if step is not Layer.ADDRESS]
    assert set(CONNECTION_CHECKS) == set(CHECKS) - ABOUT_MODELS


def test_surroundings(tmp_path: Path) -> None:
    (tmp_path / "proc" / "net").mkdir(parents=True)
    (tmp_path / ".dockerenv").touch()
    (tmp_path / "proc" / "net" / "route").write_text("Iface\tDestination\tGateway\tFlags\neth0\t00000000\t010011AC\t0003\n")
    assert read_surroundings(tmp_path, {"https_proxy": "x"}) == Surroundings(container="Docker", gateway="172.17.0.1", names_proxy=True)
    assert read_surroundings(tmp_path / "nowhere", {"HTTP_PROXY": " "}) == Surroundings()
