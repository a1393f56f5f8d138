"""Opening an endpoint that speaks OpenAI's chat completions but is not OpenAI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cloud_adapter.providers.base import VisionBackend
from cloud_adapter.providers.library import needed
from cloud_adapter.providers.registry import Endpoint

if TYPE_CHECKING:
    from cloud_adapter.providers.chat import Spoken

Body = Mapping[str, Any]


def open_compatible(endpoint: Endpoint, *, off: Body | None = None, least: Body | None = None) -> VisionBackend:
    """A backend; `off` and `least` are what the family's request body says to stop thinking, or to keep it short."""
    needed("openai")
    from pydantic_ai.settings import ModelSettings

    from cloud_adapter.providers.chat import ChatBackend, Dialect

    body = {"off": off, "least": least or off, "none": None}[endpoint.entry.thinking]
    settings = ModelSettings() if body is None else ModelSettings(extra_body=dict(body))
    return ChatBackend(endpoint, Dialect(open=_spoken, settings=lambda _: settings))


def _spoken(endpoint: Endpoint) -> Spoken:
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.profiles import InlineDefsJsonSchemaTransformer
    from pydantic_ai.profiles.openai import OpenAIModelProfile
    from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

    from cloud_adapter.providers.chat import Spoken
    from cloud_adapter.providers.families.openai import client

    profile = OpenAIModelProfile(
        supports_json_schema_output=True,  # which of them it really does is the catalogue's `modes`, and the probe's
        supports_json_object_output=True,
        supports_forced_tool_choice=True,
        json_schema_transformer=InlineDefsJsonSchemaTransformer,
        openai_chat_supports_max_completion_tokens=False,
        openai_supports_strict_tool_definition=False,
    )
    sdk = client(endpoint)
    provider = OpenAICompatibleProvider(endpoint.entry.family, openai_client=sdk)
    return Spoken(OpenAIChatModel(endpoint.entry.model or "default", provider=provider, profile=profile), sdk.close)
