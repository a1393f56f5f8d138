"""The threshold for a stated rate of false rejects, and how sure that rate is, from the scores of held-out good parts.

With enough parts the threshold is one of their scores: the rate of good parts above the k-th highest of n scores follows
Beta(k, n + 1 - k), whatever the scores' distribution (Wilks 1941). With fewer no score lies that far out, and the tail is
continued as that of a normal distribution of the scores' logarithms: the threshold is its predictive quantile, by
Student's t, so that the stated rate holds on average; the interval comes from all normal distributions that fit the scores
(their joint posterior). The tail is an assumption, and said to be one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from vision.inspect.anomaly.statistics import beta_quantile, clopper_pearson, normal_tail, student_quantile

LEAST_PARTS = 5
_RANKS = 3  # the threshold may be a score itself if about so many scores are above it
_DRAWS = 20_000


@dataclass(frozen=True, slots=True)
class Threshold:
    """A threshold, the rate of false rejects it is set for, and the interval that holds the true rate with `confidence`.

    `parts` held-out scores were used, `above` of them are above it; `seen` is the exact interval (Clopper, Pearson) from
    that count alone, which assumes nothing of the tail. `method`: "rank" where the threshold is a score, "tail" where it
    comes from the continued tail.
    """

    value: float
    rate: float
    low: float
    high: float
    confidence: float
    parts: int
    above: int
    seen: tuple[float, float]
    method: Literal["rank", "tail"]

    def __str__(self) -> str:
        how = "" if self.method == "rank" else ", if the scores' logarithms are normal"
        return (
            f"threshold {self.value:.4g} for {self.rate:.3g} false rejects; from {self.parts} good parts the true rate lies "
            f"between {self.low:.2%} and {self.high:.2%} ({self.confidence:.0%} sure{how})"
        )


def threshold(scores: Sequence[float], rate: float, confidence: float = 0.95) -> Threshold:
    """The threshold from the scores of good parts that the model had not learned from.

    Raises:
        ValueError: fewer than five scores, a score not above zero, or a rate not between 0 and 0.5.

    """
    values = np.sort(np.asarray(scores, np.float64))[::-1]
    count = len(values)
    if count < LEAST_PARTS or not (values > 0).all() or not 0 < rate <= 0.5:
        raise ValueError(f"{count} scores of at least {values.min() if count else 0}, rate {rate}")
    expected = rate * (count + 1)  # of the k-th highest score, k / (n + 1) of all parts are above on average
    if expected >= _RANKS:
        value, low, high = _rank(values, expected, confidence)
    else:
        value, low, high = _tail(np.log(values), rate, confidence)
    above = int((values > value).sum())
    seen = clopper_pearson(above, count, confidence)
    return Threshold(value, rate, low, high, confidence, count, above, seen, "rank" if expected >= _RANKS else "tail")


def _rank(
    values: np.ndarray[tuple[int], np.dtype[np.float64]], expected: float, confidence: float
) -> tuple[float, float, float]:
    """Between the two scores whose expected rates enclose the stated one; the interval is the wider of theirs."""
    k = int(expected)
    part = expected - k
    upper, lower = float(values[k - 1]), float(values[min(k, len(values) - 1)])
    rest, n = (1 - confidence) / 2, len(values)
    last = k if part == 0 else k + 1
    return (
        math.exp((1 - part) * math.log(upper) + part * math.log(lower)),
        beta_quantile(rest, k, n + 1 - k),
        beta_quantile(1 - rest, last, n + 1 - last),
    )


def _tail(
    logs: np.ndarray[tuple[int], np.dtype[np.float64]], rate: float, confidence: float
) -> tuple[float, float, float]:
    n = len(logs)
    mean, spread = float(logs.mean()), max(float(logs.std(ddof=1)), 1e-3)
    limit = mean + spread * math.sqrt(1 + 1 / n) * student_quantile(1 - rate, n - 1)
    rng = np.random.default_rng(0)  # fixed: the same scores give the same interval
    sigma = spread * np.sqrt((n - 1) / rng.chisquare(n - 1, _DRAWS))
    mu = mean + sigma / math.sqrt(n) * rng.standard_normal(_DRAWS)
    rest = (1 - confidence) / 2
    low, high = np.quantile((limit - mu) / sigma, (1 - rest, rest))
    return math.exp(limit), normal_tail(float(low)), normal_tail(float(high))
