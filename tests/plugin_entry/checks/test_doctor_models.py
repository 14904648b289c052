"""What the doctor says of a model that runs, and of one in the cloud."""

import pytest

from tests.plugin_entry.checks.test_doctor import VERSION, examined
from tests.servers.asyncio_server import answering, reply
from translator.diagnosis.conclusion import EXIT_CODES, Layer


def loaded(version: str, vram: int) -> str:
    running = f'{{"models":[{{"name":"m:latest","size":100,"size_vram":{vram},"context_length":4096}}]}}'
    answers = {
        "/api/version": reply(f'{{"version":"{version}"}}'),
        "/api/tags": reply('{"models":[{"name":"m:latest"}]}'),
        "/api/show": reply('{"capabilities":["completion"]}'),
        "/api/ps": reply(running),
    }
    diagnosis = examined(answering(answers), model="m")
    return next(finding.sentence for finding in diagnosis.findings if finding.step is Layer.LOADED)


@pytest.mark.parametrize(
    ("version", "vram", "said"),
    [("0.24.0", 100, "100 % of it on a GPU"), ("0.33.0", 100, ""), ("0.33.0", 40, "40 % of it on a GPU"), ("0.24.0", 0, "0 % of it")],
)
def test_a_gpu_is_spoken_of_only_where_the_server_knows(version: str, vram: int, said: str) -> None:
    """0.33.0-rc2-real `ps-after` was made without a GPU and says otherwise."""
    sentence = loaded(version, vram)
    assert said in sentence
    assert said or "GPU" not in sentence


NOT_SIGNED_IN = {
    "not signed in": (
        reply('{"error":"unauthorized","signin_url":"https://ollama.com/connect?key=k"}', "401 Unauthorized"),
        "ollama signin",
    ),
    "no way to the cloud": (reply('{"error":"account unavailable"}', "503 Unavailable"), "reach https://ollama.com"),
}


@pytest.mark.parametrize(("me", "part"), NOT_SIGNED_IN.values(), ids=NOT_SIGNED_IN)
def test_cloud_model_on_a_server_that_is_not_signed_in_is_not_ready(me: bytes, part: str) -> None:
    answers = {**VERSION, "/api/tags": reply('{"models":[{"name":"big:cloud"}]}'), "/api/me": me}
    answers["/api/show"] = reply('{"capabilities":["completion"],"remote_host":"https://ollama.com:443"}')
    diagnosis = examined(answering(answers), model="big:cloud")
    assert diagnosis.exit_code == EXIT_CODES[Layer.MODEL]
    assert part in diagnosis.sentence
