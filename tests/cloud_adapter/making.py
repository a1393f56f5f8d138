"""Jobs and pictures for the tests of the cloud adapter's inner rooms."""

from __future__ import annotations

import hashlib

from cloud_adapter.records import Job, Picture


def make_job(
    frame: str = "frame-0001", *, device: str = "field-1", priority: int = 5, data: bytes | None = None
) -> Job:
    """A job whose picture is `data`; without, one of readings alone."""
    key = hashlib.sha256(data).hexdigest() if data is not None else None
    return Job(
        id=f"{device}/{frame}",
        device=device,
        received=1000.0,
        profile="potato",
        camera="cam",
        site="north",
        priority=priority,
        picture=key,
        width=640 if key else 0,
        height=480 if key else 0,
    )


def make_picture(data: bytes, width: int = 640, height: int = 480) -> Picture:
    """A picture as the worker hands it on."""
    return Picture(data, "image/jpeg", width, height, hashlib.sha256(data).hexdigest())
