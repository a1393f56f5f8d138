"""The config's sections for the cloud tier: `cameras[].capture` and `uplink`."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from vision.capture.quality import Gate
from vision.capture.schedule import parse
from vision.delivery.env import AddressText, SecretText
from vision.schedule import TimeZone
from vision.settings.values import ConfigPath, Value
from vision.wire.messages import Name


def _entry(text: str) -> str:
    parse(text)
    return text


def _crop(value: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    left, top, right, bottom = value
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise ValueError("a crop is [left, top, right, bottom] in 0..1 of the picture, for example [0.1, 0.2, 0.9, 1]")
    return value


Entry = Annotated[str, AfterValidator(_entry)]
Crop = Annotated[tuple[float, float, float, float], AfterValidator(_crop)]
Place = tuple[Annotated[float, Field(ge=-90, le=90)], Annotated[float, Field(ge=-180, le=180)]]
Site = Annotated[Name, Field(description="Letters, digits, _ . -")]


class DetectorGate(Value):
    """Pictures by what is seen instead of by the clock: the stream stays open, the detector looks all the time."""

    classes: tuple[str, ...] = Field(("person",), min_length=1, description="What makes a picture worth sending.")
    zone: str | None = Field(None, min_length=1, description="Only in this zone; default: anywhere in the picture.")
    min_seconds: float = Field(1.0, ge=0, le=3600, description="How long it must be there.")


class CaptureConfig(Value):
    """What a camera with `tier: cloud` sends up, and when."""

    profile: Name = Field(description="What is asked about the pictures: a name of `profiles` in the cloud's config.")
    at: tuple[Entry, ...] = Field(
        ("12:00",),
        description='Times of the day: "06:30", "mon-fri 12:00", "sunrise+45m", "sunset-1h", "noon" (by the sun).',
    )
    floor_per_day: int = Field(
        1, ge=0, le=1, description="1: of a day whose pictures were all refused by the gate, the best one goes up."
    )
    late_s: float = Field(
        1800.0, ge=0, le=86400, description="So long after its time a picture is still taken (camera away, no power)."
    )
    settle_s: float = Field(
        2.0, ge=0, le=60, description="Seconds in which a camera that was opened finds its exposure."
    )
    look_s: float = Field(8.0, ge=0, le=120, description="Seconds after that in which a picture may pass the gate.")
    crop: Crop | None = Field(
        None, description="[left, top, right, bottom] in 0..1 of the picture; default: all of it."
    )
    max_px: int = Field(1024, ge=128, le=4096, description="Longest side in pixels of what goes up.")
    format: Literal["jpeg", "webp"] = Field("jpeg", description="WebP is smaller, and takes longer to make.")
    quality: int = Field(80, ge=10, le=100, description="Of the encoder.")
    people: Literal["allow", "blur", "refuse"] = Field(
        "allow",
        description="Pictures with people in them: send, make them unrecognisable, or do not send. Found by uplink.faces "
        "and by the config's detector where that knows persons.",
    )
    gate: Gate = Field(Gate(), description="When a picture is not worth its bytes.")
    detector: DetectorGate | None = Field(None, description="Send what the detector sees, as an alarm.")
    timezone: TimeZone | None = Field(None, description="The camera's IANA time zone; default: that of `uplink`.")
    place: Place | None = Field(None, description="Latitude and longitude for sunrise; default: those of `uplink`.")


class UplinkConfig(Value):
    """Where pictures go, and how they wait for it."""

    url: AddressText = Field(description="The cloud adapter's intake: https://host[:port].")
    key: SecretText = Field(
        description="This device's key, as `sightline cloud` shows it when the device is added: ${NAME}."
    )
    device: Name | None = Field(None, description="The device that the key must be for; default: whose key it is.")
    site: Site = Field(description="Name of the place, sent instead of its coordinates.")
    timezone: TimeZone = Field("UTC", description="IANA name of the cameras' time zone, for example Asia/Shanghai.")
    place: Place | None = Field(
        None, description="Latitude and longitude, degrees north and east, for sunrise and sunset; never sent."
    )
    spool_mb: int = Field(512, ge=1, le=1_000_000, description="Disk for pictures that wait; used by `run`.")
    min_free_mb: int = Field(64, ge=0, le=1_000_000, description="Space that they leave free on the disk.")
    expire_days: float = Field(
        30.0, gt=0, le=3650, description="Pictures that could not be sent for so long are given up."
    )
    max_kbit_s: float | None = Field(None, ge=1, description="Upload no faster than this; default: as fast as it goes.")
    ask_minutes: float = Field(
        15.0, ge=0, le=1440, description="Ask the cloud so often for wanted pictures; 0: only when one is uploaded."
    )
    faces: ConfigPath | None = Field(
        None, description="A YuNet file (face_detection_yunet_….onnx), for `capture.people`."
    )

    @model_validator(mode="after")
    def _http(self) -> Self:
        if not self.url.text.startswith(("http://", "https://", "${")):
            raise ValueError("url: the intake is an https:// (or http://) address")
        return self
