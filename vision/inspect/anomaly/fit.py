"""Learning a model from pictures of good parts, with a threshold that was set on parts the model had not seen.

Each part is held out in turn (with many parts: a tenth at a time), a model is learned from the others, and the part is
scored by it. The threshold comes from these scores; the model itself from all parts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vision.errors import InputError
from vision.frame import Pixels
from vision.inspect.anomaly.backbone import Backbone
from vision.inspect.anomaly.bank import learned
from vision.inspect.anomaly.grid import Array, Judged, input_size, places_of, score_of, smoothed
from vision.inspect.anomaly.model import AnomalyModel
from vision.inspect.anomaly.threshold import LEAST_PARTS, Threshold, threshold

Progress = Callable[[str, int, int], None]  # what is being done, how many steps are, of how many
_ONE_BY_ONE = 24  # up to so many parts each is held out alone
_FOLDS = 10
_ADVISED = 20
_STILL_LEARNING = 1.10


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A picture of a good part: BGR uint8 [height, width, 3], what is part in it (255; None: all), its name and digest."""

    name: str
    picture: Pixels
    mask: Pixels | None = None
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """How to learn: false rejects to set the threshold for, side of the network's input in pixels, places to remember."""

    false_reject: float = 0.02
    side: int = 224
    memory: int = 1500
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """The model, its threshold with the interval, each part's score when it was held out, and what the user should know."""

    model: AnomalyModel
    threshold: Threshold
    scores: tuple[float, ...]
    warnings: tuple[str, ...]


def fit(parts: Sequence[Part], backbone: Backbone, settings: Settings, progress: Progress | None = None) -> Fitted:
    """Learn from good parts.

    Raises:
        InputError: fewer than five parts.
        ModelError: the backbone does not run at this size.

    """
    say = progress or _silent
    if len(parts) < LEAST_PARTS:
        raise InputError(
            f"{len(parts)} pictures of good parts are too few to learn from; give at least {LEAST_PARTS}, better {_ADVISED}"
        )
    size = input_size([(p.picture.shape[1], p.picture.shape[0]) for p in parts], settings.side)
    session = backbone.session(*size)
    grids: list[tuple[Array, Judged]] = []
    for index, part in enumerate(parts):
        say("features", index, len(parts))
        grids.append(places_of(part.picture, session, part.mask))
        if not grids[-1][1].any():
            raise InputError(
                f"{part.name}: no part is found in the picture; take it out or check how parts are located"
            )
    scores, peaks = _held_out(grids, settings, say)
    limit = threshold(scores, settings.false_reject)
    bank = learned(_places(grids), settings.memory, settings.seed)
    say("model", 1, 1)
    warnings = (*_outliers(parts, scores), *_few(limit), *_still_learning(grids, scores, settings))
    about = {
        "files": [{"name": p.name, "sha256": p.sha256 or _digest(p.picture)} for p in parts],
        "false_reject": {
            "rate": limit.rate,
            "low": limit.low,
            "high": limit.high,
            "confidence": limit.confidence,
            "method": limit.method,
        },
        "held_out_scores": [round(score, 6) for score in scores],
        "settings": {"side": settings.side, "memory": settings.memory, "seed": settings.seed},
        "warnings": list(warnings),
    }
    peak = threshold(peaks, settings.false_reject).value
    model = AnomalyModel(backbone, size, bank, limit.value, max(peak, limit.value), about)
    return Fitted(model, limit, tuple(scores), warnings)


def _silent(_what: str, _done: int, _total: int) -> None:
    """Nobody watches."""


def _digest(picture: Pixels) -> str:
    return hashlib.sha256(np.ascontiguousarray(picture).tobytes()).hexdigest()


def _places(grids: Sequence[tuple[Array, Judged]]) -> Array:
    return np.concatenate([places[judged] for places, judged in grids])


def _scored(grids: Sequence[tuple[Array, Judged]], bank: Any) -> list[tuple[float, float]]:
    """Score and hottest place of each part."""
    found = []
    for places, judged in grids:
        distances = bank.distances(places.reshape(-1, places.shape[2])).reshape(judged.shape)
        heat = smoothed(distances, judged)
        found.append((score_of(heat, judged), float(heat.max())))
    return found


def _folds(count: int, rng: np.random.Generator) -> list[npt.NDArray[np.intp]]:
    order = rng.permutation(count)
    return [np.sort(fold) for fold in np.array_split(order, count if count <= _ONE_BY_ONE else _FOLDS)]


def _held_out(
    grids: Sequence[tuple[Array, Judged]], settings: Settings, say: Progress
) -> tuple[list[float], list[float]]:
    """Every part's score and hottest place by a model that was learned without it."""
    scores, peaks = [0.0] * len(grids), [0.0] * len(grids)
    folds = _folds(len(grids), np.random.default_rng(settings.seed))
    for number, fold in enumerate(folds):
        say("held-out parts", number, len(folds))
        rest = [grid for index, grid in enumerate(grids) if index not in fold]
        bank = learned(_places(rest), settings.memory, settings.seed)
        for index, (score, peak) in zip(fold, _scored([grids[i] for i in fold], bank), strict=True):
            scores[index], peaks[index] = score, peak
    return scores, peaks


def _outliers(parts: Sequence[Part], scores: Sequence[float]) -> list[str]:
    """Parts that look like no other: perhaps they are not good."""
    logs = np.log(scores)
    middle = float(np.median(logs))
    spread = max(1.4826 * float(np.median(np.abs(logs - middle))), 0.02)
    odd = [part.name for part, value in zip(parts, logs, strict=True) if (value - middle) / spread > 5]
    if not odd:
        return []
    return [f"unlike all others, is it good? {', '.join(odd[:5])}{' …' if len(odd) > 5 else ''}"]


def _few(limit: Threshold) -> list[str]:
    if limit.parts >= _ADVISED and limit.high <= 5 * limit.rate:
        return []
    told = f"{limit.parts} good parts cannot show a rate of {limit.rate:.2%}: it may be as high as {limit.high:.1%}"
    return [f"{told}; about {round(3 / limit.rate)} would narrow it"]


def _still_learning(grids: Sequence[tuple[Array, Judged]], scores: Sequence[float], settings: Settings) -> list[str]:
    """Whether half of the parts teach noticeably less than all of them: then more would teach more."""
    half = len(grids) // 2
    gaps = []
    for taught, asked, found in (
        (grids[:half], grids[half:], scores[half:]),
        (grids[half:], grids[:half], scores[:half]),
    ):
        bank = learned(_places(taught), settings.memory, settings.seed)
        gaps += [np.log(score) - np.log(old) for (score, _), old in zip(_scored(asked, bank), found, strict=True)]
    growth = float(np.exp(np.median(gaps)))
    if growth < _STILL_LEARNING:
        return []
    told = f"the good parts differ much from each other: with half of them scores are {growth - 1:.0%} higher"
    return [f"{told}; give more, or take them in the same light and place"]
