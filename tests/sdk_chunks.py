"""What an answer hands to Dify's SDK, as the SDK's models: chunks are dumps of them."""

from collections.abc import Iterable, Iterator

from dify_plugin.entities.model.llm import LLMResultChunk


def as_models(chunks: Iterable[object]) -> Iterator[LLMResultChunk]:
    """One by one, as they come. Raises pydantic's ValidationError for a dump that is none of the SDK's."""
    for chunk in chunks:
        yield LLMResultChunk.model_validate(chunk, strict=False)
