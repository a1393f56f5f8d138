"""Qwen through Alibaba Model Studio (DashScope), OpenAI-compatible mode.

Source: https://alibabacloud.com/help/doc-detail/2845564.html (OpenAI compatible - Vision, updated 2026-01-12).
"""

from __future__ import annotations

from cloud_adapter.providers.base import VisionBackend
from cloud_adapter.providers.compatible import open_compatible
from cloud_adapter.providers.registry import Endpoint, family


@family("qwen")
def open_qwen(endpoint: Endpoint) -> VisionBackend:
    """A Qwen model; a held answer excludes thinking there, so it is turned off."""
    return open_compatible(endpoint, off={"enable_thinking": False})
