"""Is a picture worth its bytes: too dark, overexposed, a blocked lens, nothing but sky, blurred, or an old one again?

Change of the scene is no criterion: weather changes a picture more than a disease does. Everything is measured on the
picture reduced to 256 px (longest side), so that limits hold for every camera. The default limits were set on 61 leaf and
street photos and frames of 11 cameras (`tests/vision/capture/test_quality.py` holds them to it): none of those is refused,
and each limit leaves the worst of them a margin.

* `light`: the 95th percentile of the brightness. A lit lamp in the night does not make a picture.
* `over`: share of clipped pixels (245 and above).
* `blur`: how little is lost when the picture is blurred once more, 0 sharp to 1. F. Crete et al., "The blur effect:
  perception and estimation with a new no-reference perceptual blur metric", SPIE 6492, 2007. Needs edges to judge by.
* `detail`: the 99th percentile of |Laplacian|, the sharpest edges in grey levels; what `blur` cannot judge.
  S. Pertuz et al., "Analysis of focus measure operators for shape-from-focus", Pattern Recognition 46, 2013.
* `contrast`: the standard deviation of the brightness. A covered lens has neither edges nor contrast.
* `sky`: share of 8x8 tiles that are smooth, bright and not of a warm or green colour.
* `same`: share of the pixels that are exactly those of the picture before. A live sensor's noise changes most of them;
  a stuck encoder or a cached snapshot repeats them, but for a clock that is drawn into the picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from vision.frame import Pixels

Reason = Literal["dark", "overexposed", "blocked", "sky", "frozen", "blurred"]
Plane = npt.NDArray[np.float32]

_SIDE = 256
_TILES = 8
_CLIPPED = 245  # noise takes clipped pixels some levels down again
_REBLUR = 9  # pixels, as in the paper
_SMOOTH = 8.0  # 90th percentile of |Laplacian| up to which a tile may be clouds
_FLAT = 10.0  # contrast below which a picture with weak edges is a covered lens; one out of focus has more
_NOISE = 3.0  # ... times the limit of `detail`: sensor noise has edges too
_SKY_LIGHT = 80.0
_WARM = 8.0  # grey levels by which green or red may exceed blue in grey clouds
_SAMPLE = 200  # columns of a fingerprint, at least
_CLEAR = (4, 251)  # brightness outside says nothing: clipped pixels repeat themselves
_ENOUGH = 0.2  # share of a fingerprint that must be unclipped to compare


class Gate(BaseModel):
    """Limits below or beyond which a picture is not sent; a limit of 0 (for `over`, `blur`, `sky`, `same`: 1) is off."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    light: float = Field(
        45.0, ge=0, le=255, description="Too dark: 95 % of the picture is darker than this (of 255). Off: 0."
    )
    over: float = Field(0.4, ge=0, le=1, description="Overexposed: this share of the picture is clipped. Off: 1.")
    detail: float = Field(
        6.0,
        ge=0,
        le=255,
        description="Blurred or blocked: the sharpest edges are weaker than so many grey levels. Off: 0.",
    )
    blur: float = Field(0.72, ge=0, le=1, description="Blurred: 0 sharp to 1, after Crete 2007. Off: 1.")
    sky: float = Field(0.92, ge=0, le=1, description="Nothing but sky: this share of the picture is. Off: 1.")
    same: float = Field(
        0.97, ge=0, le=1, description="Frozen: this share of the pixels is exactly that of the picture before. Off: 1."
    )


@dataclass(frozen=True, slots=True)
class Quality:
    """What was measured; see the module. `same` is None where there is no picture to compare with."""

    light: float
    over: float
    blur: float
    detail: float
    contrast: float
    sky: float
    same: float | None = None

    def values(self) -> dict[str, float]:
        """As they travel beside the picture, rounded."""
        measured = {name: getattr(self, name) for name in self.__slots__}
        return {name: round(value, 3) for name, value in measured.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a picture goes up: `reasons` against it, the main one first. `score` 0..1 ranks those that were refused."""

    quality: Quality
    reasons: tuple[Reason, ...]
    score: float

    @property
    def ok(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.reasons


def judge(image: Pixels, gate: Gate, before: Pixels | None = None) -> Verdict:
    """Measure a picture (BGR, uint8 [height, width, 3]) and hold it against the limits.

    `before`: the `fingerprint` of the picture that this camera took last.
    """
    quality = measured(image, before)
    return Verdict(quality, tuple(_reasons(quality, gate)), _score(quality, gate))


def measured(image: Pixels, before: Pixels | None = None) -> Quality:
    """The measurements alone."""
    small = reduced(image, _SIDE)
    grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.float32)
    edges = np.abs(np.asarray(cv2.Laplacian(grey, cv2.CV_32F), np.float32))
    busy = np.quantile(_tiled(edges), 0.9, axis=-1)
    return Quality(
        light=float(np.percentile(grey, 95)),
        over=float((grey >= _CLIPPED).mean()),
        blur=_blur(grey),
        detail=float(np.quantile(edges, 0.99)),
        contrast=float(grey.std()),
        sky=_sky(small, grey, busy),
        same=None if before is None else _same(fingerprint(image), before),
    )


def fingerprint(image: Pixels) -> Pixels:
    """Every so-manyth pixel's brightness, unsmoothed, uint8: what the next picture is compared with."""
    step = max(1, image.shape[1] // _SAMPLE)
    sample = np.ascontiguousarray(image[::step, ::step])
    return np.asarray(cv2.cvtColor(sample, cv2.COLOR_BGR2GRAY), np.uint8)


def reduced(image: Pixels, side: int) -> Pixels:
    """The picture with no side longer than `side` pixels; never enlarged."""
    height, width = image.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return image
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _reasons(quality: Quality, gate: Gate) -> list[Reason]:
    if quality.light < gate.light:
        return ["dark"]  # in the dark nothing else can be judged
    faults: list[tuple[bool, Reason]] = [
        (gate.over < 1 and quality.over >= gate.over, "overexposed"),
        (_covered(quality, gate), "blocked"),
        (gate.sky < 1 and quality.sky >= gate.sky, "sky"),
        (gate.same < 1 and quality.same is not None and quality.same >= gate.same, "frozen"),
    ]
    found = [reason for wrong, reason in faults if wrong]
    soft = quality.detail < gate.detail or (gate.blur < 1 and quality.blur >= gate.blur)
    if soft and not {"blocked", "sky", "overexposed"} & set(found):
        found.append("blurred")
    return found


def _covered(quality: Quality, gate: Gate) -> bool:
    return quality.detail < gate.detail * _NOISE and quality.contrast < _FLAT and quality.sky < gate.sky


def _score(quality: Quality, gate: Gate) -> float:
    """Each measurement's part of its limit, multiplied: a picture that misses one limit narrowly is the better one."""
    parts = [
        quality.light / gate.light if gate.light else 1.0,
        (1 - quality.over) / (1 - gate.over) if gate.over < 1 else 1.0,
        quality.detail / gate.detail if gate.detail else 1.0,
        (1 - quality.blur) / (1 - gate.blur) if gate.blur < 1 else 1.0,
        (1 - quality.sky) / (1 - gate.sky) if gate.sky < 1 else 1.0,
        0.1 if _covered(quality, gate) or (gate.same < 1 and (quality.same or 0.0) >= gate.same) else 1.0,
    ]
    return float(np.prod(np.clip(parts, 0.01, 1.0)))


def _blur(grey: Plane) -> float:
    """Crete 2007: the share of the grey level steps that survive a blur, in the direction that lost less."""
    survived = []
    for axis, kernel in ((0, (1, _REBLUR)), (1, (_REBLUR, 1))):
        steps = np.abs(np.diff(grey, axis=axis))
        after = np.abs(np.diff(np.asarray(cv2.blur(grey, kernel), np.float32), axis=axis))
        total = float(steps.sum())
        survived.append(1 - float(np.maximum(0, steps - after).sum()) / total if total else 1.0)
    return max(survived)


def _sky(small: Pixels, grey: Plane, busy: npt.NDArray[np.float32]) -> float:
    blue, green, red = (_tiled(small[:, :, channel].astype(np.float32)).mean(axis=-1) for channel in range(3))
    bright = _tiled(grey).mean(axis=-1) > _SKY_LIGHT
    cool = (blue > green - _WARM) & (blue > red - _WARM)
    return float((bright & cool & (busy < _SMOOTH)).mean())


def _tiled(plane: Plane) -> Plane:
    """[8, 8, pixels of the tile]; the rest at the right and lower edge is left out, tiny pictures are enlarged."""
    if min(plane.shape) < _TILES:
        plane = np.asarray(cv2.resize(plane, (_TILES * 2, _TILES * 2)), np.float32)
    high, wide = plane.shape[0] // _TILES, plane.shape[1] // _TILES
    tiles = plane[: high * _TILES, : wide * _TILES].reshape(_TILES, high, _TILES, wide)
    return tiles.swapaxes(1, 2).reshape(_TILES, _TILES, high * wide)


def _same(now: Pixels, before: Pixels) -> float | None:
    """Share of equal pixels among those that are clipped in neither picture; None where too few are left."""
    if now.shape != before.shape:
        return 0.0
    low, high = _CLEAR
    clear = (now > low) & (now < high) & (before > low) & (before < high)
    return float((now == before)[clear].mean()) if clear.mean() >= _ENOUGH else None
