"""The provider as Dify loads it.

The provider's own form is optional: a model that has credentials of its own never sees it. There is no logic here, because the SDK
executes a source module apart from the import system, and wants exactly one subclass of `ModelProvider` in it.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dify_plugin import ModelProvider

from plugin_entry.dify import startup

if TYPE_CHECKING:
    from plugin_entry.checks import provider
else:
    (provider,) = startup.modules("checks.provider")


class OllamaProvider(ModelProvider):
    """The provider `ollama`. Its models are added one by one; a server saved for the provider serves those without credentials."""

    def validate_provider_credentials(self, credentials: Mapping[str, Any]) -> None:
        """Raises CredentialsValidateFailedError."""
        provider.check_server(credentials)
