"""Gemini through its OpenAI-compatible endpoint.

Source: https://ai.google.dev/gemini-api/docs/openai: `reasoning_effort` none where the model can stop, minimal elsewhere.
"""

from __future__ import annotations

from cloud_adapter.providers.base import VisionBackend
from cloud_adapter.providers.compatible import open_compatible
from cloud_adapter.providers.registry import Endpoint, family


@family("gemini")
def open_gemini(endpoint: Endpoint) -> VisionBackend:
    """A Gemini model."""
    return open_compatible(endpoint, off={"reasoning_effort": "none"}, least={"reasoning_effort": "minimal"})
