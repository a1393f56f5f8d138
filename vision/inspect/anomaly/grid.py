"""From a picture of a part to a grid of features, and from distances on that grid back to a score and a heat map."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from vision.frame import Pixels
from vision.inspect.anomaly.backbone import Session, features_of

Array = npt.NDArray[np.float32]
Judged = npt.NDArray[np.bool_]  # [rows, columns]: which places count
STRIDE = 8  # pixels of the network's input a place stands for
_MEAN_GREY = 110.0
_ALIKE = 0.4  # of the logarithm of width / height: by half as much again
_WORST = 0.02  # of the places: one alone may be noise, all together hide a small defect
_SMOOTHING = 1.0  # places: a defect is seen by its neighbours too, noise is not


def input_size(sizes: list[tuple[int, int]], side: int, multiple: int = 32) -> tuple[int, int]:
    """Width and height of the network's input for parts of these (width, height): side² pixels in the typical proportions.

    All parts get the same input, whatever their picture's size: a place then means the same on each. Where proportions
    differ much none is typical, and the input is square.
    """
    aspects = np.log([width / height for width, height in sizes])
    if float(np.quantile(aspects, 0.9) - np.quantile(aspects, 0.1)) > _ALIKE:
        return side, side
    aspect = float(np.exp(np.clip(np.median(aspects), -np.log(4), np.log(4))))
    width, height = (max(multiple, round(side * share / multiple) * multiple) for share in (aspect**0.5, aspect**-0.5))
    return width, height


def places_of(picture: Pixels, session: Session, mask: Pixels | None = None) -> tuple[Array, Judged]:
    """Features float32 [rows, columns, C] of a BGR picture, and the places that are at least half part by `mask` (255)."""
    width, height = session.size
    rows, columns = height // STRIDE, width // STRIDE
    shrinks = picture.shape[0] * picture.shape[1] > width * height
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    fitted = np.asarray(cv2.resize(picture, (width, height), interpolation=way), np.float32)
    judged = np.ones((rows, columns), np.bool_)
    level = fitted.mean()
    if mask is not None:
        share = cv2.resize(mask, (columns, rows), interpolation=cv2.INTER_AREA)
        judged = np.asarray(share >= 128, np.bool_)
        if judged.any():
            level = fitted[np.kron(judged, np.ones((STRIDE, STRIDE), np.bool_))].mean()
    lit = np.clip(fitted * (_MEAN_GREY / max(8.0, float(level))), 0, 255)  # brighter light is no defect
    return np.concatenate([features_of(session.maps(lit), rows, columns), _tint(lit, rows, columns)], axis=2), judged


def _tint(lit: Array, rows: int, columns: int) -> Array:
    """Mean colour of each place without its brightness, float32 [rows, columns, 2]: networks see shapes rather."""
    lab = cv2.cvtColor(np.ascontiguousarray(lit / np.float32(255), np.float32), cv2.COLOR_BGR2Lab)
    return np.asarray(cv2.resize(lab[..., 1:], (columns, rows), interpolation=cv2.INTER_AREA), np.float32)


def smoothed(distances: Array, judged: Judged) -> Array:
    """The distances [rows, columns] averaged over neighbours; places that do not count are 0 and weigh nothing."""
    weight = judged.astype(np.float32)
    total = cv2.GaussianBlur(distances * weight, (0, 0), _SMOOTHING, borderType=cv2.BORDER_REFLECT)
    norm = cv2.GaussianBlur(weight, (0, 0), _SMOOTHING, borderType=cv2.BORDER_REFLECT)
    return np.asarray(np.where(judged, total / np.maximum(norm, 1e-6), 0), np.float32)


def score_of(heat: Array, judged: Judged) -> float:
    """One number for a part: the mean of its worst places. Raises ValueError where no place counts."""
    values = heat[judged]
    if not values.size:
        raise ValueError("no place of the part counts")
    worst = max(1, round(_WORST * values.size))
    return float(np.partition(values, values.size - worst)[-worst:].mean())
