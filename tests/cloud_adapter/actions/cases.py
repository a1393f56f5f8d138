"""One case in which everything holds, and how to change it."""

from __future__ import annotations

from typing import Any

from cloud_adapter.actions.guard import Approval, Case, Opening
from cloud_adapter.actions.settings import ActionConfig
from cloud_adapter.records import Candidate, Diagnosis, Opinion
from vision.wire.messages import Reading

NOW = 1_790_000_000.0  # a Monday, 13:33 UTC
HOUR = 3600.0
COMMAND = "cmd-1"


def action(**changes: Any) -> ActionConfig:
    """Spray for late blight: 250 ml in 12.5 s on 10 m²."""
    return ActionConfig.model_validate(
        {
            "name": "spray",
            "mode": "auto",
            "profile": "potato",
            "labels": ["late_blight", "early_blight"],
            "min_confidence": 0.85,
            "agreement": {"k": 2, "n": 3, "captures": 2, "apart_s": 600, "within_h": 48},
            "sensors": [
                {"sensor": "wind", "unit": "m/s", "max": 3},
                {"sensor": "rain", "unit": "mm", "max": 0},
                {"sensor": "tank", "unit": "%", "min": 10, "at": "camera"},
            ],
            "dose": {
                "amount": 250, "rate": 20, "area_m2": 10, "max_per_m2": 60, "max_open_s": 30,
                "openings_per_day": 2, "cooldown_s": 7200,
            },
            "actuator": {"type": "simulated"},
        }
        | changes
    )  # fmt: skip


def opinion(label: str = "late_blight", model: str = "qwen-vl", **changes: Any) -> Opinion:
    return Opinion(model=model, label=label, candidates=(Candidate(label=label, confidence=0.93),), **changes)


def job_of(name: str) -> str:
    """The job of a frame: device and frame."""
    return f"node-1/frame-{name}"


def diagnosis(job: str = "j1", ago_s: float = 60.0, **changes: Any) -> Diagnosis:
    label = changes.get("label", "late_blight")
    values: dict[str, Any] = {
        "job": job_of(job), "device": "node-1", "camera": "field-1", "site": "farm", "profile": "potato",
        "captured": NOW - ago_s, "decided": NOW - ago_s + 5, "outcome": "diagnosed", "label": label, "confidence": 0.93,
        "calibrated": True, "picture": f"picture-{job}", "facts": {"person_in_view": False, "animal_in_view": False},
        "opinions": (opinion(label), opinion(label, "local")),
    }  # fmt: skip
    return Diagnosis.model_validate(values | changes)


def pictures(*others: Diagnosis, **newest: Any) -> list[Diagnosis]:
    """The newest picture, and those before it (by default one of two hours ago)."""
    return [diagnosis(**newest), *(others or (diagnosis("j0", 2 * HOUR),))]


def readings(**changes: Reading | None) -> dict[tuple[str, str], Reading]:
    """Wind, rain and tank as they should be; None takes one away."""
    known: dict[str, Reading | None] = {
        "wind": reading("wind", 1.2, "m/s"),
        "rain": reading("rain", 0.0, "mm"),
        "tank": reading("tank", 64, "%"),
        **changes,
    }
    return {("field-1", name): value for name, value in known.items() if value is not None}


def reading(sensor: str, value: float, unit: str, ago_s: float = 120.0) -> Reading:
    return Reading.model_construct(sensor=sensor, value=value, unit=unit, t=NOW - ago_s)


def approval(command: str = COMMAND, who: str = "Li Na", ago_s: float = 60.0) -> Approval:
    return Approval(command, who, NOW - ago_s)


def opening(ago_s: float, amount: float = 250) -> Opening:
    return Opening(NOW - ago_s, amount)


def case(**changes: Any) -> Case:
    """Everything holds, but for the changes."""
    values: dict[str, Any] = {
        "action": action(),
        "command": COMMAND,
        "pictures": pictures(),
        "readings": readings(),
        "openings": (),
        "now": NOW,
    }
    return Case(**(values | changes))
