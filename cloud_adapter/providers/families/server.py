"""A server of one's own that speaks OpenAI's chat completions: llama-server, Ollama, vLLM, LM Studio, a gateway."""

from __future__ import annotations

from cloud_adapter.providers.base import VisionBackend
from cloud_adapter.providers.compatible import open_compatible
from cloud_adapter.providers.registry import Endpoint, family

# vLLM and llama-server hand these to the chat template; servers that do not know the key ignore it.
_OFF = {"chat_template_kwargs": {"enable_thinking": False}}


@family("server")
def open_server(endpoint: Endpoint) -> VisionBackend:
    """Any OpenAI-compatible server."""
    return open_compatible(endpoint, off=_OFF)
