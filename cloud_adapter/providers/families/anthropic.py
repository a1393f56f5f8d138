"""Claude, through Anthropic's own interface (an extra); the cached prefix is marked there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloud_adapter.providers.base import VisionBackend
from cloud_adapter.providers.library import needed
from cloud_adapter.providers.registry import Endpoint, family

if TYPE_CHECKING:
    from pydantic_ai.settings import ModelSettings

    from cloud_adapter.providers.chat import Spoken


@family("anthropic")
def open_anthropic(endpoint: Endpoint) -> VisionBackend:
    """A Claude model."""
    needed("anthropic")
    from cloud_adapter.providers.chat import ChatBackend, Dialect

    return ChatBackend(endpoint, Dialect(open=_spoken, settings=_settings, cache_point=True))


def _settings(endpoint: Endpoint) -> ModelSettings:
    from pydantic_ai.settings import ModelSettings

    return {"off": ModelSettings(thinking=False), "least": ModelSettings(thinking="minimal"), "none": ModelSettings()}[
        endpoint.entry.thinking
    ]


def _spoken(endpoint: Endpoint) -> Spoken:
    from anthropic import AsyncAnthropic
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    from cloud_adapter.providers.chat import Spoken
    from cloud_adapter.providers.connection import connection

    sdk = AsyncAnthropic(
        base_url=endpoint.address, api_key=endpoint.key or "none", max_retries=0, http_client=connection(), timeout=None
    )
    return Spoken(AnthropicModel(endpoint.entry.model, provider=AnthropicProvider(anthropic_client=sdk)), sdk.close)
