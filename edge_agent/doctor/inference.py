"""How fast the model is here, and how many cameras that makes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from edge_agent.config.detector import open_model
from edge_agent.config.models import ModelConfig
from edge_agent.doctor.base import Finding, Patient, check, ok, warn
from edge_agent.doctor.hardware import cores

_DEMO = Path(__file__).resolve().parents[2] / "demo/model/sightline-demo.onnx"
_SIZE = (360, 640)
_SECONDS = 0.8
_SHARE = 0.7  # of the cores; the rest decodes and does everything else
_FPS = 5.0


@check("inference", order=100, alone=True)
def inference(patient: Patient) -> Iterable[Finding]:
    """Times the model of the config, of --model, or the demo's."""
    model = _model(patient)
    if model is None:
        yield ok("not measured: no model; give one with --model FILE.onnx or --config FILE")
        return
    detector = open_model(model)
    each = _seconds(detector.detect)
    rate = cores() * _SHARE / each if model.providers == ("cpu",) and model.threads == 1 else _SHARE / each
    text = f"{detector.description}: {each * 1e3:.1f} ms a picture"
    if patient.config is None:
        yield ok(
            f"{text}; room for about {max(1, int(rate / _FPS))} cameras at {_FPS:g} pictures/s if something moves "
            "everywhere all the time, for many more where it is quiet",
            ms=round(each * 1e3, 2),
            pictures_per_s=round(rate, 1),
        )
        return
    yield _against(patient.config.cameras, rate, text, each)


def _against(cameras: Iterable[object], rate: float, text: str, each: float) -> Finding:
    wanted = sum(getattr(camera, "detect").fps for camera in cameras)  # noqa: B009
    facts = {"ms": round(each * 1e3, 2), "pictures_per_s": round(rate, 1), "wanted_per_s": wanted}
    text = f"{text}, up to {rate:.0f} pictures/s; the cameras want {wanted:g}/s while something moves everywhere"
    if wanted > rate:
        return warn(
            text,
            "fine where it is mostly quiet; else lower detect.fps, take a smaller model or model.providers",
            **facts,
        )
    return ok(text, **facts)


def _model(patient: Patient) -> ModelConfig | None:
    if patient.config is not None:
        return patient.config.model if patient.config.has_model else None
    path = patient.model or (_DEMO if _DEMO.is_file() else None)
    return None if path is None else ModelConfig(path=path)


def _seconds(detect: object) -> float:
    """The median time of one picture."""
    assert callable(detect)
    picture = np.full((*_SIZE, 3), 114, np.uint8)
    detect([picture])
    taken: list[float] = []
    until = time.perf_counter() + _SECONDS
    while len(taken) < 3 or (time.perf_counter() < until and len(taken) < 200):
        start = time.perf_counter()
        detect([picture])
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)
