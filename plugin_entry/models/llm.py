"""The language model as Dify loads it. It is thin, because the SDK executes source modules apart from the import system."""

from collections.abc import Generator, Mapping
from typing import Any

from dify_plugin import LargeLanguageModel
from dify_plugin.entities.model import AIModelEntity, ParameterRule
from dify_plugin.entities.model.llm import LLMResult
from dify_plugin.entities.model.message import PromptMessage, PromptMessageTool

from plugin_entry.models.parts import WithReadableErrors, chat, checks, errors, schema


class OllamaLargeLanguageModel(WithReadableErrors, LargeLanguageModel):
    """Chat and completion."""

    def _invoke(
        self,
        model: str,
        credentials: dict[str, Any],
        prompt_messages: list[PromptMessage],
        model_parameters: dict[str, Any],
        tools: list[PromptMessageTool] | None = None,
        stop: list[str] | None = None,
        stream: bool = True,
        user: str | None = None,
    ) -> LLMResult | Generator[Any, None, None]:
        del user  # Ollama has no field for it
        ask = chat.ask_of(model, prompt_messages, model_parameters, tools, stop)
        return (chat.stream if stream else chat.answer)(ask, credentials)

    def _validate_and_filter_model_parameters(
        self, model: str, model_parameters: dict[str, Any], credentials: dict[str, Any]
    ) -> dict[str, Any]:
        """Apps saved for earlier plugins hold other names and types; the SDK's check would drop or refuse them unreadably."""
        with errors.bad_parameters():
            from translator.request.migration import migrate_parameters

            return super()._validate_and_filter_model_parameters(model, migrate_parameters(model_parameters), credentials)

    def get_parameter_rules(self, model: str, credentials: dict[str, Any]) -> list[ParameterRule]:
        """The SDK's own builds the list anew for each request, to fill in templates; ours have none."""
        return schema.language_model(model, credentials).parameter_rules

    def get_num_tokens(
        self,
        model: str,
        credentials: dict[str, Any],
        prompt_messages: list[PromptMessage],
        tools: list[PromptMessageTool] | None = None,
    ) -> int:
        return chat.count(model, credentials, prompt_messages, tools)

    def validate_credentials(self, model: str, credentials: Mapping[str, Any]) -> None:
        checks.check_language_model(model, credentials)

    def get_customizable_model_schema(self, model: str, credentials: Mapping[str, Any]) -> AIModelEntity:
        return schema.language_model(model, credentials)
