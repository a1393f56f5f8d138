"""What no single value shows of cameras with `tier: cloud`: what they need, and what they do not use."""

from __future__ import annotations

from edge_agent.config.models import CameraConfig, Config
from edge_agent.uplink.settings import CaptureConfig
from vision.capture.schedule import CaptureTimes
from vision.settings.document import Document
from vision.settings.problems import Loc, Problem, clean


def cloud_problems(document: Document, config: Config) -> tuple[list[Problem], list[Problem]]:
    """What is wrong, and what is doubtful."""
    problems, warnings = [], []
    for i, camera in enumerate(config.cameras):
        loc: Loc = ("cameras", i)
        for key, text in _faults(camera, config):
            here = (*loc, *key)
            problems.append(Problem(document.line(here), here, text))
        for key, text in _doubts(camera):
            here = (*loc, *key)
            warnings.append(Problem(document.line(here), here, text))
    faces = config.uplink.faces if config.uplink is not None else None
    if faces is not None and not faces.is_file():
        here = ("uplink", "faces")
        shown = clean(str(document.at(here)), 120)
        problems.append(Problem(document.line(here), here, f"{shown}: no such file (counted from the config's folder)"))
    return problems, warnings


def _faults(camera: CameraConfig, config: Config) -> list[tuple[Loc, str]]:
    if camera.tier != "cloud":
        return []
    if camera.capture is None:
        return [(("tier",), "a camera with tier cloud needs capture: {profile: …, at: […]}")]
    if config.uplink is None:
        return [(("tier",), "a camera with tier cloud needs uplink: {url: …, key: ${NAME}, site: …}")]
    found: list[tuple[Loc, str]] = []
    try:
        times_of(camera.capture, config)
    except ValueError as error:
        found.append((("capture", "at"), f"{error}; give uplink.place: [latitude, longitude]"))
    if camera.capture.people != "allow" and config.uplink.faces is None and not config.has_model:
        text = "nobody would find them: give uplink.faces (a YuNet file) or a model that knows persons"
        found.append((("capture", "people"), text))
    return found


def _doubts(camera: CameraConfig) -> list[tuple[Loc, str]]:
    if camera.tier != "cloud" and camera.capture is not None:
        return [(("capture",), "not used: the camera's tier is not cloud")]
    if not camera.looks and camera.rules:
        return [(("rules",), "not used: without capture.detector nobody watches a camera with tier cloud")]
    return []


def times_of(capture: CaptureConfig, config: Config) -> CaptureTimes:
    """When a camera takes its pictures. Raises `ValueError` for times by the sun without a place."""
    uplink = config.uplink
    zone = capture.timezone or (uplink.timezone if uplink else "UTC")
    return CaptureTimes(capture.at, zone, capture.place or (uplink.place if uplink else None))
