"""ERNIE through Baidu Qianfan (v2 interface).

Source: https://cloud.baidu.com/doc/WENXINWORKSHOP/s/dm8ag8pbl (multimodal, OpenAI's form, at most 10 MB a picture).
"""

from __future__ import annotations

from cloud_adapter.providers.base import VisionBackend
from cloud_adapter.providers.compatible import open_compatible
from cloud_adapter.providers.registry import Endpoint, family


@family("ernie")
def open_ernie(endpoint: Endpoint) -> VisionBackend:
    """An ERNIE model."""
    return open_compatible(endpoint, off={"enable_thinking": False})
