"""Reranking with models that Ollama itself serves, from a request of Dify's daemon to its answer, over real connections."""

import attrs
import pytest
from dify_plugin.errors.model import CredentialsValidateFailedError, InvokeBadRequestError

from fixtures.recordings import load
from tests.plugin_entry.serving.sdk_requests import rerank, validate
from tests.servers.function_server import WORK_S, Asked, FunctionServer
from tests.translator.plan_driver import json_reply, recorded
from translator.shapes.exchange import HttpReply

pytestmark = pytest.mark.usefixtures("_plugin_rests")


@attrs.frozen(kw_only=True)
class Ollama:
    """Embeds a text by its first letter, and answers yes the more probably the longer the document is."""

    version: str = "0.24.0"
    capabilities: tuple[str, ...] = ("completion",)

    def __call__(self, asked: Asked) -> HttpReply:
        match asked.route:
            case "/api/version":
                return json_reply({"version": self.version})
            case "/api/show":
                facts = {"general.architecture": "qwen3", "qwen3.context_length": 40_960}
                return json_reply({"capabilities": list(self.capabilities), "model_info": facts, "details": {"family": "qwen3"}})
            case "/api/embed":
                vectors = [[1.0, (ord(text[0]) - ord("a")) / 10 + 0.01] for text in asked.body["input"]]
                return json_reply({"embeddings": vectors, "prompt_eval_count": 5})
            case "/api/generate" | "/api/chat":
                question = asked.body.get("prompt") or asked.body["messages"][-1]["content"]
                return judged(-1.0 / len(question))
            case _:
                return recorded(load("0.24.0", "error-unknown-route"))


def judged(yes: float) -> HttpReply:
    tops = [{"token": "yes", "logprob": yes}, {"token": "no", "logprob": -2.0}]
    return json_reply({"response": "yes", "done": True, "prompt_eval_count": 9, "logprobs": [{**tops[0], "top_logprobs": tops}]})


@pytest.mark.parametrize(("model", "route"), [("qwen3-reranker:0.6b", "/api/generate"), ("qwen3:8b", "/api/chat")])
def test_ollama_reranks_with_probabilities(model: str, route: str) -> None:
    docs = ["short", "much longer", "longest of all"] + [f"document {'x' * number}" for number in range(20)]
    with FunctionServer(Ollama(), work_s=WORK_S) as server:
        saved = {"base_url": server.url, "rerank_service": "ollama", "keep_alive": "1h"}
        result = rerank(saved, "q", docs, model=model, top_n=2)
    assert [doc.index for doc in result.docs] == [22, 21]
    assert 0 < result.docs[0].score <= 1
    bodies = server.bodies(route)
    assert len(bodies) == 23
    assert all((body["logprobs"], body["options"]["num_predict"], body["keep_alive"]) == (True, 1, "1h") for body in bodies)
    assert server.most_at_once == 4


def test_own_prompt_is_sent_as_it_is_with_its_line_breaks() -> None:
    with FunctionServer(Ollama()) as server:
        saved = {"base_url": server.url, "rerank_service": "ollama", "rerank_template": "Q: {query}\\nD: {document}\\nA:"}
        rerank(saved, "why", ["because"])
    assert [(body["prompt"], body["raw"]) for body in server.bodies("/api/generate")] == [("Q: why\nD: because\nA:", True)]


def test_ollama_too_old_for_probabilities_is_told_without_a_question() -> None:
    with FunctionServer(Ollama(version="0.12.10")) as server, pytest.raises(InvokeBadRequestError, match=r"0\.12\.11 or newer"):
        rerank({"base_url": server.url, "rerank_service": "ollama"}, "q", ["a"])
    assert server.bodies("/api/chat") == []


def test_ollama_ranks_by_similarity() -> None:
    with FunctionServer(Ollama(capabilities=("embedding",))) as server:
        result = rerank({"base_url": server.url, "rerank_service": "ollama-embedding-bare"}, "a", ["z", "c", "b", "a"])
    assert [doc.text for doc in result.docs] == ["a", "b", "c", "z"]
    assert result.docs[0].score == pytest.approx(1.0)


def test_similarity_is_that_of_texts_with_the_prefixes_of_the_family() -> None:
    for prefixes, sent in (
        ({"rerank_service": "ollama-embedding"}, ["task: search result | query: q", "title: none | text: a"]),
        ({"rerank_service": "ollama-embedding-bare", "embedding_prefixes": "family"}, ["q", "a"]),
    ):
        with FunctionServer(Ollama(capabilities=("embedding",))) as server:
            rerank({"base_url": server.url, **prefixes}, "q", ["a"], model="embeddinggemma")
        assert server.bodies("/api/embed")[0]["input"] == sent


def test_cloud_has_no_embeddings_to_rank_by() -> None:
    with pytest.raises(InvokeBadRequestError, match="cloud, which has no embeddings"):
        rerank({"base_url": "https://ollama.com", "api_key": "k", "rerank_service": "ollama-embedding"}, "q", ["a"])


@pytest.mark.parametrize(
    ("service", "capabilities"), [("ollama", ("embedding",)), ("ollama-embedding", ("completion",))], ids=["embedder", "chat model"]
)
def test_model_of_the_wrong_kind_is_refused(service: str, capabilities: tuple[str, ...]) -> None:
    with FunctionServer(Ollama(capabilities=capabilities)) as server, pytest.raises(CredentialsValidateFailedError, match="The model"):
        validate({"base_url": server.url, "rerank_service": service}, kind="rerank", model="reranker")


def test_plain_ollama_says_that_it_has_no_rerank() -> None:
    with FunctionServer(Ollama()) as server, pytest.raises(CredentialsValidateFailedError):
        validate({"base_url": server.url}, kind="rerank", model="reranker")
    with FunctionServer(Ollama()) as server, pytest.raises(InvokeBadRequestError, match='"ollama-embedding"'):
        rerank({"base_url": server.url}, "q", ["a"])
