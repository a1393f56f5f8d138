"""From the config's `model:` to a detector."""

from __future__ import annotations

from edge_agent.config.models import ModelConfig
from vision.detect.labels import from_file
from vision.detect.session import DetectorOptions, OnnxDetector, open_detector
from vision.errors import ConfigError


def open_model(model: ModelConfig) -> OnnxDetector:
    """The detector that the config names. Raises `ModelError` where its file cannot be used."""
    if model.path is None:
        raise ConfigError(f"model.name: '{model.name}' is not on this machine; give model: {{path: my.onnx}}")
    options = DetectorOptions(
        family=model.family,
        names=from_file(model.labels) if model.labels else None,
        providers=model.providers,
        threads=model.threads,
        input_size=model.input_size,
        batch=model.batch,
    )
    return open_detector(model.path, options)
