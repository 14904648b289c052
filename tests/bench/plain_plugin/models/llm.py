"""Two ways to answer: `floor:<tokens>` yields ready chunks and touches no network, any other model streams a line at a time."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import requests
from dify_plugin import LargeLanguageModel
from dify_plugin.entities import I18nObject
from dify_plugin.entities.model import AIModelEntity, FetchFrom, ModelPropertyKey, ModelType
from dify_plugin.entities.model.llm import LLMResultChunk, LLMResultChunkDelta
from dify_plugin.entities.model.message import AssistantPromptMessage, PromptMessage

FLOOR = "floor:"
LIMITS_S = (10, 300)


class PlainLanguageModel(LargeLanguageModel):
    """What the plain plugin can do."""

    def _invoke(
        self, model: str, credentials: Mapping[str, Any], prompt_messages: Sequence[PromptMessage], *rest: object, **more: object
    ) -> Any:
        texts = self._ready(model) if model.startswith(FLOOR) else self._streamed(model, credentials, prompt_messages)
        return (self._chunk(model, index, text) for index, text in enumerate(texts))

    def _ready(self, model: str) -> Iterator[str]:
        return (" because" for _ in range(int(model.removeprefix(FLOOR))))

    def _streamed(self, model: str, credentials: Mapping[str, Any], messages: Sequence[PromptMessage]) -> Iterator[str]:
        body: dict[str, Any] = {
            "model": model,
            "messages": [{"role": message.role.value, "content": message.content} for message in messages],
        }
        with requests.post(f"{credentials['base_url']}/api/chat", json=body, stream=True, timeout=LIMITS_S) as reply:
            for line in reply.iter_lines():
                message = json.loads(line)["message"]
                yield message.get("thinking") or message["content"]

    def _chunk(self, model: str, index: int, text: str) -> LLMResultChunk:
        return LLMResultChunk(model=model, delta=LLMResultChunkDelta(index=index, message=AssistantPromptMessage(content=text)))

    def get_num_tokens(self, *_: object, **more: object) -> int:
        """Counts nothing."""
        return 0

    def validate_credentials(self, model: str, credentials: Mapping[str, Any]) -> None:
        """Accepts anything."""

    def get_customizable_model_schema(self, model: str, credentials: Mapping[str, Any]) -> AIModelEntity:
        """The least that the SDK asks for."""
        return AIModelEntity(
            model=model,
            label=I18nObject(en_US=model),
            model_type=ModelType.LLM,
            fetch_from=FetchFrom.CUSTOMIZABLE_MODEL,
            model_properties={ModelPropertyKey.MODE: "chat", ModelPropertyKey.CONTEXT_SIZE: 8192},
        )

    @property
    def _invoke_error_mapping(self) -> dict[Any, Any]:
        return {}
