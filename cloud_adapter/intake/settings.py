"""How pictures come in, and who may send them: the sections `intake` and `devices` of the cloud config."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, model_validator

from vision.delivery.env import SecretText
from vision.settings.values import ConfigPath, Value
from vision.wire.messages import Name

_MB = 1_000_000


class PictureLimits(Value):
    """What an uploaded picture may be, and what becomes of it."""

    max_bytes: int = Field(4 * _MB, ge=10_000, le=32 * _MB, description="The largest body that is read, in bytes.")
    max_pixels: int = Field(
        16 * _MB,
        ge=10_000,
        le=100 * _MB,
        description="The most pixels; read from the header, before anything is decoded.",
    )
    min_side: int = Field(16, ge=16, le=1024, description="The shortest side in pixels that is of any use.")
    longest_side: int = Field(
        2048, ge=256, le=16_384, description="Larger pictures are made smaller to this many pixels."
    )
    quality: int = Field(90, ge=50, le=100, description="JPEG quality of the re-encoded picture.")
    decoders: int = Field(1, ge=1, le=16, description="Processes that decode pictures, one picture at a time each.")
    decode_seconds: int = Field(10, ge=1, le=60, description="Processor seconds that decoding one picture may take.")


class RateLimits(Value):
    """How much one device may send; what is not used up is saved for a while."""

    requests_per_minute: float = Field(30, gt=0, le=10_000, description="Requests of one device in the long run.")
    requests_burst: int = Field(
        60, ge=1, le=10_000, description="Requests that a device may send at once after a pause."
    )
    bytes_per_minute: float = Field(10 * _MB, gt=0, description="Bytes of one device in the long run.")
    bytes_burst: int = Field(40 * _MB, ge=100_000, description="Bytes that a device may send at once after a pause.")
    uploads: int = Field(4, ge=1, le=100, description="Uploads of one device that may be under way at the same time.")


class LoadLimits(Value):
    """What the intake takes on at all; over it, devices are asked to come back later."""

    connections: int = Field(2000, ge=1, le=100_000, description="Open connections; further ones are closed at once.")
    uploads: int = Field(1024, ge=1, le=100_000, description="Uploads under way at the same time, of all devices.")
    upload_bytes: int = Field(
        160 * _MB, ge=_MB, description="Memory for bodies that are under way; each reserves its Content-Length."
    )
    header_seconds: float = Field(20, ge=1, le=300, description="Time for a connection to send the head of a request.")
    grace_seconds: float = Field(15, ge=1, le=300, description="How far an upload may lag behind the slowest speed.")
    bytes_per_second: float = Field(2000, ge=10, description="The slowest speed of an upload.")
    waiting_jobs: int = Field(10_000, ge=1, description="Jobs in the queue from which on devices are told to wait.")
    waiting_bytes: int = Field(4000 * _MB, ge=_MB, description="Bytes of pictures in the queue, likewise.")


class IntakeSettings(Value):
    """Where the intake listens and what it takes."""

    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0: all of this machine.")
    port: int = Field(8090, ge=0, le=65_535, description="Port to listen on; 0: any free one.")
    certificate: ConfigPath | None = Field(
        None, description="TLS certificate chain (PEM); without it put a TLS proxy in front."
    )
    certificate_key: ConfigPath | None = Field(None, description="Private key of the certificate (PEM).")
    key: SecretText | None = Field(
        None,
        description="Secret from which keys of devices are made; by default data_dir/intake.key, made at first use. "
        "To be set where several machines take pictures in.",
    )
    window_seconds: float = Field(300, ge=30, le=3600, description="How far a device's clock may be off.")
    remember_days: int = Field(
        90, ge=1, le=3650, description="How long ids of frames are known, so that none is taken twice."
    )
    pictures: PictureLimits = Field(default_factory=PictureLimits, description="What a picture may be.")
    rates: RateLimits = Field(default_factory=RateLimits, description="How much one device may send.")
    load: LoadLimits = Field(default_factory=LoadLimits, description="What the intake takes on at all.")

    @model_validator(mode="after")
    def _fits(self) -> IntakeSettings:
        if (self.certificate is None) != (self.certificate_key is None):
            raise ValueError("certificate and certificate_key belong together: set both or none")
        if self.pictures.max_bytes > min(self.load.upload_bytes, self.rates.bytes_burst):
            raise ValueError(
                "pictures.max_bytes is more than load.upload_bytes or rates.bytes_burst: none could be sent"
            )
        return self


class KeySettings(Value):
    """One key of a device; several, so that a new one can be brought out while the old one still holds."""

    id: Name = Field("k1", description="Name of the key.")
    secret: SecretText = Field(
        description="The key: ${NAME}; at least 32 letters, digits, - and _: openssl rand -hex 24."
    )
    not_before: AwareDatetime | None = Field(None, description="Valid from; 2026-05-01T00:00:00Z.")
    not_after: AwareDatetime | None = Field(None, description="Valid until.")
    revoked: bool = Field(False, description="No longer accepted.")


class Rights(Value):
    """In whose name a device may send, and how."""

    site: Name = Field("site", description="Where it stands; pictures that name another site are refused.")
    cameras: tuple[Name | Literal["*"], ...] = Field(
        (), description='Cameras it may speak for; none: one with the name of the device; "*": any.'
    )
    profiles: tuple[Name, ...] = Field((), description="What may be asked about its pictures; none: any profile.")
    plain: bool = Field(
        False,
        description="Whether it may send with the key alone, as Bearer, unsigned; only behind TLS, for simple devices.",
    )


class DeviceSettings(Rights):
    """A device that may send pictures."""

    name: Name = Field(description="Name of the device.")
    keys: Annotated[tuple[KeySettings, ...], Field(min_length=1, max_length=8)] = Field(description="Its keys.")


def epoch(moment: datetime | None, otherwise: float) -> float:
    """Epoch seconds of a moment of the config."""
    return otherwise if moment is None else moment.timestamp()
