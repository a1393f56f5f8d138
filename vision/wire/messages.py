"""What a device sends up and what comes back; JSON forms of both sides, versioned by the path (`/v1/…`).

A picture travels as the body of `PUT /v1/frames/{id}`, its `FrameMeta` beside it in the header `Sightline-Meta`
(base64url of the JSON); readings without a picture are the JSON body of `POST /v1/readings`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from vision.events import Fact

Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
FrameId = Annotated[str, Field(min_length=8, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
Trigger = Literal["schedule", "floor", "detector", "manual", "follow_up", "sensor"]
MediaType = Literal["image/jpeg", "image/webp"]
PRIORITIES: dict[str, int] = {"alarm": 0, "follow_up": 1, "normal": 5, "backfill": 9}  # smaller goes first


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Reading(_Message):
    """One value of one sensor; `t` epoch seconds UTC, the unit in words (`deg`, `m/s`, `mm`, `%`, `g`)."""

    sensor: Name
    value: float = Field(allow_inf_nan=False)
    unit: str = Field("", max_length=16)
    t: float = Field(ge=0, allow_inf_nan=False)


class FrameMeta(_Message):
    """What is known about a picture beside its pixels; nothing in it places a person or a camera on the map.

    `captured` is epoch seconds UTC by the device's clock; `profile` names what is asked about it (a key of the cloud
    config's `profiles`); `follows` is the frame id that a follow-up picture answers to.
    """

    frame: FrameId
    site: Name
    camera: Name
    captured: float = Field(ge=0, allow_inf_nan=False)
    profile: Name
    trigger: Trigger = "schedule"
    priority: int = Field(PRIORITIES["normal"], ge=0, le=9)
    width: int = Field(ge=16, le=16384)
    height: int = Field(ge=16, le=16384)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    follows: FrameId | None = None
    quality: dict[str, float] = Field(default_factory=dict, max_length=16)
    facts: dict[str, Fact] = Field(default_factory=dict, max_length=32)
    readings: tuple[Reading, ...] = Field((), max_length=64)


class Readings(_Message):
    """Sensor readings without a picture; `id` makes sending them twice harmless."""

    id: FrameId
    site: Name
    camera: Name
    profile: Name
    readings: tuple[Reading, ...] = Field(min_length=1, max_length=256)


class CaptureRequest(_Message):
    """The cloud asks for one more picture: not before `after`, not later than `until` (epoch seconds UTC)."""

    id: FrameId
    camera: Name
    profile: Name
    after: float
    until: float
    follows: FrameId | None = None
    reason: str = Field("", max_length=200)


class Ack(_Message):
    """The answer to an upload that is now durable; `requests` are for the cameras of this device."""

    id: FrameId
    stored: Literal["new", "known"]
    requests: tuple[CaptureRequest, ...] = ()
