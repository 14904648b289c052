"""Embeddings from a request of Dify's daemon to its answer, over real connections."""

from collections.abc import Iterator

import gevent
import orjson
import pytest
from dify_plugin.entities.model import ModelPropertyKey
from dify_plugin.errors.model import InvokeBadRequestError

from fixtures.recordings import every, having, load
from fixtures.replay import ThreadedReplayServer
from plugin_entry.dify.output import LINE_LIMIT
from plugin_entry.serving import schema
from tests.plugin_entry.serving.sdk_requests import count_tokens, embed
from tests.servers.embedding_server import EMBED, LEGACY, Ollama, vector_of
from tests.servers.function_server import WORK_S, Asked, FunctionServer, closed_port
from tests.translator.plan_driver import json_reply
from translator.shapes.exchange import HttpReply

pytestmark = pytest.mark.usefixtures("_plugin_rests")


@pytest.fixture(scope="module")
def recordings() -> Iterator[ThreadedReplayServer]:
    with ThreadedReplayServer(every()) as server:
        yield server


# --- answers ---------------------------------------------------------------------------------------------------------------------


def test_every_text_gets_its_own_vector_and_the_server_s_count() -> None:
    texts = [f"text {'x' * number}" for number in range(40)]
    with FunctionServer(Ollama()) as server:
        result = embed({"base_url": server.url}, texts)
    assert result.embeddings == [vector_of(text) for text in texts]
    assert (result.usage.tokens, result.usage.total_tokens) == (280, 280)
    assert result.model == "embedder"
    assert sorted(len(body["input"]) for body in server.bodies(EMBED)) == [8, 32]


@pytest.mark.parametrize("version", having("embed-batch"))
def test_recorded_batch_comes_out_as_the_server_gave_it(recordings: ThreadedReplayServer, version: str) -> None:
    exchange = load(version, "embed-batch")
    result = embed({"base_url": recordings.url_of(exchange.address)}, exchange.request_body["input"])
    assert result.embeddings == orjson.loads(exchange.body)["embeddings"]


def test_empty_list_needs_no_server() -> None:
    result = embed({"base_url": closed_port()}, [])
    assert (result.embeddings, result.usage.total_tokens) == ([], 0)


def test_blank_texts_are_sent_as_something_every_model_takes() -> None:
    with FunctionServer(Ollama()) as server:
        result = embed({"base_url": server.url}, ["", " \n", "a"])
    assert server.bodies(EMBED)[0]["input"] == [".", ".", "a"]
    assert len(result.embeddings) == 3


def test_settings_reach_the_server() -> None:
    saved = {"keep_alive": "10m", "dimensions": "4", "embedding_overlong": "error", "embedding_prefixes": "family", "api_key": "k"}
    with FunctionServer(Ollama(dimensions=4)) as server:
        embed({"base_url": server.url, **saved}, ["why"], model="nomic-embed-text", kind="query")
        embed({"base_url": server.url, **saved}, ["why"], model="nomic-embed-text")
    query, document = server.bodies(EMBED)
    assert (query["input"], document["input"]) == (["search_query: why"], ["search_document: why"])
    assert (query["keep_alive"], query["dimensions"], query["truncate"]) == ("10m", 4, False)
    assert server.asked[-1].headers["Authorization"] == "Bearer k"


def test_queries_alone_can_have_prefixes() -> None:
    """The vectors of documents stay as they are in an existing index."""
    saved = {"embedding_prefixes": "queries"}
    with FunctionServer(Ollama()) as server:
        embed({"base_url": server.url, **saved}, ["why"], model="nomic-embed-text", kind="query")
        embed({"base_url": server.url, **saved}, ["why"], model="nomic-embed-text")
    assert [body["input"] for body in server.bodies(EMBED)] == [["search_query: why"], ["why"]]


@pytest.mark.parametrize(
    ("saved", "window", "sent"),
    [
        pytest.param({}, 8192, 8192, id="the model's own window"),
        pytest.param({}, 512, 512, id="a small window"),
        pytest.param({}, 40_960, 8192, id="a large window is not reserved unasked"),
        pytest.param({"context_size": "32768"}, 40_960, 32_768, id="a large window that is asked for"),
        pytest.param({"context_size": "1024"}, 8192, 1024, id="a small one for a small GPU"),
    ],
)
def test_batch_follows_the_window_so_that_2048_tokens_are_no_limit(saved: dict[str, str], window: int, sent: int) -> None:
    """0.33.0-rc2 `embed-num-ctx-only` cuts at 2,048 tokens, `embed-2048-num-batch` does not."""
    with FunctionServer(Ollama(window=window)) as server:
        credentials = {"base_url": server.url, **saved}
        embed(credentials, ["a"])
        described = schema.embedding_model("embedder", credentials)
    assert server.bodies(EMBED)[0]["options"] == {"num_ctx": sent, "num_batch": sent}
    assert described.model_properties[ModelPropertyKey.CONTEXT_SIZE] == sent


def test_old_server_is_asked_by_its_only_route_and_gives_unit_vectors() -> None:
    with FunctionServer(Ollama(legacy=True, version="0.2.0")) as server:
        result = embed({"base_url": server.url}, ["a", "b", "c"])
    assert result.embeddings == [[0.6, 0.8]] * 3
    assert sorted(body["prompt"] for body in server.bodies(LEGACY)) == ["a", "b", "c"]
    assert len(server.bodies(EMBED)) == 1


def test_token_counts_have_the_length_of_the_list_and_need_no_server() -> None:
    counts = count_tokens({"base_url": closed_port()}, ["", "one two three", "漢字"])
    assert len(counts) == 3
    assert counts[1] > counts[0]


# --- how many at once ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("saved", "most"), [({}, 2), ({"concurrency": "1"}, 1), ({"concurrency": "3"}, 3)])
def test_requests_at_once_are_bounded(saved: dict[str, str], most: int) -> None:
    texts = [f"{number} {'x' * 60_000}" for number in range(7)]
    with FunctionServer(Ollama(), work_s=WORK_S) as server:
        embed({"base_url": server.url, **saved}, texts)
    assert len(server.bodies(EMBED)) == 7
    assert server.most_at_once == max(most, 2)  # the two questions about the model come together


def test_calls_of_dify_at_the_same_time_share_the_bound() -> None:
    with FunctionServer(Ollama(), work_s=WORK_S) as server:
        saved = {"base_url": server.url}
        results = [job.get() for job in [gevent.spawn(embed, saved, [f"text {number}"]) for number in range(9)]]
    assert [result.embeddings for result in results] == [[vector_of(f"text {number}")] for number in range(9)]
    assert server.most_at_once == 2


# --- size of the answer ----------------------------------------------------------------------------------------------------------


def test_declared_batches_of_long_vectors_never_make_a_long_line() -> None:
    """4,096 numbers times 256 texts in numbers as long as 32-bit floats get."""
    number = -1.2345678e-38

    def answer(asked: Asked) -> HttpReply:
        if asked.route == EMBED:
            return json_reply({"embeddings": [[0.5] + [number] * 4095 for _ in asked.body["input"]]})
        return Ollama(dimensions=4096)(asked)

    sizes = []
    with FunctionServer(answer) as server:
        saved = {"base_url": server.url, "max_chunks": "256"}
        batch = schema.embedding_model("embedder", saved).model_properties[ModelPropertyKey.MAX_CHUNKS]
        for start in range(0, 256, batch):
            result = embed(saved, [f"text {start}"] * min(batch, 256 - start))
            sizes.append(len(orjson.dumps({"event": "session", "data": {"type": "stream", "data": result.model_dump(mode="json")}})))
    assert batch == 63
    assert max(sizes) <= LINE_LIMIT


def test_answer_over_the_limit_is_an_error_and_no_line() -> None:
    with FunctionServer(Ollama(dimensions=4096)) as server, pytest.raises(InvokeBadRequestError, match=r"max chunks.* to 63 or less"):
        embed({"base_url": server.url, "max_chunks": "256"}, ["text"] * 256)
    assert len(server.bodies(EMBED)) == 1


def test_max_chunks_is_the_user_s_as_long_as_it_fits() -> None:
    with FunctionServer(Ollama(dimensions=1024)) as server:
        properties = [
            schema.embedding_model("embedder", {"base_url": server.url, **saved}).model_properties
            for saved in ({}, {"max_chunks": "5"}, {"max_chunks": "2000"}, {"max_chunks": "2000", "dimensions": "256"})
        ]
    assert [each[ModelPropertyKey.MAX_CHUNKS] for each in properties] == [32, 5, 252, 1008]
