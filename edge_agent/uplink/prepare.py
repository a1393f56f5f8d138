"""A picture made ready for the way: cut to what matters, at most 1024 px, encoded, and nothing in it but pixels.

The encoder gets pixels alone, already turned upright: no EXIF, no place, no camera's serial number can go up. Where the
camera stands is known in the cloud by the site's name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import cv2
import numpy as np

from vision.capture.quality import reduced
from vision.errors import InputError
from vision.frame import Pixels
from vision.geometry import Box

Format = Literal["jpeg", "webp"]
Box01 = tuple[float, float, float, float]

_MOSAIC = 2  # blocks across what is hidden: with four and more a detector still sees faces in them
_MARGIN = 0.25  # of a box's sides, hidden around it as well: hair, ears, a late detector
_SMALLEST = 16  # pixels; what the wire takes


@dataclass(frozen=True, slots=True)
class Shape:
    """How pictures go up. `crop`: left, top, right, bottom in 0..1 of the picture."""

    crop: Box01 | None = None
    max_px: int = 1024
    format: Format = "jpeg"
    quality: int = 80


@dataclass(frozen=True, slots=True)
class Prepared:
    """An encoded picture; `sha256` in hex is that of `data`."""

    data: bytes = field(repr=False)
    width: int
    height: int
    sha256: str


def prepare(image: Pixels, shape: Shape, hide: Sequence[Box] = ()) -> Prepared:
    """Cut, hide, reduce and encode a picture (BGR, upright, uint8 [height, width, 3]).

    `hide`: boxes in pixels of `image` that nobody may recognise anything in. Raises `InputError` where nothing is left.
    """
    image = reduced(cropped(hidden(image, hide), shape.crop), shape.max_px)
    height, width = image.shape[:2]
    if min(height, width) < _SMALLEST:
        raise InputError(f"the picture is only {width}x{height} px after cutting; at least {_SMALLEST} are wanted")
    data = encoded(image, shape)
    return Prepared(data, width, height, hashlib.sha256(data).hexdigest())


def cropped(image: Pixels, crop: Box01 | None) -> Pixels:
    """The part of a picture that a crop (0..1) selects."""
    if crop is None:
        return image
    height, width = image.shape[:2]
    left, top, right, bottom = crop
    return image[round(top * height) : round(bottom * height), round(left * width) : round(right * width)]


def hidden(image: Pixels, boxes: Sequence[Box]) -> Pixels:
    """A copy in which each box is a coarse mosaic, smoothed: what was there cannot be computed back."""
    if not boxes:
        return image
    copy = image.copy()
    height, width = copy.shape[:2]
    for box in boxes:
        wide, high = (box.x2 - box.x1) * _MARGIN, (box.y2 - box.y1) * _MARGIN
        left, right = max(0, int(box.x1 - wide)), min(width, int(np.ceil(box.x2 + wide)))
        top, bottom = max(0, int(box.y1 - high)), min(height, int(np.ceil(box.y2 + high)))
        patch = copy[top:bottom, left:right]
        if patch.size == 0:
            continue
        # on a tall box as many blocks down as keep them square
        across = min(_MOSAIC, patch.shape[1])
        down = max(1, min(patch.shape[0], round(across * patch.shape[0] / patch.shape[1])))
        blocks = cv2.resize(patch, (across, down), interpolation=cv2.INTER_AREA)
        patch[:] = cv2.resize(blocks, (patch.shape[1], patch.shape[0]), interpolation=cv2.INTER_LINEAR)
    return copy


def encoded(image: Pixels, shape: Shape) -> bytes:
    """The picture's file: baseline JPEG or WebP, without any metadata."""
    ending, option = {
        "jpeg": (".jpg", cv2.IMWRITE_JPEG_QUALITY),
        "webp": (".webp", cv2.IMWRITE_WEBP_QUALITY),
    }[shape.format]
    optimise = [cv2.IMWRITE_JPEG_OPTIMIZE, 1] if shape.format == "jpeg" else []
    done, data = cv2.imencode(ending, np.ascontiguousarray(image), [option, shape.quality, *optimise])
    if not done:
        raise InputError(f"the picture cannot be written as {shape.format}; try the other format")
    return bytes(data)
