"""Jobs, scripted models and calls without money for the tests of diagnosis."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2

from cloud_adapter.diagnosis.advising import advice_table
from cloud_adapter.diagnosis.base import Answer
from cloud_adapter.diagnosis.calibration import Calibration
from cloud_adapter.diagnosis.leaf import LeafDiagnoser
from cloud_adapter.diagnosis.models import Models
from cloud_adapter.diagnosis.settings import LabelSettings, LeafProfile
from cloud_adapter.providers.base import BackendError, Question, Reply, VisionBackend
from cloud_adapter.records import Job, Picture, Usage
from vision.frame import Pixels
from vision.wire.messages import Reading

NOW = 1_795_000_000.0
LABELS = {"early_blight": LabelSettings(severity="medium"), "late_blight": LabelSettings(severity="high")}


def encoded(image: Pixels) -> Picture:
    """A picture of the records from pixels."""
    data = cv2.imencode(".jpg", image)[1].tobytes()
    height, width = image.shape[:2]
    return Picture(data, "image/jpeg", width, height, hashlib.sha256(data).hexdigest())


def job(profile: str = "field", readings: Sequence[Reading] = ()) -> Job:
    """A job of a device."""
    return Job(
        id="d1/f1",
        device="d1",
        received=NOW,
        profile=profile,
        camera="c1",
        site="s1",
        picture="p1",
        readings=tuple(readings),
    )


Script = Callable[[Question], Mapping[str, Any]]


@dataclass
class Scripted:
    """A model that answers as it is told, or fails with a fault."""

    name: str
    script: Script
    odds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def ask(self, question: Question, pictures: Sequence[Picture], *, deadline_s: float) -> Reply:
        self.asked.append(question.prompt.split("@")[0])
        values = dict(self.script(question))
        if "fault" in values:
            raise BackendError(values["fault"], f"{self.name}: scripted")
        value = question.wire.model_validate({name: values[name] for name in question.wire.model_fields})
        return Reply(value, Usage(900, 0, 30), 0.1, self.name, "native", self.odds)

    def worst_case(self, question: Question, pictures: Sequence[Picture]) -> Usage:
        return Usage(1000, 0, 120)

    async def close(self) -> None:
        pass


GOOD: dict[str, Any] = {
    "view": "leaf",
    "text_in_scene": "no",
    "health": "diseased",
    "label": "late_blight",
    "second": "early_blight",
    "third": "none",
    "certainty": "sure",
    "severity": "medium",
    "state": "in_place",
}


def saying(name: str, **values: Any) -> Scripted:
    """A model that says late blight, but for `values`."""
    return Scripted(name, lambda _: GOOD | values)


class Direct:
    """`Calls` that asks at once; 1,000 micro-dollars a call."""

    async def ask(self, job: Job, backend: VisionBackend, question: Question, pictures: Sequence[Picture]) -> Answer:
        return Answer(await backend.ask(question, pictures, deadline_s=60), 1000, cached=False)


def leaf_diagnoser(models: Sequence[Scripted], calibration: Calibration | None = None, **more: Any) -> LeafDiagnoser:
    """For a field of potatoes; the first model is the profile's."""
    profile = LeafProfile(crop="potato", labels=LABELS, model=models[0].name, **more)
    known = Models({model.name: model for model in models})
    table = calibration or Calibration()
    return LeafDiagnoser("field", profile, known, (), advice_table("potato"), table, now=lambda: NOW)
