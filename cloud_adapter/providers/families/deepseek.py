"""DeepSeek; `deepseek-flash` sees since 2026-09-10.

Source: https://api-docs.deepseek.com/guides/vision and /guides/thinking_mode; chat completions refuse `json_schema`.
"""

from __future__ import annotations

from cloud_adapter.providers.base import VisionBackend
from cloud_adapter.providers.compatible import open_compatible
from cloud_adapter.providers.registry import Endpoint, family


@family("deepseek")
def open_deepseek(endpoint: Endpoint) -> VisionBackend:
    """A DeepSeek model, not thinking: only then may the answer be forced into a tool call."""
    return open_compatible(endpoint, off={"thinking": {"type": "disabled"}})
