"""GLM through Zhipu (bigmodel.cn) or Z.AI.

Source: https://docs.z.ai/guides/capabilities/thinking-mode; GLM-5.3 cannot stop thinking and is told to keep it short.
"""

from __future__ import annotations

from cloud_adapter.providers.base import VisionBackend
from cloud_adapter.providers.compatible import open_compatible
from cloud_adapter.providers.registry import Endpoint, family


@family("glm")
def open_glm(endpoint: Endpoint) -> VisionBackend:
    """A GLM model."""
    return open_compatible(
        endpoint,
        off={"thinking": {"type": "disabled"}},
        least={"thinking": {"type": "enabled"}, "reasoning_effort": "minimal"},
    )
