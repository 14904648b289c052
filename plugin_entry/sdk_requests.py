"""The SDK's models of long histories, made apart from everybody else's work.

Enters: the plain data of a request. Leaves: what the SDK makes of it. All requests share one thread, and the SDK makes an object of each
message in Python code, about 5 µs each: a history of 20,000 messages would keep every stream waiting for a tenth of a second.
"""

from typing import Any

from dify_plugin.core.entities.plugin.request import ModelGetLLMNumTokens, ModelInvokeLLMRequest

MESSAGES = "prompt_messages"
MANY = 1000
"""So many messages take 5 ms; moving them costs a tenth of a millisecond."""


def install() -> None:
    """Makes the SDK read long histories that way."""
    for request in (ModelInvokeLLMRequest, ModelGetLLMNumTokens):
        _install_for(request)


def _install_for(request: Any) -> None:
    read = request.__init__

    def read_apart(self: Any, /, **data: Any) -> None:
        messages = data.get(MESSAGES)
        if isinstance(messages, list) and len(messages) > MANY:
            from plugin_entry.threads import HEAVY, apart  # what it needs is imported after the first heartbeat

            apart(HEAVY, lambda: read(self, **data))
        else:
            read(self, **data)

    request.__init__ = read_apart
