"""A conversation with a model through the plugin, with the history that Dify would keep.

Tool calls are answered, and the model is asked again until it has nothing more to call.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from plugin_entry.cli.chat.tools import result_of
from plugin_entry.cli.chat.turns import TurnResult, listen, readable_error
from plugin_entry.cli.commands import CommandError
from plugin_entry.cli.daemon import PluginProcess, requests
from plugin_entry.cli.screen import Look, Screen
from translator.response.chunks import CLOSE_TAG, OPEN_TAG

TURN_LIMIT_S = 600.0
"""As long as Dify waits for one answer."""
MOST_ROUNDS = 6
"""Rounds of tool calls after one question."""


@attrs.define(slots=True, kw_only=True)
class ChatHistory:
    """`messages` are as Dify stores them: questions that were answered, and their answers."""

    plugin: PluginProcess
    screen: Screen
    model: str
    credentials: Mapping[str, Any] = attrs.field(repr=False)
    parameters: dict[str, Any] = attrs.field(factory=dict)
    tools: Sequence[Mapping[str, Any]] = ()
    messages: list[dict[str, Any]] = attrs.field(factory=list, repr=False)

    def ask(self, content: str | Sequence[Mapping[str, Any]]) -> Iterator[TurnResult]:
        """Asks, and gives the result of every turn when it is over. Raises PluginProcessError.

        A question that is not answered to the end is taken back.
        """
        before = len(self.messages)
        answered = False
        try:
            self.messages.append(requests.user_message(content))
            for _ in range(MOST_ROUNDS):
                data = requests.invoke_llm(self.model, self.credentials, self.messages, parameters=self.parameters, tools=self.tools)
                result = listen(self.plugin.invoke(data, TURN_LIMIT_S), self.screen)
                yield result
                if result.error is not None:
                    return
                thinking = f"{OPEN_TAG}{result.thinking}{CLOSE_TAG}" if result.thinking else ""
                self.messages.append(requests.assistant_message(thinking + result.text, result.calls))
                if not result.calls:
                    answered = True
                    return
                for call in result.calls:
                    message = result_of(call)
                    self.messages.append(message)
                    self.screen.line(f"fed back: {message['name']} → {message['content']}", Look.TOOL)
            self.screen.line(f"stopped after {MOST_ROUNDS} rounds of tool calls", Look.BAD)
        finally:
            if not answered:
                del self.messages[before:]


def schema_of(plugin: PluginProcess, model: str, credentials: Mapping[str, Any]) -> Mapping[str, Any]:
    """What Dify is told about the model. Raises CommandError with the plugin's own sentence."""
    schema: Mapping[str, Any] = _answer(plugin, requests.get_ai_model_schemas(requests.LLM, model, credentials))["model_schema"]
    return schema


def count_tokens(conversation: ChatHistory) -> int:
    """Tokens of the conversation so far, as Dify's agents ask for them. Raises CommandError with the plugin's own sentence."""
    data = requests.get_llm_num_tokens(conversation.model, conversation.credentials, conversation.messages, conversation.tools)
    return int(_answer(conversation.plugin, data)["num_tokens"])


def _answer(plugin: PluginProcess, data: Mapping[str, Any]) -> Mapping[str, Any]:
    """The one payload of a request that is not streamed."""
    payload: Mapping[str, Any] | None = None
    for frame in plugin.invoke(data):
        if frame.kind == "error":
            raise CommandError(readable_error(frame.data))
        if frame.kind == "stream":
            payload = frame.data
    if payload is None:
        raise CommandError("The plugin did not answer.")
    return payload
