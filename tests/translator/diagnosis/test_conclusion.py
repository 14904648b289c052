"""What findings mean, who answers, and where else a server may be: all without a connection."""

import pytest

from fixtures.recordings import load, ollama_versions, scenarios
from translator.diagnosis.conclusion import EXIT_CODES, TROUBLES, Finding, Layer, conclude, trouble_in
from translator.diagnosis.containers import advice, container_word, default_gateway, other_addresses
from translator.diagnosis.server_kinds import FURTHER_ROUTES, MODELS, REMEDIES, ROOT, SIGNS, TAGS, VERSION, ServerKind, kind_of, not_ollama
from translator.errors import Family, RequestError
from translator.settings.base_url import parse_base_url
from translator.shapes.exchange import HttpReply

PLACE = "http://localhost:11434"
WELL = Finding(step=Layer.TCP, ok=True, sentence="Port 11434 accepts connections.")
BAD = Finding(step=Layer.HTTP, ok=False, sentence="It answers nothing.", remedy="Wait.")
ELSEWHERE = Finding(step=Layer.ELSEWHERE, ok=True, sentence="Ollama answers at X.", address="http://ollama:11434")

MEANINGS: dict[str, tuple[tuple[Finding, ...], str, str, int]] = {
    "nothing looked at": ((), "", f"Ollama at {PLACE} is ready.", 0),
    "all well": ((WELL,), "", f"Ollama at {PLACE} is ready.", 0),
    "all well with a model": ((WELL,), "qwen3:8b", f'Ollama at {PLACE} is ready and has the model "qwen3:8b".', 0),
    "something to add": (
        (WELL, Finding(step=Layer.VERSION, ok=True, sentence="It is old.", remedy="Update it.")),
        "",
        f"Ollama at {PLACE} is ready, but it is old: update it.",
        0,
    ),
    "trouble": ((WELL, BAD), "qwen3:8b", "It answers nothing: wait.", EXIT_CODES[Layer.HTTP]),
    "first trouble counts": (
        (Finding(step=Layer.NAME, ok=False, sentence="No such name."), BAD),
        "",
        "No such name.",
        EXIT_CODES[Layer.NAME],
    ),
    "an address that answers is better than advice": (
        (BAD, ELSEWHERE),
        "",
        "It answers nothing, but Ollama answers at http://ollama:11434: use that as the base URL.",
        EXIT_CODES[Layer.HTTP],
    ),
}


@pytest.mark.parametrize(("findings", "model", "sentence", "code"), MEANINGS.values(), ids=MEANINGS)
def test_meaning(findings: tuple[Finding, ...], model: str, sentence: str, code: int) -> None:
    diagnosis = conclude(findings, place=PLACE, model=model)
    assert (diagnosis.findings, diagnosis.sentence, diagnosis.exit_code) == (findings, sentence, code)


def test_every_step_has_an_exit_code_of_its_own() -> None:
    assert set(EXIT_CODES) == set(Layer)
    assert len(set(EXIT_CODES.values())) == len(Layer)
    assert all(2 < code < 126 for code in EXIT_CODES.values()), "1 and 2 are the command line's, 126 and above the shell's"


def test_what_exit_codes_mean_is_told_in_the_order_of_the_steps() -> None:
    assert list(TROUBLES) == [step for step in Layer if step in TROUBLES]
    assert all(meaning and not meaning.endswith(".") for meaning in TROUBLES.values())


def test_error_becomes_a_finding() -> None:
    finding = Finding.of_error(Layer.ADDRESS, RequestError.of("x", "Cause.", "Remedy."))
    assert finding == Finding(step=Layer.ADDRESS, ok=False, sentence="Cause.", remedy="Remedy.")
    assert trouble_in([WELL, finding]) is finding
    assert trouble_in([WELL]) is None


def json_reply(text: str) -> HttpReply:
    return HttpReply(status=200, headers={"content-type": "application/json"}, body=text.encode())


def recorded(scenario: str) -> HttpReply:
    version, _, name = scenario.partition("/")
    exchange = load(version, name)
    return HttpReply(status=exchange.status, headers=dict(exchange.headers), body=exchange.body)


PAGE = HttpReply(status=200, headers={"Content-Type": "text/html"}, body=b"<!DOCTYPE html><title>ServerSign in</title>")
NO_ROUTE = recorded("0.24.0/error-unknown-route")
TAGS_REPLY = recorded("0.24.0/tags")

KINDS: dict[str, tuple[dict[str, HttpReply], ServerKind]] = {
    "Open WebUI": (
        {VERSION: json_reply('{"version":"0.6.5"}'), TAGS: PAGE, "/api/config": json_reply('{"name":"x","features":{},"oauth":{}}')},
        ServerKind.OPEN_WEBUI,
    ),
    "llama.cpp": (
        {VERSION: recorded("rerank/llamacpp-wrong-path-api"), TAGS: TAGS_REPLY, MODELS: recorded("rerank/llamacpp-v1-models")},
        ServerKind.LLAMA_CPP,
    ),
    "llama.cpp with a key": ({VERSION: NO_ROUTE, MODELS: recorded("rerank/llamacpp-unauthorized-models")}, ServerKind.LLAMA_CPP),
    "llama.cpp behind a proxy": ({VERSION: NO_ROUTE, "/props": json_reply('{"default_generation_settings":{}}')}, ServerKind.LLAMA_CPP),
    "TEI": ({VERSION: recorded("rerank/tei-wrong-path-api"), "/info": recorded("rerank/tei-info")}, ServerKind.TEI),
    "Xinference": ({VERSION: NO_ROUTE, MODELS: recorded("rerank/xinference-models")}, ServerKind.XINFERENCE),
    "Xinference without models": (
        {MODELS: json_reply('{"object":"list","data":[]}'), "/v1/cluster/auth": recorded("rerank/xinference-cluster-auth")},
        ServerKind.XINFERENCE,
    ),
    "OpenAI's API": ({VERSION: NO_ROUTE, MODELS: json_reply('{"object":"list","data":[{"id":"x"}]}')}, ServerKind.OPENAI),
    "LM Studio": (
        {
            VERSION: json_reply('{"error":"Unexpected endpoint or method. (GET /api/version)"}'),
            MODELS: json_reply('{"object":"list","data":[]}'),
        },
        ServerKind.LM_STUDIO,
    ),
    "vLLM": (
        {VERSION: NO_ROUTE, TAGS: NO_ROUTE, MODELS: json_reply('{"object":"list","data":[{"id":"x","object":"model","owned_by":"vllm"}]}')},
        ServerKind.VLLM,
    ),
    "LiteLLM": ({VERSION: NO_ROUTE, "/health/liveliness": json_reply('"I\'m alive!"')}, ServerKind.LITELLM),
    "LiteLLM that wants a key": (
        {VERSION: NO_ROUTE, "/health/liveliness": HttpReply(status=401, headers={"x-litellm-version": "1.90.0"})},
        ServerKind.LITELLM,
    ),
    "sign-in page": ({VERSION: PAGE, TAGS: PAGE}, ServerKind.WEB_PAGE),
    "page at the root": ({VERSION: NO_ROUTE, "/": PAGE}, ServerKind.WEB_PAGE),
    "version of something else": ({VERSION: json_reply('{"version":"1.0"}'), TAGS: NO_ROUTE}, ServerKind.OTHER),
    "version that is no text": ({VERSION: json_reply('{"version":1}'), TAGS: TAGS_REPLY}, ServerKind.OTHER),
    "half a version, and no models": ({VERSION: json_reply('{"version":"0.24.0","x":1}'), TAGS: NO_ROUTE}, ServerKind.OTHER),
    "models of something else": ({VERSION: NO_ROUTE, TAGS: json_reply('{"models":["a"]}')}, ServerKind.OTHER),
    "llama.cpp that shows its models alone": (
        {TAGS: HttpReply(status=200, headers={"Server": "llama.cpp"}, body=b'{"models":[{"name":"x"}]}')},
        ServerKind.LLAMA_CPP,
    ),
    "Ollama whose version is hidden": ({VERSION: NO_ROUTE, TAGS: TAGS_REPLY}, ServerKind.OLLAMA),
    "Ollama behind a page": ({VERSION: PAGE, TAGS: TAGS_REPLY}, ServerKind.OLLAMA),
    "Ollama whose list fails": ({VERSION: recorded("0.24.0/version"), TAGS: HttpReply(status=500)}, ServerKind.OLLAMA),
    "Ollama with a page for a list": ({VERSION: recorded("0.33.0-rc2/version"), TAGS: PAGE, ROOT: PAGE}, ServerKind.OLLAMA),
    "Ollama with a list of OpenAI's": (
        {VERSION: recorded("0.24.0/version"), MODELS: json_reply('{"object":"list","data":[{"id":"x"}]}')},
        ServerKind.OLLAMA,
    ),
    "Ollama that says so": ({VERSION: HttpReply(status=500), TAGS: NO_ROUTE, ROOT: recorded("0.24.0/root")}, ServerKind.OLLAMA),
    "a list": ({VERSION: json_reply("[]"), TAGS: json_reply("[]")}, ServerKind.OTHER),
    "no JSON": ({VERSION: json_reply("{"), TAGS: json_reply("ok")}, ServerKind.OTHER),
    "nothing": ({}, ServerKind.OTHER),
    "Ollama without models": ({VERSION: json_reply('{"version":"0.24.0"}'), TAGS: json_reply('{"models":null}')}, ServerKind.OLLAMA),
}


@pytest.mark.parametrize(("seen", "kind"), KINDS.values(), ids=KINDS)
def test_kind(seen: dict[str, HttpReply], kind: ServerKind) -> None:
    assert kind_of(seen) is kind


@pytest.mark.parametrize("version", [version for version in ollama_versions() if {"version", "tags"} <= set(scenarios(version))])
def test_every_recorded_ollama_is_recognised(version: str) -> None:
    assert kind_of({VERSION: recorded(f"{version}/version"), TAGS: recorded(f"{version}/tags")}) is ServerKind.OLLAMA


def test_every_kind_is_found_by_a_case_and_has_a_remedy() -> None:
    assert {kind for _, kind in KINDS.values()} == set(ServerKind)
    assert set(REMEDIES) == set(ServerKind) - {ServerKind.OLLAMA}
    assert {sign.route for sign in SIGNS} <= {VERSION, TAGS, *FURTHER_ROUTES}


def test_something_else_is_named() -> None:
    error = not_ollama(ServerKind.TEI, PLACE)
    assert str(error).startswith(f"At {PLACE} answers a Text Embeddings Inference server, not Ollama. It can serve for reranking")
    assert (error.code, error.family) == ("not_ollama", Family.CONNECTION)


CONTAINERS: dict[str, tuple[list[str], str, dict[str, str], str]] = {
    "bare machine": ([], "0::/init.scope", {}, ""),
    "Docker by its file": ([".dockerenv"], "0::/", {}, "Docker"),
    "Podman by its file": (["run/.containerenv"], "0::/", {}, "Podman"),
    "Docker by its control group": ([], "12:cpu:/docker/3f2a\n", {}, "Docker"),
    "Kubernetes by its variable": ([".dockerenv"], "", {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "Kubernetes"),
    "Kubernetes by its control group": ([], "1:name=systemd:/kubepods/burstable/pod1/docker-1", {}, "Kubernetes"),
    "empty variable": ([], "", {"KUBERNETES_SERVICE_HOST": ""}, ""),
}


@pytest.mark.parametrize(("marks", "cgroup", "environment", "word"), CONTAINERS.values(), ids=CONTAINERS)
def test_container(marks: list[str], cgroup: str, environment: dict[str, str], word: str) -> None:
    assert container_word(marks, cgroup, environment) == word


HEADING = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n"
ROUTES: dict[str, tuple[str, str | None]] = {
    "Docker": (f"{HEADING}eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\neth0\t000011AC\t00000000\t0001\t0\n", "172.17.0.1"),
    "default comes second": (f"{HEADING}eth0\t000011AC\t00000000\t0001\neth0\t00000000\t0101A8C0\t0003\n", "192.168.1.1"),
    "no default": (f"{HEADING}eth0\t000011AC\t00000000\t0001\n", None),
    "default without gateway": (f"{HEADING}tun0\t00000000\t00000000\t0001\n", None),
    "garbage": (f"{HEADING}\nx y z w\n", None),
    "empty": ("", None),
}


@pytest.mark.parametrize(("text", "gateway"), ROUTES.values(), ids=ROUTES)
def test_gateway(text: str, gateway: str | None) -> None:
    assert default_gateway(text) == gateway


PLACES: dict[str, tuple[str, bool, str | None, tuple[str, ...]]] = {
    "loopback in a container": (
        "http://localhost:11434",
        True,
        "172.17.0.1",
        (
            "http://host.docker.internal:11434",
            "http://host.containers.internal:11434",
            "http://172.17.0.1:11434",
            "http://ollama:11434",
        ),
    ),
    "service name in a container": (
        "http://ollama:11434",
        True,
        None,
        ("http://host.docker.internal:11434", "http://host.containers.internal:11434"),
    ),
    "wrong port outside": (
        "http://localhost:11343",
        False,
        "192.168.1.1",
        (
            "http://localhost:11434",
            "http://127.0.0.1:11434",
            "http://host.docker.internal:11343",
            "http://host.docker.internal:11434",
            "http://ollama:11343",
            "http://ollama:11434",
        ),
    ),
    "encryption and path": (
        "https://127.0.0.1:11434/foo",
        False,
        None,
        ("http://127.0.0.1:11434", "http://host.docker.internal:11434", "http://ollama:11434"),
    ),
    "IPv6": ("http://[::1]:11434", False, None, ("http://host.docker.internal:11434", "http://ollama:11434")),
    "public": ("https://gate.example", True, "172.17.0.1", ()),
    "cloud": ("https://ollama.com", True, "172.17.0.1", ()),
}


@pytest.mark.parametrize(("url", "inside", "gateway", "places"), PLACES.values(), ids=PLACES)
def test_other_addresses(url: str, inside: bool, gateway: str | None, places: tuple[str, ...]) -> None:
    assert other_addresses(parse_base_url(url), inside=inside, gateway=gateway) == places


ADVICE: dict[str, tuple[str, bool, str | None, str]] = {
    "another machine": (
        "http://192.168.1.5:11434",
        True,
        "172.17.0.1",
        "Start Ollama there with OLLAMA_HOST=0.0.0.0, let the port through the firewall, or correct the base URL.",
    ),
    "this machine": ("http://localhost:11434", False, None, "Start Ollama there, or correct the base URL."),
    "this container": (
        "http://localhost:11434",
        True,
        "172.18.0.1",
        "Inside a container that is the container itself; start Ollama with OLLAMA_HOST=0.0.0.0 and use "
        "http://host.docker.internal:11434, http://172.18.0.1:11434 or http://ollama:11434.",
    ),
    "no gateway, another port": (
        "http://127.0.0.2:8080",
        True,
        None,
        "Inside a container that is the container itself; start Ollama with OLLAMA_HOST=0.0.0.0 and use "
        "http://host.docker.internal:8080 or http://ollama:8080.",
    ),
    "the standard port": (
        "http://127.0.0.1",
        False,
        None,
        "Start Ollama there, or correct the base URL; port 80 was tried, and Ollama listens on 11434.",
    ),
}


@pytest.mark.parametrize(("url", "inside", "gateway", "told"), ADVICE.values(), ids=ADVICE)
def test_advice(url: str, inside: bool, gateway: str | None, told: str) -> None:
    assert advice(parse_base_url(url), inside=inside, gateway=gateway) == told
