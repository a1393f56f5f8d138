"""Vibration: how the bands of a spectrum differ from those of good parts.

Welch's periodogram (P. D. Welch, IEEE Trans. Audio Electroacoust. 15, 1967) in bands that widen with frequency; the
logarithm of each band's power, against mean and spread over good parts; the part's score is the root mean square of the
worst quarter of the bands, in spreads.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vision.errors import InputError

FEWEST = 8  # good parts
_BANDS = 16
_LENGTH = 256  # samples of a segment
_FEWEST_SAMPLES = 64
_SPREAD = 0.05  # of the logarithm, at least: two good parts never are the same to the last digit
_FORM = 1

Samples = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class VibrationModel:
    """What good parts sound like. `mean`, `spread` of log10 power a band; `rate` in samples a second."""

    rate: float
    mean: tuple[float, ...]
    spread: tuple[float, ...]
    threshold: float
    parts: int

    def score(self, samples: Sequence[float]) -> tuple[float, int]:
        """How unlike good parts this is (above `threshold` it is none), and the band that differs most.

        Raises InputError for too few samples.
        """
        bands = features(samples, len(self.mean))
        away = (bands - np.array(self.mean)) / np.array(self.spread)
        return _distance(away), int(np.abs(away).argmax())

    def band_hz(self, band: int) -> tuple[float, float]:
        """The frequencies of a band."""
        edges = _edges(len(self.mean)) * self.rate / _LENGTH
        return float(edges[band]), float(edges[band + 1])

    def dumps(self) -> bytes:
        """The model as a file."""
        values = {"form": _FORM, "rate": self.rate, "mean": self.mean, "spread": self.spread}
        return json.dumps({**values, "threshold": self.threshold, "parts": self.parts}).encode()

    @classmethod
    def loads(cls, data: bytes, name: str) -> VibrationModel:
        """The model in a file. Raises InputError where it is none."""
        try:
            values: dict[str, Any] = json.loads(data)
            if values["form"] != _FORM:
                raise InputError(f"{name}: is of another version; learn it again: sightline inspect vibration")
            model = cls(
                float(values["rate"]),
                tuple(float(v) for v in values["mean"]),
                tuple(float(v) for v in values["spread"]),
                float(values["threshold"]),
                int(values["parts"]),
            )
        except (ValueError, KeyError, TypeError):
            raise InputError(f"{name}: is no vibration model; learn one: sightline inspect vibration") from None
        sound = len(model.mean) == len(model.spread) > 0 and min(model.spread) > 0 and model.rate > 0
        if not sound or not np.isfinite([*model.mean, *model.spread, model.threshold]).all():
            raise InputError(f"{name}: is a damaged vibration model; learn it again: sightline inspect vibration")
        return model


def learn(good: Sequence[Sequence[float]], rate: float, false_reject: float = 0.02) -> VibrationModel:
    """What good parts sound like, from a signal of each (samples at `rate` a second).

    The threshold comes from every good part's score against all others: with few of them, their own spread is widened as
    the prediction interval of a normal distribution is, so that about `false_reject` of new good parts are above.
    Raises InputError for too few of them, or for samples that are no numbers.
    """
    if len(good) < FEWEST:
        raise InputError(f"{len(good)} good signals are too few to learn from; give at least {FEWEST}")
    bands = np.array([features(samples, _BANDS) for samples in good])
    own = np.array([_distance(_away(bands[i], np.delete(bands, i, axis=0))) for i in range(len(bands))])
    logs = np.log(own + 1e-9)
    wide = _normal_quantile(1 - false_reject) * math.sqrt(1 + 1 / len(logs)) * (1 + 1.5 / len(logs))
    threshold = float(max(np.exp(logs.mean() + wide * logs.std(ddof=1)), own.max()))
    spread = np.maximum(bands.std(axis=0, ddof=1), _SPREAD)
    return VibrationModel(rate, tuple(bands.mean(axis=0).tolist()), tuple(spread.tolist()), threshold, len(good))


def features(samples: Sequence[float], bands: int) -> Samples:
    """log10 of the power in each band; a constant (gravity) is taken away. Raises InputError for too few samples."""
    signal = np.asarray(samples, np.float64)
    if signal.ndim != 1 or len(signal) < _FEWEST_SAMPLES or not np.isfinite(signal).all():
        raise InputError(f"a vibration signal is at least {_FEWEST_SAMPLES} numbers in a row")
    signal = signal - signal.mean()
    if len(signal) < _LENGTH:
        signal = np.pad(signal, (0, _LENGTH - len(signal)))
    step = _LENGTH // 2
    starts = range(0, len(signal) - _LENGTH + 1, step)
    window = np.hanning(_LENGTH)
    power = np.mean([np.abs(np.fft.rfft(window * signal[s : s + _LENGTH])) ** 2 for s in starts], axis=0)
    edges = _edges(bands)
    summed = [power[edges[i] : edges[i + 1]].sum() for i in range(bands)]
    return np.asarray(np.log10(np.array(summed) + 1e-12))


def _edges(bands: int) -> npt.NDArray[np.int64]:
    """Bounds of the bands in bins: each at least one bin, widening from low to high."""
    last = _LENGTH // 2 + 1
    wished = np.geomspace(1, last, bands + 1)
    edges = [1]
    for i in range(1, bands + 1):
        edges.append(max(edges[-1] + 1, round(float(wished[i]))))
    edges[-1] = last
    return np.array(edges, np.int64)


def _away(one: Samples, others: Samples) -> Samples:
    return np.asarray((one - others.mean(axis=0)) / np.maximum(others.std(axis=0, ddof=1), _SPREAD))


def _distance(away: Samples) -> float:
    worst = np.sort(np.abs(away))[-max(1, len(away) // 4) :]
    return float(np.sqrt(np.mean(worst**2)))


def _normal_quantile(p: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(min(max(p, 1e-6), 1 - 1e-6))
