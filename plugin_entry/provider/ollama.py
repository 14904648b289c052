"""The provider as Dify loads it.

What enters: nothing that matters, since every model carries its own credentials. What leaves: nothing; there is no logic here, because the
SDK executes a source module apart from the import system, and wants exactly one subclass of `ModelProvider` in it.
"""

from collections.abc import Mapping
from typing import Any

from dify_plugin import ModelProvider


class OllamaProvider(ModelProvider):
    """The provider `ollama`. Its models are added one by one, so it has no credentials of its own."""

    def validate_provider_credentials(self, credentials: Mapping[str, Any]) -> None:
        """Accepts anything: the form has fields for models only, and those are checked when a model is saved."""
