"""Things in a region and their size: found by tone or colour, outlined between pixels, measured in millimetres."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import Field

from vision.geometry import Box
from vision.inspect.calibration import Points
from vision.inspect.check import CheckParams
from vision.inspect.colour import Colour, bgr_of, difference, lab
from vision.inspect.part import Mask, View
from vision.inspect.result import CheckResult, Finding

_REACH = 2.0  # pixels to either side of a rough outline in which the true edge is sought
_SAMPLES = 17


class ThingParams(CheckParams):
    """How the things of a region are found; checks that measure them add what they are to be."""

    tone: Literal["dark", "bright"] = Field(
        "dark", description="Whether things are darker or brighter than around them."
    )
    colour: Colour | None = Field(None, description="In place of tone: the things' colour, #rrggbb.")
    colour_distance: float = Field(20.0, gt=0, le=200, description="How far their colour may be off (CIEDE2000).")
    level: float | None = Field(
        None,
        ge=0,
        le=100,
        description="The tone, in percent of white, that parts things from the rest; default: found.",
    )
    contrast: float = Field(
        10.0, ge=0, le=100, description="Things less apart from the rest than this percent of white are none."
    )
    min_area: float = Field(0.5, ge=0, le=100, description="Smaller things do not count, in percent of the region.")
    max_area: float = Field(95.0, gt=0, le=100, description="Larger ones do not either.")


@dataclass(frozen=True, slots=True, eq=False)
class Thing:
    """One thing: its outline between pixels [N, 2] of the view, its area in pixels there."""

    outline: Points
    area_px: float

    @property
    def centre(self) -> tuple[float, float]:
        """Its centre of area, in pixels of the view."""
        return _centroid(self.outline)

    def box(self, view: View) -> Box:
        """Its box in the original picture."""
        return view.around(self.outline)


@dataclass(frozen=True, slots=True)
class Size:
    """Sides of the smallest rectangle around a thing (`length` the longer), area, and the diameter of a disc of that area.

    `angle_deg` is that of the longer side against the view's horizontal, counter-clockwise, in -90..90.
    """

    length: float
    width: float
    diameter: float
    area: float
    angle_deg: float


def things(view: View, params: ThingParams) -> list[Thing]:
    """The things in a view, the largest first."""
    bits, plane, level = _parted(view, params)
    if bits is None:
        return []
    found, total = [], bits.size
    outlines, tree = cv2.findContours(bits, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    for number, rough in enumerate(outlines):
        if tree[0][number][3] >= 0 or len(rough) < 6:  # a hole in another, or a speck
            continue
        outline = rough.reshape(-1, 2).astype(np.float64) + 0.5
        if plane is not None:
            outline = _sharpened(outline, plane, level)
        area = abs(_area(outline))
        if params.min_area / 100 * total <= area <= params.max_area / 100 * total:
            found.append(Thing(outline, area))
    return sorted(found, key=lambda thing: -thing.area_px)


def _parted(view: View, params: ThingParams) -> tuple[Mask | None, npt.NDArray[np.float32] | None, float]:
    """What is thing (255), and the plane and level along which it was parted; None where there is nothing."""
    judged = np.ones(view.image.shape[:2], bool) if view.mask is None else view.mask > 0
    if not judged.any():
        return None, None, 0.0
    if params.colour is not None:
        near = difference(lab(view.image), lab(np.array([[bgr_of(params.colour)]], np.uint8))) < params.colour_distance
        return np.where(near & judged, 255, 0).astype(np.uint8), None, 0.0
    plane = np.asarray(cv2.GaussianBlur(cv2.cvtColor(view.image, cv2.COLOR_BGR2GRAY), (0, 0), 0.8), np.uint8)
    level = _level(plane[judged]) if params.level is None else params.level * 2.55
    over = plane > level
    here = (over if params.tone == "bright" else ~over) & judged
    rest = judged & ~here
    if not here.any() or not rest.any():
        # a level that the user has set stands by itself; one that was found needs two tones
        return (
            (np.where(here, 255, 0).astype(np.uint8) if params.level is not None and here.any() else None),
            None,
            level,
        )
    apart = abs(float(np.median(plane[here])) - float(np.median(plane[rest])))
    if apart < params.contrast * 2.55:
        return None, None, level
    return np.where(here, 255, 0).astype(np.uint8), plane.astype(np.float32), level


def _level(values: npt.NDArray[np.uint8]) -> float:
    """Midway between the two tones that Otsu's method finds: a sharp edge passes it half-way, whatever their shares."""
    otsu, _ = cv2.threshold(values.reshape(1, -1), 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    low, high = values[values <= otsu], values[values > otsu]
    if len(low) == 0 or len(high) == 0:
        return float(otsu)
    return (float(np.median(low)) + float(np.median(high))) / 2


def _sharpened(outline: Points, plane: npt.NDArray[np.float32], level: float) -> Points:
    """Every point moved along its normal to where the brightness passes the level."""
    ahead, behind = np.roll(outline, -3, axis=0), np.roll(outline, 3, axis=0)
    along = ahead - behind
    length = np.hypot(along[:, 0], along[:, 1])
    normal = np.stack([along[:, 1], -along[:, 0]], 1) / np.maximum(length, 1e-9)[:, None]
    steps = np.linspace(-_REACH, _REACH, _SAMPLES)
    at = (outline[:, None, :] + steps[None, :, None] * normal[:, None, :] - 0.5).astype(np.float32)
    seen = np.asarray(_sampled(plane, at), np.float64) - level
    crossing = (seen[:, :-1] * seen[:, 1:] <= 0) & (seen[:, :-1] != seen[:, 1:])
    # of several crossings the nearest to the rough outline
    away = np.where(crossing, np.abs(steps[:-1] + steps[1:])[None, :], np.inf)
    first = np.argmin(away, axis=1)
    rows = np.arange(len(outline))
    a, b = seen[rows, first], seen[rows, first + 1]
    share = np.divide(a, a - b, out=np.zeros_like(a), where=(a - b) != 0)
    move = np.where(np.isfinite(away[rows, first]), steps[first] + share * (steps[1] - steps[0]), 0.0)
    return np.asarray(outline + move[:, None] * normal)


def _sampled(plane: npt.NDArray[np.float32], at: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Values between pixels; in pieces, since OpenCV's maps may not be long."""
    pieces = [
        cv2.remap(plane, np.ascontiguousarray(p[..., 0]), np.ascontiguousarray(p[..., 1]), cv2.INTER_LINEAR,
                  borderMode=cv2.BORDER_REPLICATE)
        for p in np.array_split(at, -(-len(at) // 8192))
    ]  # fmt: skip
    return np.concatenate([np.asarray(piece, np.float32) for piece in pieces])


def _area(outline: Points) -> float:
    x, y = outline.T
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2)


def _centroid(outline: Points) -> tuple[float, float]:
    x, y = outline.T
    cross = x * np.roll(y, -1) - np.roll(x, -1) * y
    total = float(cross.sum())
    if abs(total) < 1e-9:
        return float(x.mean()), float(y.mean())
    return (
        float(((x + np.roll(x, -1)) * cross).sum() / (3 * total)),
        float(((y + np.roll(y, -1)) * cross).sum() / (3 * total)),
    )


def size(outline: Points) -> Size:
    """The size of an outline [N, 2], in its own unit (squared for the area)."""
    offset = outline.mean(axis=0)  # float32 is enough once the numbers are small
    (_, (a, b), turn) = cv2.minAreaRect((outline - offset).astype(np.float32))
    angle = -turn if a >= b else -turn + 90  # OpenCV turns clockwise, since y points down
    angle = (angle + 90) % 180 - 90
    area = abs(_area(outline))
    return Size(float(max(a, b)), float(min(a, b)), 2 * float(np.sqrt(area / np.pi)), area, float(angle))


def in_unit(view: View, outline: Points, unit: str) -> Points | None:
    """The outline in "mm" or in "px" of the original picture; None where millimetres are not known."""
    return view.native(outline) if unit == "px" else view.mm(outline)


def finding(view: View, thing: Thing, kind: str, score: float) -> Finding:
    """A thing as a finding in the original picture."""
    scale = abs(float(np.linalg.det(view.to_native[:, :2])))
    return Finding(thing.box(view), kind, round(thing.area_px * scale, 1), round(score, 4))


def whole_view(view: View, kind: str, score: float) -> Finding:
    """The whole region as a finding: where something is missing there is nothing to draw a box around."""
    width, height = view.size
    scale = abs(float(np.linalg.det(view.to_native[:, :2])))
    return Finding(view.native_box(Box(0, 0, width, height)), kind, round(width * height * scale, 1), round(score, 4))


def uncalibrated(check: str, view: View) -> CheckResult:
    """Nothing can be said in millimetres."""
    reason = "there is no calibration for pictures of this size; make one: sightline inspect calibrate"
    return CheckResult.undecided(check, reason, view.region)


def off(value: float, allowed: tuple[float, float]) -> float:
    """How far a value lies from the middle of what is allowed, in units of half the range: above 1 is outside."""
    low, high = allowed
    half = (high - low) / 2
    away = abs(value - (low + high) / 2)
    if half > 0:
        return away / half
    return 0.0 if away == 0 else 1.0 + away
