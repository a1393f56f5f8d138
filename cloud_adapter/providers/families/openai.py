"""OpenAI itself, and the dialect that all OpenAI-compatible families share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloud_adapter.providers.base import VisionBackend
from cloud_adapter.providers.library import needed
from cloud_adapter.providers.registry import Endpoint, family

if TYPE_CHECKING:
    from cloud_adapter.providers.chat import Spoken


@family("openai")
def open_openai(endpoint: Endpoint) -> VisionBackend:
    """A model of OpenAI, through chat completions."""
    needed("openai")
    from pydantic_ai.settings import ModelSettings

    from cloud_adapter.providers.chat import ChatBackend, Dialect

    efforts: dict[str, ModelSettings] = {"off": {"thinking": False}, "least": {"thinking": "minimal"}, "none": {}}
    return ChatBackend(endpoint, Dialect(open=_spoken, settings=lambda it: efforts[it.entry.thinking]))


def _spoken(endpoint: Endpoint) -> Spoken:
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    from cloud_adapter.providers.chat import Spoken

    sdk = client(endpoint)
    return Spoken(OpenAIChatModel(endpoint.entry.model, provider=OpenAIProvider(openai_client=sdk)), sdk.close)


def client(endpoint: Endpoint) -> Any:
    """The SDK's client: it never retries, follows no redirect, and tells no other provider of an OpenAI organisation."""
    from openai import AsyncOpenAI, Omit

    from cloud_adapter.providers.connection import connection

    theirs: dict[str, Any] = {"OpenAI-Organization": Omit(), "OpenAI-Project": Omit()}
    return AsyncOpenAI(
        base_url=endpoint.address,
        api_key=endpoint.key or "none",
        max_retries=0,
        http_client=connection(),
        timeout=None,
        default_headers={} if endpoint.entry.family in {"openai", "openai_decisions"} else theirs,
    )
