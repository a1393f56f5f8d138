"""Stored crops made into what the network sees: windows, flips, light, noise, blur, cloth, a drawn box.

Blur and cloth change what can be told, so the labels are made here too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tools.scenes.effects import covered

from .fields import Look
from .parts_fields import PartLook
from .scenes import BACKGROUND, CONTEXT, KEPT, MAP, PAD, Crop

SIDE = 128
CELLS = 8  # image tokens along one side
FINE = 4  # cells of the map in one token, along one side
AnyLook = Look | PartLook
Picture = NDArray[np.uint8]
_BLURRED, _COVERED = 0.06, 0.11  # shares of spoilt pictures, added up
_CLOTHS = 200
_OTHER_SIDE = {
    f"{row}_{a}": f"{row}_{b}" for row in ("upper", "lower") for a, b in (("left", "right"), ("right", "left"))
}
_NO_PICTURE: Picture = np.zeros((0, 0, 3), np.uint8)


@dataclass(frozen=True)
class Example:
    """What the network sees, RGB (128, 128, 3), what is where (8, 8), and what can be told of it."""

    picture: Picture
    kinds: NDArray[np.uint8]
    look: AnyLook


def preprocess(picture: Picture) -> Picture:
    """A picture of any shape as llama.cpp prepares it: Pillow's bicubic, padded to a square."""
    h, w = picture.shape[:2]
    if (w, h) == (SIDE, SIDE):
        return picture
    scale = min(SIDE / w, SIDE / h)
    size = (min(math.ceil(w * scale), SIDE), min(math.ceil(h * scale), SIDE))
    small = Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC)
    out = Image.new("RGB", (SIDE, SIDE), PAD)
    out.paste(small, ((SIDE - size[0]) // 2, (SIDE - size[1]) // 2))
    return np.asarray(out)


def plain(crop: Crop) -> Example:
    """The crop at twice the box, unchanged: as the product shows it."""
    return _window(crop, 2.0, (0.0, 0.0), flip=False)


def varied(crop: Crop, rng: np.random.Generator) -> Example:
    """The crop as it might come: another window, another light, blurred, covered, with the box drawn."""
    shift = rng.normal(0, 0.05, 2) if rng.random() < 0.8 else rng.uniform(-0.22, 0.22, 2)
    zoom = float(rng.uniform(1.7, 2.45)) if isinstance(crop.look, Look) else float(rng.uniform(2.0, 2.625))
    flip = bool(rng.random() < 0.5)
    drawn = crop.box if rng.random() < 0.12 else None
    example = _window(crop, zoom, (float(shift[0]), float(shift[1])), flip=flip, drawn=drawn, rng=rng)
    return _spoilt(example, rng)


def told(crop: Crop, rng: np.random.Generator) -> Example:
    """What `varied` might tell of the crop, without the work of making its picture."""
    look, kinds, chance = (
        crop.look,
        _kinds(np.asarray(cv2.resize(crop.map, (CELLS * FINE,) * 2, interpolation=cv2.INTER_NEAREST), np.uint8)),
        rng.random(),
    )
    if chance < _BLURRED:
        look = _blurred(look)
    elif chance < _COVERED:
        look, kinds = _hidden(look), np.zeros_like(kinds)
    return Example(_NO_PICTURE, kinds, look)


def _window(
    crop: Crop,
    context: float,
    shift: tuple[float, float],
    *,
    flip: bool,
    drawn: tuple[float, float, float, float] | None = None,
    rng: np.random.Generator | None = None,
) -> Example:
    picture = crop.picture
    if drawn is not None and rng is not None:
        picture = picture.copy()
        x1, y1, x2, y2 = (round(v) for v in drawn)
        cv2.rectangle(picture, (x1, y1), (x2, y2), rng.integers(0, 255, 3).tolist(), int(rng.integers(1, 4)))
    size = KEPT * context / CONTEXT
    left, top = ((KEPT - size) / 2 + s * size for s in shift)

    def cut(source: Any, kept: int, side: int, flags: int, fill: Any) -> Any:
        k = side / (size * kept / KEPT)
        a, b = left * kept / KEPT, top * kept / KEPT
        m = np.array([[k, 0, (0.5 - a) * k - 0.5], [0, k, (0.5 - b) * k - 0.5]], np.float32)
        return cv2.warpAffine(source, m, (side, side), flags=flags, borderValue=fill)

    out = cut(picture, KEPT, SIDE, cv2.INTER_LINEAR if rng is not None and rng.random() < 0.5 else cv2.INTER_CUBIC, PAD)
    fine = cut(crop.map, MAP, CELLS * FINE, cv2.INTER_NEAREST, BACKGROUND)
    if flip:
        out, fine = out[:, ::-1], fine[:, ::-1]
    return Example(np.ascontiguousarray(out), _kinds(fine), _mirrored(crop.look) if flip else crop.look)


def _mirrored(look: AnyLook) -> AnyLook:
    """The same with left and right exchanged; that the letters of a part run backwards changes no answer."""
    if isinstance(look, Look):
        return look
    return replace(look, place=_OTHER_SIDE.get(look.place, look.place))


def _kinds(fine: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What each token shows: the commonest thing that fills a quarter of it, else background."""
    blocks = fine.reshape(CELLS, FINE, CELLS, FINE).transpose(0, 2, 1, 3).reshape(CELLS * CELLS, FINE * FINE)
    counts = np.stack([(blocks == kind).sum(1) for kind in range(1, 7)], 1)
    # what counts is the subject: it wins over others from a smaller share on
    counts[:, 0] = np.where(counts[:, 0] >= 3, counts[:, 0] + 6, counts[:, 0])
    counts[:, 3] = np.where(counts[:, 3] >= 3, counts[:, 3] + 6, counts[:, 3])
    best = counts.argmax(1)
    enough = counts.max(1) >= 4
    return np.where(enough, best + 1, BACKGROUND).astype(np.uint8).reshape(CELLS, CELLS)


def _spoilt(example: Example, rng: np.random.Generator) -> Example:
    x: Any = example.picture.astype(np.float32)
    look, kinds = example.look, example.kinds
    if rng.random() < 0.8:
        x = (x - 110) * float(rng.uniform(0.85, 1.15)) + 110 + float(rng.normal(0, 9))
        x *= rng.normal(1, 0.025, 3).astype(np.float32)
    chance = rng.random()
    if chance < _BLURRED:
        x, look = _out_of_focus(x, rng), _blurred(look)
    elif chance < _COVERED:
        x, look, kinds = _behind_cloth(rng), _hidden(look), np.zeros_like(kinds)
    elif chance < 0.25:
        x = cv2.GaussianBlur(x, (0, 0), float(rng.uniform(0.3, 0.9)))
    if rng.random() < 0.5:
        x = x + rng.standard_normal(x.shape, np.float32) * np.float32(rng.uniform(1, 6))
    out = np.clip(x, 0, 255).astype(np.uint8)
    if isinstance(look, Look) and look.subject in {"none", "unsure"} and rng.random() < 0.35:
        bar = (SIDE - round(SIDE * float(rng.choice([9 / 16, 3 / 4])))) // 2  # a whole picture, wider than high
        out[:bar] = out[SIDE - bar :] = PAD
    if rng.random() < 0.4:
        data = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(60, 95))])[1]
        out = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return Example(np.ascontiguousarray(out), kinds, look)


def _out_of_focus(x: Any, rng: np.random.Generator) -> Any:
    if rng.random() < 0.6:
        return cv2.GaussianBlur(x, (0, 0), float(rng.uniform(3.0, 7.0)))
    size = int(rng.integers(14, 30))
    kernel = np.zeros((size, size), np.float32)
    angle = float(rng.uniform(0, np.pi))
    dx, dy = np.cos(angle) * size / 2, np.sin(angle) * size / 2
    mid = size / 2
    cv2.line(kernel, (round(mid - dx), round(mid - dy)), (round(mid + dx), round(mid + dy)), 1.0, 2)
    return cv2.filter2D(x, -1, kernel / kernel.sum())


def _behind_cloth(rng: np.random.Generator) -> Any:
    if rng.random() < 0.75:
        cloth = _cloth(int(rng.integers(_CLOTHS)))
        side = int(rng.integers(60, 360))
        a, b = int(rng.integers(0, 361 - side)), int(rng.integers(0, 641 - side))
        out = cv2.resize(cloth[a : a + side, b : b + side], (SIDE, SIDE)).astype(np.float32)
        return out * float(rng.uniform(0.6, 2.0)) + float(rng.uniform(0, 30))
    # a hand, paint or a bag right on the lens: one soft colour
    soft = cv2.resize(rng.uniform(0, 1, (3, 3, 1)).astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    return soft[..., None] * float(rng.uniform(0, 40)) + rng.uniform(0, 190, 3).astype(np.float32)


@cache
def _cloth(number: int) -> Picture:
    """One of the cloths; they are slow to weave."""
    rng = np.random.default_rng([number, 7])
    return covered(np.zeros((360, 640, 3), np.uint8), 1.0, int(rng.integers(1 << 30)), float(rng.uniform(0, 20)))


def _blurred(look: AnyLook) -> AnyLook:
    if isinstance(look, Look):
        return look.blurred()
    return PartLook(look.material, "unsure", "unsure", "blurred", "unsure")


def _hidden(look: AnyLook) -> AnyLook:
    return look.covered() if isinstance(look, Look) else PartLook("unsure", "unsure", "unsure", "covered", "unsure")
