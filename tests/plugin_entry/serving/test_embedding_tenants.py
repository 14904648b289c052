"""Two tenants behind one gateway: what one of them does never makes the other wait, and nothing learnt of one is used for the other."""

import gevent
import pytest
from gevent.event import Event

from tests.plugin_entry.serving.sdk_requests import embed
from tests.servers.embedding_server import Ollama
from tests.servers.function_server import Asked, FunctionServer
from tests.servers.rerank_services import BEST_FIRST, LLAMA_CPP, TEI, ranked
from translator.shapes.exchange import HttpReply

pytestmark = pytest.mark.usefixtures("_plugin_rests")

A, B = {"api_key": "key-of-a", "concurrency": "1"}, {"api_key": "key-of-b", "concurrency": "1"}


class Gateway:
    """Passes `/a` and `/b` on to one server; requests with vectors for `/a` stall."""

    def __init__(self) -> None:
        self.stalled, self.go = Event(), Event()

    def __call__(self, asked: Asked) -> HttpReply:
        _, tenant, *_ = asked.path.split("/")
        if tenant == "a" and asked.path.endswith("/embed"):
            self.stalled.set()
            self.go.wait()
        return Ollama()(Asked(method=asked.method, path=asked.path.removeprefix(f"/{tenant}"), headers=asked.headers, body=asked.body))


def test_a_stalled_tenant_delays_nobody_else() -> None:
    gateway = Gateway()
    with FunctionServer(gateway) as server:
        stalled = [gevent.spawn(embed, A | {"base_url": f"{server.url}/a"}, ["text"]) for _ in range(3)]
        assert gateway.stalled.wait(10)
        with gevent.Timeout(10):
            assert len(embed(B | {"base_url": f"{server.url}/b"}, ["text"]).embeddings) == 1
            assert len(embed({"base_url": f"{server.url}/b"}, ["text"]).embeddings) == 1
        assert [job.dead for job in stalled] == [False] * 3
        gateway.go.set()
        gevent.joinall(stalled, timeout=10, raise_error=True)


def test_what_one_key_was_told_is_not_used_for_another() -> None:
    """Behind one address a key may decide which service answers."""

    def answer(asked: Asked) -> HttpReply:
        return (TEI if asked.headers.get("Authorization") == "Bearer key-of-a" else LLAMA_CPP)(asked)

    with FunctionServer(answer) as server:
        for key in ("key-of-a", "key-of-b", "key-of-a", "key-of-b"):
            assert ranked({"base_url": f"{server.url}/rerank", "api_key": key}) == BEST_FIRST
        assert len(server.asked) == 5, "the dialect of each is learnt once"
