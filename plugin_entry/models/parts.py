"""What the model classes share: the modules that do the work, imported at their first use, and errors that people can read."""

from typing import TYPE_CHECKING

from dify_plugin.errors.model import InvokeError

from plugin_entry.dify import startup

if TYPE_CHECKING:
    from plugin_entry.checks import credentials as checks
    from plugin_entry.dify import errors
    from plugin_entry.serving import chat, embedding, rerank, schema
else:
    checks, errors = startup.modules("checks.credentials", "dify.errors")
    chat, embedding, rerank, schema = startup.modules("serving.chat", "serving.embedding", "serving.rerank", "serving.schema")

__all__ = ["WithReadableErrors", "chat", "checks", "embedding", "errors", "rerank", "schema"]


class WithReadableErrors:
    """What the SDK's base class of models asks for errors: every exception becomes one whose text Dify shows."""

    @property
    def _invoke_error_mapping(self) -> dict[type[InvokeError], list[type[Exception]]]:
        return errors.MAPPING

    def _transform_invoke_error(self, error: Exception) -> InvokeError:
        return errors.to_invoke_error(error)
