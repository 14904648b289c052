"""What the lists of models say, by recordings and by nonsense."""

import orjson
import pytest

from fixtures.recordings import having, load
from translator.diagnosis.running import RunningModel, explained_silence, is_contested, listed_names, running_model, window_in_force
from translator.errors import Family, ServerError
from translator.request.context import ContextPlan
from translator.shapes.exchange import HttpReply

RECORDED: dict[str, tuple[str, str, str, RunningModel | None]] = {
    "with a tag": ("0.33.0-rc2", "ps-loaded", "embedder:latest", RunningModel(window=64, gpu_percent=0)),
    "without a tag": ("0.33.0-rc2", "ps-loaded", "embedder", RunningModel(window=64, gpu_percent=0)),
    "other case": ("0.33.0-rc2", "ps-loaded", "Embedder", RunningModel(window=64, gpu_percent=0)),
    "not running": ("0.33.0-rc2", "ps-loaded", "chat", None),
    "nothing is running": ("0.33.0-rc2", "ps-empty", "chat", None),
}


@pytest.mark.parametrize(("version", "scenario", "name", "found"), RECORDED.values(), ids=RECORDED)
def test_recorded(version: str, scenario: str, name: str, found: RunningModel | None) -> None:
    assert running_model(load(version, scenario).body, name) == found


@pytest.mark.parametrize("version", having("tags", "chat-plain"))
def test_every_recorded_list_of_models(version: str) -> None:
    assert "chat:latest" in listed_names(load(version, "tags").body)


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'{"models":null}', b'{"models":[1,{}]}', b"\xff", b'{"models":[{"name":null}]}'])
def test_nonsense_lists_nothing(body: bytes) -> None:
    assert listed_names(body) == []
    assert running_model(body, "m") is None


@pytest.mark.parametrize("sizes", ['"size":0,"size_vram":1', '"size":"9"', '"size":4'])
def test_sizes_that_say_nothing(sizes: str) -> None:
    body = f'{{"models":[{{"name":"m:latest","context_length":true,{sizes}}}]}}'.encode()
    assert running_model(body, "m") == RunningModel()


def test_a_share_is_never_more_than_all() -> None:
    assert running_model(b'{"models":[{"name":"hf.co/a/m:q4","size":4,"size_vram":5}]}', "hf.co/a/m:q4") == RunningModel(gpu_percent=100)


LISTED = 'has the model "m" in its list of running models: it is loading, the request waited'
NOT_LISTED = 'does not have the model "m" in its list of running models: it was still being loaded or waited'


@pytest.mark.parametrize(
    ("reply", "part"),
    [
        pytest.param(None, "it did not answer either", id="hangs"),
        pytest.param(
            HttpReply(status=200, body=b'{"models":[]}'),
            'does not have the model "m" in its list of running models: it was still being loaded or waited',
            id="not listed",
        ),
        pytest.param(
            HttpReply(status=200, body=b'{"models":[{"name":"m:latest"}]}'),
            'has the model "m" in its list of running models: it is loading, the request waited',
            id="listed",
        ),
        pytest.param(HttpReply(status=404), "", id="no such route"),
    ],
)
def test_silence(reply: HttpReply | None, part: str) -> None:
    error = ServerError.of("first_byte_timeout", "Nothing came.", "Wait longer.", family=Family.UNAVAILABLE)
    told = explained_silence(error, "m", reply)
    assert (told.code, told.family) == (error.code, error.family)
    assert told.problem.message.startswith("Nothing came. ")
    assert told.problem.message.endswith("Wait longer.")
    assert part in told.problem.cause
    assert "in memory" not in told.problem.cause, "the list does not tell a model that is loaded from one that is being loaded"


@pytest.mark.parametrize("name", ["gpt-oss:120b-cloud", "glm-4.6:cloud"])
def test_nothing_is_said_of_models_in_the_cloud_which_no_server_lists(name: str) -> None:
    error = ServerError.of("first_byte_timeout", "Nothing came.", "Wait longer.", family=Family.UNAVAILABLE)
    assert explained_silence(error, name, HttpReply(status=200, body=b'{"models":[]}')) == error
    assert "hangs or is overloaded" in explained_silence(error, name, None).problem.cause


def test_a_list_that_means_harm_is_bounded() -> None:
    names = ["x" * 400, *(f"m{number}" for number in range(5000))]
    found = listed_names(orjson.dumps({"models": [{"name": name} for name in names]}))
    assert found == names[1:2000]


@pytest.mark.parametrize(
    ("num_ctx", "window", "said"),
    [
        pytest.param(8192, None, "Dify asks for a window of 8,192 tokens.", id="not running"),
        pytest.param(8192, 8192, "Dify asks for a window of 8,192 tokens.", id="as asked"),
        pytest.param(8192, 2048, "running with only 2,048: another client wants another size", id="another client's, smaller"),
        pytest.param(8192, 32768, "running with 32,768: another client wants another size", id="another client's, larger"),
        pytest.param(None, 4096, "Dify works with the server's own window, 4,096 tokens.", id="the server's"),
        pytest.param(None, None, "of which Dify assumes 4,096 tokens until the model is loaded.", id="the server's, not running"),
    ],
)
def test_which_window_is_in_force(num_ctx: int | None, window: int | None, said: str) -> None:
    running = None if window is None else RunningModel(window=window)
    plan = ContextPlan(size=num_ctx or 4096, num_ctx=num_ctx)
    assert said in window_in_force(plan, running)
    assert is_contested(plan, running) is ("another client" in said)
