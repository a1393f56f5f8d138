"""From a picture to a parcel: people hidden or the picture held back, prepared, and described for the cloud."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from edge_agent.config.models import CameraConfig
from edge_agent.uplink.parcel import Parcel
from edge_agent.uplink.people import PeopleFinder, sees_all
from edge_agent.uplink.prepare import Shape, prepare
from edge_agent.uplink.settings import CaptureConfig
from vision.errors import InputError
from vision.events import Fact, event_id
from vision.frame import Pixels
from vision.wire.messages import PRIORITIES, FrameMeta, Trigger

KINDS: dict[Trigger, str] = {"detector": "alarm", "sensor": "alarm", "follow_up": "follow_up"}  # others: normal


@dataclass(frozen=True, slots=True)
class Told:
    """What goes with a picture; see `FrameMeta`. `origin`: what the id is made of, default: the encoded picture."""

    captured: float
    trigger: Trigger
    profile: str
    follows: str | None = None
    quality: Mapping[str, float] = field(default_factory=dict)
    facts: Mapping[str, Fact] = field(default_factory=dict)
    priority: int | None = None
    origin: str | None = None


class Maker:
    """Makes the parcels of one camera. Raises `InputError` for a camera without `capture`."""

    def __init__(self, camera: CameraConfig, site: str, finder: PeopleFinder | None = None) -> None:
        if camera.capture is None:
            raise InputError(f"camera {camera.name}: it needs capture: {{profile: …}}")
        self.capture: CaptureConfig = camera.capture
        self._camera, self._site, self._finder = camera.name, site, finder
        self._shape = shape_of(self.capture)

    def parcel(self, image: Pixels, told: Told) -> Parcel | None:
        """The picture, ready to be spooled; None where people are in it and it is not to leave for that.

        Takes some 10 ms, and up to a second where people are looked for. Raises `InputError` where nothing is left of it.
        """
        finder = self._finder if self.capture.people != "allow" else None
        people = finder.people(image) if finder is not None else []
        if people and self.capture.people == "refuse":
            return None
        made = prepare(image, self._shape, people)
        kind = KINDS.get(told.trigger, "normal")
        meta = FrameMeta(
            frame=event_id(told.captured, self._site, self._camera, told.origin or made.sha256),
            site=self._site,
            camera=self._camera,
            captured=round(told.captured, 3),
            profile=told.profile,
            trigger=told.trigger,
            priority=PRIORITIES[kind] if told.priority is None else told.priority,
            width=made.width,
            height=made.height,
            sha256=made.sha256,
            follows=told.follows,
            quality=dict(told.quality),
            facts=dict(told.facts) | _seen(len(people), finder),
        )
        return Parcel(meta, made.data)


def _seen(people: int, finder: PeopleFinder | None) -> dict[str, Fact]:
    """What the cloud's guard of actions wants to know; a finder that may overlook somebody says nothing of nobody."""
    if people:
        return {"hidden": people, "person_in_view": True}
    return {"person_in_view": False} if sees_all(finder) else {}


def shape_of(capture: CaptureConfig) -> Shape:
    """How the pictures of a camera go up."""
    return Shape(capture.crop, capture.max_px, capture.format, capture.quality)
