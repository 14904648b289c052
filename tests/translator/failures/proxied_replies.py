"""Refusals whose headers tell of a proxy: what was sent, and what a user reads. For the catalogues of Ollama and of rerank services."""

from collections.abc import Mapping

import attrs

AROUND = "let the plugin go around it if it is the system proxy (proxy setting `never`, or NO_PROXY)."
VIA: Mapping[str, str] = {"Via": "1.1 squid"}
SQUID: Mapping[str, str] = {"Via": "1.1 cache7 (squid/5.7)", "X-Squid-Error": "ERR_ACCESS_DENIED 0", "Server": "squid/5.7"}
PAGE = b"<html><head><title>ERROR</title></head><body><p>Access Denied.</p></body></html>"


@attrs.frozen(slots=True, kw_only=True)
class Proxied:
    """One refusal. `code` and `text` are those of Ollama's catalogue, `service_code` is that of rerank services."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    code: str
    text: str
    service_code: str


PROXIED_REPLIES: Mapping[str, Proxied] = {
    "403 in JSON, passed on": Proxied(
        status=403,
        body=b'{"error":"forbidden by policy"}',
        headers=VIA,
        code="proxy_or_key",
        text="The request was refused (status 403), either by a proxy (squid) in between or by the server for its API key. The "
        f'server said: "forbidden by policy". Check the API key in the credentials and the proxy\'s access rules, or {AROUND}',
        service_code="proxy_or_key",
    ),
    "401 in words that are not Ollama's": Proxied(
        status=401,
        body=b'{"message":"Unauthorized"}',
        headers={"Via": "1.1 gate.example:8080"},
        code="proxy_or_key",
        text="The request was refused (status 401), either by a proxy (gate.example) in between or by the server for its API key. "
        f'The server said: "Unauthorized". Check the API key in the credentials and the proxy\'s access rules, or {AROUND}',
        service_code="proxy_or_key",
    ),
    "401 in ollama.com's words": Proxied(
        status=401,
        body=b'{"error":"unauthorized"}',
        headers={"Via": "1.1 google"},
        code="unauthorized",
        text="The server does not accept the API key, or wants one. Check the API key in the credentials.",
        service_code="proxy_or_key",
    ),
    "401 in the words of llama.cpp": Proxied(
        status=401,
        body=b'{"error":{"message":"Invalid API Key","type":"authentication_error","code":401}}',
        headers=VIA,
        code="proxy_or_key",
        text="The request was refused (status 401), either by a proxy (squid) in between or by the server for its API key. The "
        f'server said: "Invalid API Key". Check the API key in the credentials and the proxy\'s access rules, or {AROUND}',
        service_code="rerank_unauthorized",
    ),
    "403 without a word": Proxied(
        status=403,
        body=b"",
        headers=VIA,
        code="host_refused",
        text="The request was refused without a word (status 403), by a proxy (squid) in between, or by an Ollama that refuses "
        "foreign hosts. Let the proxy send `Host: localhost:11434`, or start Ollama with OLLAMA_HOST=0.0.0.0; else check the "
        f"proxy's access rules, or {AROUND}",
        service_code="proxy_or_key",
    ),
    "403 that squid wrote": Proxied(
        status=403,
        body=PAGE,
        headers=SQUID,
        code="proxy_refused",
        text='A proxy (squid) on the way to the server refused the request (status 403). The proxy said: "ERROR". Allow the server\'s '
        f"address in the access rules of the proxy, or {AROUND}",
        service_code="proxy_refused",
    ),
    "403 page of some proxy": Proxied(
        status=403,
        body=PAGE,
        headers={"Via": "1.1 gate.example"},
        code="proxy_refused",
        text='A proxy (gate.example) in front of the server refused the request (status 403). The server said: "ERROR". Allow the '
        f"address of Dify there, send the headers it wants, or {AROUND}",
        service_code="proxy_refused",
    ),
    "407": Proxied(
        status=407,
        body=b"",
        headers={"Proxy-Authenticate": 'Basic realm="Squid proxy-caching web server"'},
        code="proxy_sign_in",
        text="A proxy (squid) between Dify and the server wants a user name and password. Let the plugin go around the proxy (proxy "
        "setting `never`, or NO_PROXY), or give the proxy's URL with credentials.",
        service_code="proxy_sign_in",
    ),
    "503 in JSON that a proxy wrote": Proxied(
        status=503,
        body=b'{"error":"upstream away"}',
        headers={"Proxy-Status": '"edge-1.example"; error=connection_refused'},
        code="proxy_gateway",
        text="A proxy (edge-1.example) answered instead of the server (status 503): it cannot reach the server, or the server is "
        "down. Check that the server runs, and whether a proxy lies in between that should not (NO_PROXY).",
        service_code="proxy_gateway",
    ),
    "503 in JSON, passed on": Proxied(
        status=503,
        body=b'{"error":"come back later"}',
        headers={"Via": "2 caddy"},
        code="unavailable",
        text='The server cannot answer at the moment (status 503). The server said: "come back later". A proxy (caddy) in between '
        "may have made this reply itself. Try again in a moment.",
        service_code="rerank_loading",
    ),
    "504 that a proxy wrote": Proxied(
        status=504,
        body=b'{"error":"slow"}',
        headers={"Proxy-Status": "envoy-7; error=http_response_timeout"},
        code="proxy_timeout",
        text="A proxy (envoy) in front of the server gave up waiting for an answer (status 504). Raise the read timeout of the "
        "proxy: loading a large model can take minutes.",
        service_code="proxy_timeout",
    ),
    "404 of a router that Ollama shares with others": Proxied(
        status=404,
        body=b"404 page not found",
        headers={"X-Cache": "MISS from cache7.example"},
        code="route_missing",
        text="The server answers, but it has no /api/chat. A proxy (cache7.example) in between may have made this reply itself. "
        "Check the base URL: scheme, host and port only, such as http://192.168.1.5:11434, without /api or /v1 at the end. If "
        "the base URL is right, the Ollama server is too old: update it.",
        service_code="rerank_path_unknown",
    ),
    "a model that is missing behind a proxy": Proxied(
        status=404,
        body=b'{"error":"model \'qwen3\' not found"}',
        headers=VIA,
        code="model_missing",
        text='The server has no model named "qwen3". Run `ollama pull qwen3` on the machine where Ollama runs, or choose a model '
        "that `ollama list` shows.",
        service_code="rerank_model_unknown",
    ),
    "a request too large for a proxy": Proxied(
        status=413,
        body=b"",
        headers={"Server": "squid/6.1"},
        code="body_too_large",
        text="The request is larger than the server, or a proxy (squid) in front of it, accepts. Send fewer or smaller pictures and "
        "texts, or raise the limit (nginx: client_max_body_size; TEI: --payload-limit).",
        service_code="rerank_too_large",
    ),
    "nothing known, written by a proxy": Proxied(
        status=400,
        body=b"bad request",
        headers={"Server": "tinyproxy/1.11"},
        code="unknown",
        text='The server refused the request (status 400). The proxy said: "bad request". A proxy (tinyproxy) in between made this '
        "reply, not the server. Look into the log of the server; if the plugin is at fault, please report this message.",
        service_code="rerank_refused",
    ),
    "through the proxy that the plugin asked": Proxied(
        status=500,
        body=b'{"error":"something new"}',
        headers={"Via": "1.1 system-proxy"},
        code="unknown",
        text='The server failed (status 500). The server said: "something new". The system proxy in between may have made this reply '
        "itself. Look into the log of the server; if the plugin is at fault, please report this message.",
        service_code="rerank_failed",
    ),
}
