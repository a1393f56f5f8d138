"""Reference pictures of a profile: read once, made small, without metadata, the same bytes each time."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np

from cloud_adapter.diagnosis.settings import LeafProfile
from cloud_adapter.providers.base import Example
from cloud_adapter.records import Picture
from vision.errors import InputError

_QUALITY = 85
_MAX_BYTES = 50_000_000


def examples(name: str, profile: LeafProfile) -> tuple[Example, ...]:
    """The profile's reference pictures in its order. Raises `InputError` for a file that is no picture."""
    return tuple(
        Example(_small(one.picture, f"profiles.{name}.references[{i}]", profile.reference_px), one.label)
        for i, one in enumerate(profile.references)
    )


def _small(path: Path, place: str, edge: int) -> Picture:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(f"{place}: {path} has more than {_MAX_BYTES // 1_000_000} MB; give a smaller picture")
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise InputError(f"{place}: {path}: {error.strerror}; check the path") from None
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    if image is None:
        raise InputError(f"{place}: {path} is no picture that can be read; give a JPEG, PNG or WebP")
    scale = edge / max(image.shape[:2])
    if scale < 1:
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    made = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes()
    height, width = image.shape[:2]
    return Picture(made, "image/jpeg", width, height, hashlib.sha256(made).hexdigest())
