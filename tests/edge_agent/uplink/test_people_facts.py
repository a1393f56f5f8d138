"""What the device says about people, for the guard of actions in the cloud."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edge_agent.config.models import CameraConfig
from edge_agent.uplink.maker import Maker, Told
from edge_agent.uplink.people import Everybody, Persons
from vision.detect.base import Detections
from vision.frame import Pixels
from vision.geometry import Box

IMAGE = np.full((240, 320, 3), 120, np.uint8)


class Scripted:
    """A detector that sees so many persons."""

    names = ("person",)

    def __init__(self, count: int) -> None:
        self.count = count

    def detect(self, images: Any) -> list[Detections]:
        boxes = np.tile(np.array([[10, 10, 60, 120]], np.float32), (self.count, 1))
        zeros = np.zeros(self.count, np.int64)
        return [Detections(boxes.reshape(-1, 4), np.full(self.count, 0.9, np.float32), zeros, self.names)]


class FacesOnly:
    """Sees faces, and so overlooks whoever turns away."""

    def __init__(self, count: int) -> None:
        self.count = count

    def people(self, image: Pixels) -> list[Box]:
        return [Box(10, 10, 60, 60)] * self.count


def persons(count: int) -> Persons:
    return Persons(Scripted(count))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("mode", "finder", "facts"),
    [
        ("blur", persons(0), {"person_in_view": False}),  # somebody looked, and saw nobody
        ("blur", persons(2), {"person_in_view": True, "hidden": 2}),
        ("blur", FacesOnly(0), {}),  # no face is not nobody
        ("blur", FacesOnly(1), {"person_in_view": True, "hidden": 1}),
        ("blur", Everybody((FacesOnly(0), persons(0))), {"person_in_view": False}),
        ("blur", Everybody((FacesOnly(0),)), {}),
        ("blur", None, {}),
        ("allow", persons(0), {}),  # nobody looked
    ],
)
def test_people_in_view(mode: str, finder: Any, facts: dict[str, Any]) -> None:
    camera = CameraConfig.model_validate({"name": "c", "tier": "cloud", "capture": {"profile": "p", "people": mode}})
    parcel = Maker(camera, "farm", finder).parcel(IMAGE, Told(1.0, "schedule", "p"))
    assert parcel is not None
    assert parcel.meta.facts == facts
