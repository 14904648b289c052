"""How many requests may run, and whose."""

from contextlib import ExitStack
from typing import Any

import pytest
from dify_plugin.errors.model import InvokeServerUnavailableError

from plugin_entry.dify.slots import Slots

LONG = ("invoke_llm", "invoke_text_embedding", "invoke_rerank", "invoke_multimodal_embedding", "start_polling")
SHORT = ("validate_model_credentials", "validate_provider_credentials", "get_ai_model_schemas", "get_llm_num_tokens")


def data(action: str, server: str = "http://a", **more: str) -> dict[str, Any]:
    return {"action": action, "credentials": {"base_url": server, "context_size": "8192", **more}}


@pytest.fixture(name="held")
def own_stack() -> Any:
    with ExitStack() as stack:
        yield stack


@pytest.mark.parametrize("action", LONG + SHORT)
def test_one_server_has_a_quarter(held: ExitStack, action: str) -> None:
    slots = Slots(8)
    for _ in range(2):
        held.enter_context(slots.slot(data(action)))
    with pytest.raises(InvokeServerUnavailableError, match="This server already has 2 requests"), slots.slot(data(action)):
        pass
    for other in (data(action, "http://b"), data(action, api_key="k"), data(action, extra_headers="X-Tenant: 1")):
        held.enter_context(slots.slot(other))


def test_a_full_plugin_says_so_and_takes_short_requests_all_the_same(held: ExitStack) -> None:
    slots = Slots(8)
    for number in range(8):
        held.enter_context(slots.slot(data("invoke_llm", f"http://{number}")))
    with pytest.raises(InvokeServerUnavailableError, match="busy with 8 requests"), slots.slot(data("invoke_rerank", "http://new")):
        pass
    for number, action in enumerate(SHORT):
        held.enter_context(slots.slot(data(action, f"http://{number}")))


def test_a_request_that_ended_gives_its_slot_back() -> None:
    slots = Slots(4)
    for _ in range(9):
        with pytest.raises(ZeroDivisionError), slots.slot(data("invoke_llm")):
            raise ZeroDivisionError
    assert slots._of_server == {}


@pytest.mark.parametrize("odd", [{}, {"action": None, "credentials": None}, {"credentials": {"base_url": 7, "api_key": ["x"]}}])
def test_whatever_a_request_holds_it_has_a_slot(odd: dict[str, Any]) -> None:
    with Slots(4).slot(odd):
        pass
