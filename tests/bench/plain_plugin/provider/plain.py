"""The provider as the SDK loads it."""

from collections.abc import Mapping
from typing import Any

from dify_plugin import ModelProvider


class PlainProvider(ModelProvider):
    """Has nothing to check."""

    def validate_provider_credentials(self, credentials: Mapping[str, Any]) -> None:
        """Accepts anything."""
