"""The demonstration's model: nearest neighbours among rendered pictures. It knows those and nothing else.

It answers as a vision model would (closed choices with a certainty in words), so that everything around it is the real
thing. It cannot read: whether there is writing in the scene it always answers with no.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import get_args

import cv2
import numpy as np
import numpy.typing as npt

from cloud_adapter.demo.covers import State, render_cover
from cloud_adapter.demo.leaves import Condition, render_leaf
from cloud_adapter.providers.wire import CERTAINTY, in_words
from vision.frame import Pixels

PER_CLASS = 24
_SEED = 50_000  # pictures of the demonstration have small seeds: none of them is among the neighbours
_NEIGHBOURS = 7
_FAR = 2.5  # standard deviations a feature
_COLOURED = 0.08  # share of a picture with colours, below which there is no leaf to speak of

Features = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Memory:
    """Features (n x d) of rendered pictures, what they show, and how far features spread."""

    features: Features
    labels: tuple[str, ...]
    scale: Features

    def odds(self, seen: Features) -> dict[str, float]:
        """Shares of the nearest neighbours, 0..1; with one vote for not knowing where all of them are far."""
        far = np.linalg.norm((self.features - seen) / self.scale, axis=1)
        nearest = np.argsort(far)[:_NEIGHBOURS]
        votes: dict[str, float] = {}
        for i in nearest:
            votes[self.labels[i]] = votes.get(self.labels[i], 0.0) + 1 / _NEIGHBOURS
        if float(far[nearest].mean()) > _FAR * np.sqrt(len(seen)):  # nothing like what it knows
            votes = {label: share * 0.3 for label, share in votes.items()} | {"unsure": 0.7}
        return votes


def answer(model: str, fields: Mapping[str, Sequence[str]], picture: Pixels) -> dict[str, str]:
    """One option for each field, from what the picture (height x width x 3, BGR) is nearest to for this model.

    Raises `KeyError` for a model that there is not.
    """
    options = {option for choices in fields.values() for option in choices}
    kind = "covers" if "in_place" in options else "leaves"
    seen = MODELS[model][kind](picture)
    odds = {"unsure": 1.0} if kind == "leaves" and _colourless(picture) else _memory(model, kind).odds(seen)
    order = sorted(odds, key=lambda label: -odds[label])
    return {name: _choice(name, list(choices), order, odds, picture) for name, choices in fields.items()}


def warm_up() -> None:
    """Render what there is to know, so that the first answer does not take longer than the others."""
    for model in MODELS:
        for kind in ("leaves", "covers"):
            _memory(model, kind)


def _colourless(picture: Pixels) -> bool:
    _, saturation, value = cv2.split(cv2.cvtColor(cv2.resize(picture, (160, 120)), cv2.COLOR_BGR2HSV))
    return float(((saturation >= 45) & (value >= 40)).mean()) < _COLOURED


def _choice(name: str, options: list[str], order: list[str], odds: Mapping[str, float], picture: Pixels) -> str:
    wanted: list[str] = []
    if set(options) == set(CERTAINTY):
        wanted = [in_words(odds[order[0]])]
    elif "diseased" in options:
        wanted = ["healthy" if order[0] == "healthy" else "unsure" if order[0] == "unsure" else "diseased"]
    elif name in ("second", "third"):
        place = 1 if name == "second" else 2
        wanted = [order[place] if len(order) > place else "none"]
    elif "high" in options:
        wanted = [_severity(order[0], picture)]
    elif set(options) == {"yes", "no"}:
        wanted = ["no"]
    else:
        wanted = [order[0], "unsure"]
    return next((word for word in [*wanted, "unsure", "unknown", "none"] if word in options), options[0])


def _severity(label: str, picture: Pixels) -> str:
    if label == "healthy":
        return "none"
    sick = float(leaf_features(picture)[1])
    return "low" if sick < 0.12 else "medium" if sick < 0.28 else "high"


@cache
def _memory(model: str, kind: str) -> Memory:
    features, labels = [], []
    seen = MODELS[model][kind]
    for seed in range(PER_CLASS):
        if kind == "leaves":
            for condition in get_args(Condition):
                features.append(seen(render_leaf(condition, _SEED + seed, severity=0.15 + 0.7 * seed / PER_CLASS)))
                labels.append(condition)
        else:
            for state in get_args(State):
                features.append(seen(render_cover(state, _SEED + seed)))
                labels.append(state)
    table = np.stack(features)
    return Memory(table, tuple(labels), np.maximum(table.std(0), 1e-3))


def leaf_features(picture: Pixels) -> Features:
    """Shares of green and of brown, how many brown spots, how large the largest, how round they are, how much yellow."""
    small = cv2.resize(picture, (320, 240), interpolation=cv2.INTER_AREA)
    hue, saturation, _ = cv2.split(cv2.cvtColor(small, cv2.COLOR_BGR2HSV))
    green = (hue >= 28) & (hue <= 95) & (saturation >= 45)
    yellow = (hue >= 18) & (hue < 28) & (saturation >= 70)
    brown = ((hue < 18) | (hue > 170)) & (saturation >= 45)
    leaf = max(1.0, float((green | yellow | brown).sum()))
    opened = cv2.morphologyEx(brown.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, _, stats, _ = cv2.connectedComponentsWithStats(opened)
    areas = stats[1:count, cv2.CC_STAT_AREA].astype(np.float32)
    boxes = (stats[1:count, cv2.CC_STAT_WIDTH] * stats[1:count, cv2.CC_STAT_HEIGHT]).astype(np.float32)
    large = areas > 25
    fill = float((areas[large] / boxes[large]).mean()) if large.any() else 0.0
    largest = float(areas.max()) / leaf if len(areas) else 0.0
    values = [green.sum() / leaf, brown.sum() / leaf, large.sum() / 10, largest, fill, yellow.sum() / leaf]
    return np.array(values, np.float32)


def cover_features(picture: Pixels) -> Features:
    """How much is black, how far its middle is from the middle of ring and lid, how thin it is, how much lid there is."""
    gray = cv2.GaussianBlur(cv2.cvtColor(cv2.resize(picture, (320, 240)), cv2.COLOR_BGR2GRAY), (5, 5), 0)
    dark = (gray < 32).astype(np.uint8)
    area = float(dark.sum()) / dark.size
    moments = cv2.moments(dark, binaryImage=True)
    centre = (moments["m10"] / max(1.0, moments["m00"]), moments["m01"] / max(1.0, moments["m00"]))
    inside = cv2.distanceTransform(dark, cv2.DIST_L2, 3)
    middle = float(np.hypot(centre[0] - 160, centre[1] - 120)) / 80
    studs = float(cv2.Laplacian(gray, cv2.CV_32F).std()) / 20
    return np.array([area * 4, middle, float(inside.max()) / 40, studs], np.float32)


def histogram(picture: Pixels) -> Features:
    """Shares of 48 colours (hue by value) among the pixels that have a colour at all; nothing about shapes."""
    small = cv2.resize(picture, (160, 120), interpolation=cv2.INTER_AREA)
    hue, saturation, value = cv2.split(cv2.cvtColor(small, cv2.COLOR_BGR2HSV))
    coloured = saturation >= 45
    counts, _, _ = np.histogram2d(hue[coloured], value[coloured], bins=(12, 4), range=((0, 96), (0, 256)))
    return np.asarray(np.sqrt(counts.ravel() / max(1.0, float(coloured.sum()))), np.float32)


def grays(picture: Pixels) -> Features:
    """Shares of 16 grays in rings around the middle."""
    gray = cv2.cvtColor(cv2.resize(picture, (160, 120), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
    y, x = np.mgrid[0:120, 0:160]
    rings = np.minimum(np.hypot(x - 80, y - 60) / 15, 3.99)
    counts, _, _ = np.histogram2d(rings.ravel(), gray.ravel(), bins=(4, 16), range=((0, 4), (0, 256)))
    return np.asarray(np.sqrt(counts.ravel() / gray.size), np.float32)


# Two models that look at different things, so that a second opinion is one.
MODELS: Mapping[str, Mapping[str, Callable[[Pixels], Features]]] = {
    "sightline-demo-shapes": {"leaves": leaf_features, "covers": cover_features},
    "sightline-demo-colours": {"leaves": histogram, "covers": grays},
}
