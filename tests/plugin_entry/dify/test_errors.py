"""Whatever goes wrong reaches Dify as one of five classes with one clear text."""

import pytest
from dify_plugin.errors.model import (
    InvokeAuthorizationError,
    InvokeBadRequestError,
    InvokeConnectionError,
    InvokeError,
    InvokeRateLimitError,
    InvokeServerUnavailableError,
)

from plugin_entry.dify.errors import CLASSES, MAPPING, bad_parameters, readable, to_invoke_error
from plugin_entry.models.llm import OllamaLargeLanguageModel
from plugin_entry.network.error_rows import NOT_CONNECTED
from translator.errors import Family, RequestError, ServerError

FAMILIES: dict[Family, type[InvokeError]] = {
    Family.CONNECTION: InvokeConnectionError,
    Family.UNAVAILABLE: InvokeServerUnavailableError,
    Family.RATE_LIMIT: InvokeRateLimitError,
    Family.AUTHORIZATION: InvokeAuthorizationError,
    Family.BAD_REQUEST: InvokeBadRequestError,
}
OURS = ServerError.of("x", "This failed.", "Do that.", family=Family.UNAVAILABLE)


@pytest.mark.parametrize("family", Family)
def test_families(family: Family) -> None:
    error = to_invoke_error(ServerError.of("x", "This failed.", "Do that.", family=family))
    assert type(error) is FAMILIES[family]
    assert str(error) == "This failed. Do that."


def test_there_is_a_class_for_every_family() -> None:
    assert CLASSES == FAMILIES


def test_a_request_error_is_a_bad_request() -> None:
    assert type(to_invoke_error(RequestError.of("x", "This is wrong."))) is InvokeBadRequestError


@pytest.mark.parametrize("code", sorted(NOT_CONNECTED))
def test_who_chats_is_told_in_one_sentence_that_nobody_answers(code: str) -> None:
    """How a server is set up is for the form."""
    error = ServerError.of(code, "Nothing accepts connections at http://x:1.", "Set OLLAMA_HOST. Open the port.", family=Family.CONNECTION)
    assert str(to_invoke_error(error)) == "Nothing accepts connections at http://x:1."


def test_unexpected_errors_say_nothing_they_hold() -> None:
    error = to_invoke_error(KeyError("topsecret"))
    assert type(error) is InvokeServerUnavailableError
    assert "KeyError" in str(error)
    assert "topsecret" not in str(error)


@pytest.mark.parametrize("kind", CLASSES.values())
def test_the_sdk_degrades_none_of_the_five(kind: type[InvokeError]) -> None:
    """A class that is no value of the mapping would become plain InvokeError, whose text Dify buries in JSON."""
    assert MAPPING[kind] == [kind]
    model = OllamaLargeLanguageModel([])
    assert model._invoke_error_mapping is MAPPING
    error = kind("text")
    assert model._transform_invoke_error(error) is error


@pytest.mark.parametrize("error", [OURS, InvokeRateLimitError("slow"), ValueError("topsecret")])
def test_readable(error: Exception) -> None:
    @readable
    def fail() -> None:
        raise error

    with pytest.raises(InvokeError) as caught:
        fail()
    assert type(caught.value) in CLASSES.values()
    assert "topsecret" not in str(caught.value)


def test_parameters_that_the_sdk_refuses_are_a_bad_request() -> None:
    with pytest.raises(InvokeBadRequestError, match=r"should be int\. Change it in the model parameters of the app\."), bad_parameters():
        raise ValueError("Model Parameter seed should be int.")
