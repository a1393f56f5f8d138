"""Typed decisions: endpoints that give a probability for each option instead of words (OpenAI's Decisions API).

Reference pictures go along as labelled pictures before the one in question. Source:
https://developers.openai.com/api/docs/guides/decisions
"""

from __future__ import annotations

from cloud_adapter.providers.base import VisionBackend
from cloud_adapter.providers.library import needed
from cloud_adapter.providers.registry import Endpoint, family


@family("openai_decisions")
def open_decisions(endpoint: Endpoint) -> VisionBackend:
    """A model behind the Decisions API."""
    needed("openai")
    from cloud_adapter.providers.decisions import DecisionBackend

    return DecisionBackend(endpoint)
