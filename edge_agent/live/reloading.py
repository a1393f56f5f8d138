"""Reads a changed config for a running agent: everything that could be wrong with it is found before anything changes."""

from __future__ import annotations

import time
from pathlib import Path

from edge_agent.config import Config, load_with_warnings
from edge_agent.config.check import check_classes
from edge_agent.config.detector import AgentDetector, open_detector_for
from edge_agent.inspect.live.line import check_line
from edge_agent.language.settings import asking_for, model_settings
from edge_agent.live.address import address_of
from edge_agent.uplink.device_clock import DeviceClock
from edge_agent.uplink.tier import link_of
from vision.delivery.outbox import build_senders
from vision.delivery.senders.base import SenderContext
from vision.errors import ConfigError


def read_again(path: Path, old: Config, detector: AgentDetector) -> tuple[Config, AgentDetector]:
    """The config in the file and the detector for it (the old one where the model is the same).

    Raises `ConfigError` or `ModelError`, one line for each problem.
    """
    config, _ = load_with_warnings(path)
    detector = detector if config.model == old.model else open_detector_for(config)
    check_for_run(path, config, detector)
    return config, detector


def check_for_run(path: Path, config: Config, detector: AgentDetector) -> list[str]:
    """What `run` needs beyond a valid file: sources, secrets, classes. Lines of warning; raises `ConfigError`."""
    warnings = check_classes(path, config, detector.names)
    folder = path.resolve().parent
    for camera in config.cameras:
        if camera.source is None:
            raise ConfigError(
                f"{path}: camera {camera.name} has no source; `run` needs one: RTSP, HTTP, device or file"
            )
        address_of(camera.source, folder)
        if camera.record_source is not None:
            address_of(camera.record_source, folder)
    for text in (config.store.url, config.api.token):
        if text is not None:
            text.filled_in()
    check_line(config.inspection, folder)
    if config.uplink is not None:
        link_of(config.uplink, DeviceClock())
    asking_for(config)
    model_settings(config.language)
    build_senders(config.alerts, SenderContext(evidence=folder, clock=time.time))
    return warnings
