"""Reranking from a request of Dify's daemon to its answer, over real connections: services as recorded."""

import attrs
import orjson
import pytest
from dify_plugin.errors.model import InvokeBadRequestError

from fixtures.recordings import load
from tests.servers.function_server import Answer, Asked, FunctionServer, closed_port
from tests.servers.rerank_services import BEST_FIRST, LLAMA_CPP, SERVICES, TEI, XINFERENCE, Service, check, ranked, reply_of
from tests.translator.plan_driver import json_reply, recorded
from translator.shapes.exchange import HttpReply

pytestmark = pytest.mark.usefixtures("_plugin_rests")

# --- services --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SERVICES)
def test_service_works_from_a_base_url_alone(name: str) -> None:
    """Validation finds route and dialect and notes them; afterwards one request per call."""
    service, route, dialect = SERVICES[name]
    with FunctionServer(service) as server:
        stored = check(server.url)
        probes = len(server.asked)
        assert ranked(stored) == BEST_FIRST
    assert (stored["rerank_url"], stored["rerank_dialect"]) == (server.url + route, dialect)
    assert stored["base_url"] == server.url
    assert probes <= 4
    assert [asked.path for asked in server.asked[probes:]] == [route]


@pytest.mark.parametrize("name", SERVICES)
def test_service_works_from_its_whole_url_without_a_check(name: str) -> None:
    """The dialect is learnt once and kept for the URL."""
    service, route, _ = SERVICES[name]
    with FunctionServer(service) as server:
        answers = [ranked({"base_url": server.url + route}) for _ in range(3)]
    assert answers == [BEST_FIRST] * 3
    assert len(server.asked) == (4 if service.field == "texts" else 3)


RECORDED = [
    "tei-normal",
    "tei-return-text-true",
    "tei-raw-scores-true",
    "llamacpp-normal",
    "llamacpp-path-v1-reranking",
    "llamacpp-tei-texts",
    "xinference-normal",
    "xinference-return-documents",
]


@pytest.mark.parametrize("scenario", RECORDED)
def test_recorded_answer_comes_out_sorted_with_our_texts(scenario: str) -> None:
    exchange = load("rerank", scenario)
    docs = exchange.request_body.get("texts") or exchange.request_body["documents"]
    with FunctionServer(lambda asked: recorded(exchange)) as server:
        answer = ranked({"base_url": server.url + exchange.path, "api_key": "k"}, docs)
    plain = orjson.loads(exchange.body)
    items = plain if isinstance(plain, list) else plain["results"]
    scores = {item["index"]: item.get("relevance_score", item.get("score")) for item in items}
    assert answer == [(index, docs[index], scores[index]) for index in sorted(scores, key=lambda index: -scores[index])]
    assert server.asked[0].headers["Authorization"] == "Bearer k"


@pytest.mark.parametrize(
    ("typed", "path"),
    [
        ("{host}/v1/rerank", "/v1/rerank"),
        ("http://{host}/reranking?tenant=a@b", "/reranking?tenant=a@b"),
        ("http://{host}/sub/v1/rerank/", "/sub/v1/rerank"),
        ("http://{host}/", "/api/rerank"),
        ("http://{host}/sub?k=1", "/sub/api/rerank?k=1"),
    ],
)
def test_url_rule(typed: str, path: str) -> None:
    service = attrs.evolve(LLAMA_CPP, routes=(path.partition("?")[0],))
    with FunctionServer(service) as server:
        assert ranked({"base_url": typed.format(host=server.url.removeprefix("http://"))}) == BEST_FIRST
    assert [asked.path for asked in server.asked] == [path]


def test_nothing_is_guessed_without_a_check() -> None:
    with FunctionServer(XINFERENCE) as server, pytest.raises(InvokeBadRequestError, match="no route /api/rerank"):
        ranked({"base_url": server.url})
    assert len(server.asked) == 1


def test_note_for_another_url_does_not_count() -> None:
    with FunctionServer(XINFERENCE) as old, FunctionServer(TEI) as new:
        stored = check(old.url)
        stored["base_url"] = new.url + "/rerank"
        assert ranked(stored) == BEST_FIRST
        assert len(new.asked) == 2


def test_service_that_was_replaced_is_learnt_anew_after_one_failure() -> None:
    running: list[Answer] = [TEI]

    def answer(asked: Asked) -> HttpReply:
        return running[-1](asked)

    with FunctionServer(answer) as server:
        saved = {"base_url": server.url + "/rerank"}
        assert ranked(saved) == BEST_FIRST
        running.append(attrs.evolve(LLAMA_CPP, missing=reply_of("llamacpp-missing-documents")))
        with pytest.raises(InvokeBadRequestError):
            ranked(saved)
        assert ranked(saved) == BEST_FIRST


@pytest.mark.parametrize(("service", "running"), [("tei", TEI), ("jina", LLAMA_CPP)])
def test_chosen_service_is_asked_in_its_form_at_once(service: str, running: Service) -> None:
    with FunctionServer(running) as server:
        assert ranked({"base_url": f"{server.url}/rerank", "rerank_service": service}) == BEST_FIRST
    assert len(server.asked) == 1


# --- what Dify wants -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("top_n", "score_threshold", "indexes"),
    [
        pytest.param(0, 0.0, [1, 0, 2], id="the daemon's zeros"),
        pytest.param(None, None, [1, 0, 2], id="nulls, as slim sends them"),
        pytest.param(2, 0.0, [1, 0], id="top 2"),
        pytest.param(99, 0.0, [1, 0, 2], id="more than there are"),
        pytest.param(0, 0.4, [1, 0], id="threshold"),
        pytest.param(1, 0.4, [1], id="threshold and top 1"),
        pytest.param(0, 9.0, [], id="nothing is good enough"),
    ],
)
@pytest.mark.parametrize("name", ["TEI", "llama.cpp"])
def test_top_n_and_threshold(name: str, top_n: int | None, score_threshold: float | None, indexes: list[int]) -> None:
    service, route, _ = SERVICES[name]
    with FunctionServer(service) as server:
        answer = ranked({"base_url": server.url + route}, top_n=top_n, score_threshold=score_threshold)
    assert [index for index, _, _ in answer] == indexes
    assert all(asked.body.get("top_n", 3) == 3 for asked in server.asked)


def test_sigmoid_comes_before_the_threshold() -> None:
    with FunctionServer(LLAMA_CPP) as server:
        answer = ranked({"base_url": f"{server.url}/rerank", "score_scale": "sigmoid"}, score_threshold=0.6)
    assert [(index, round(score, 3)) for index, _, score in answer] == [(1, 0.881), (0, 0.622)]


@pytest.mark.parametrize("service", ["auto", "ollama", "ollama-embedding"])
def test_no_documents_need_no_server(service: str) -> None:
    assert ranked({"base_url": closed_port(), "rerank_service": service}, []) == []


@pytest.mark.parametrize(("count", "most", "requests"), [(33, 32, 2), (100, 32, 4), (100, 8, 16)])
def test_batch_limit_of_tei_is_split_and_merged(count: int, most: int, requests: int) -> None:
    docs = [f"text {'x' * (number * 37 % count)}" for number in range(count)]
    service = attrs.evolve(TEI, most=most, too_many=json_reply({"error": f"batch size 33 > maximum allowed batch size {most}"}, 422))
    with FunctionServer(service) as server:
        answer = ranked({"base_url": f"{server.url}/rerank", "rerank_service": "tei"}, docs)
    assert [text for _, text, _ in answer] == sorted(docs, key=len, reverse=True)
    assert all(docs[index] == text for index, text, _ in answer)
    assert len(server.asked) == requests
    assert server.most_at_once <= 2
