"""Pictures to try a model with."""

from __future__ import annotations


def sample_picture(seed: int, width: int = 448, height: int = 336) -> bytes:
    """A picture that no cache knows: soft noise, JPEG."""
    import cv2
    import numpy as np

    noise = np.random.default_rng(seed).integers(40, 220, (21, 28, 3), dtype=np.uint8)
    return bytes(cv2.imencode(".jpg", cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC))[1])
