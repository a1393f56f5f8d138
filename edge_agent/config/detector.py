"""From the config's `model:` to a detector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from edge_agent.config.models import Config, ModelConfig
from vision.detect.base import Detections, Detector
from vision.detect.labels import from_file
from vision.detect.session import DetectorOptions, OnnxDetector, open_detector
from vision.errors import ConfigError
from vision.frame import Pixels


class AgentDetector(Detector, Protocol):
    """What the agent wants to know of its detector; `batch`: pictures at once."""

    batch: int

    @property
    def description(self) -> str:
        """One line for people."""


class NoDetector:
    """Where no camera watches for anything: finds nothing, and costs no memory."""

    names: tuple[str, ...] = ()
    batch = 1
    description = "none: no camera needs one"

    def detect(self, images: Sequence[Pixels]) -> list[Detections]:
        """Nothing."""
        return [Detections.none() for _ in images]


def open_detector_for(config: Config) -> AgentDetector:
    """The detector of a config that is to be run. Raises `ModelError` where its file cannot be used."""
    return open_model(config.model) if config.has_model or config.needs_model else NoDetector()


def open_model(model: ModelConfig) -> OnnxDetector:
    """The detector that the config names. Raises `ModelError` where its file cannot be used."""
    if model.path is None:
        what = "model: none is named" if model.name is None else f"model.name: '{model.name}' is not on this machine"
        raise ConfigError(f"{what}; give model: {{path: my.onnx}}")
    options = DetectorOptions(
        family=model.family,
        names=from_file(model.labels) if model.labels else None,
        providers=model.providers,
        threads=model.threads,
        input_size=model.input_size,
        batch=model.batch,
    )
    return open_detector(model.path, options)
