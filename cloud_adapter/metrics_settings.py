"""The section `metrics` of the cloud config."""

from __future__ import annotations

from pydantic import Field

from vision.settings.values import Value


class MetricsSettings(Value):
    """Where the figures are told."""

    host: str = Field("127.0.0.1", description="Address to listen on; no key is asked for: keep it inside.")
    port: int = Field(8091, ge=0, le=65_535, description="Port to listen on; 0: any free one.")
