"""Pictures and parcels made on the spot, and a clock that tests move."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from edge_agent.uplink.parcel import Parcel
from vision.frame import Pixels
from vision.wire.messages import PRIORITIES, FrameMeta

START = 1_790_000_000.0


@dataclass
class Clock:
    """Time that tests move."""

    at: float = START

    def __call__(self) -> float:
        return self.at


def picture(seed: int = 0, width: int = 64, height: int = 48) -> Pixels:
    """Full of edges: the gate lets it pass."""
    image = np.random.default_rng(seed).integers(30, 225, (height // 4, width // 4, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)


def dark(seed: int = 0, width: int = 64, height: int = 48) -> Pixels:
    return np.asarray(picture(seed, width, height) // 12, np.uint8)


def jpeg(seed: int = 0, width: int = 64, height: int = 48) -> bytes:
    return bytes(cv2.imencode(".jpg", picture(seed, width, height))[1])


def parcel(
    number: int = 0, *, kind: str = "normal", captured: float | None = None, data: bytes | None = None, **more: Any
) -> Parcel:
    body = jpeg(number) if data is None else data
    told: dict[str, Any] = {
        "frame": f"frame-{number:05d}",
        "site": "north",
        "camera": "field-3",
        "captured": START + number if captured is None else captured,
        "profile": "potato",
        "priority": PRIORITIES[kind],
        "width": 64,
        "height": 48,
        "sha256": hashlib.sha256(body).hexdigest(),
    }
    return Parcel(FrameMeta.model_validate(told | more), body)
