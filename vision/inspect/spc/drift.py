"""The score of good parts drifts towards the threshold: told before good parts are rejected.

Scores are above 0 and skewed; their logarithms are about normal (see `vision.inspect.anomaly.threshold`), so the sums are
made of logarithms. Target and sigma are those of the first good parts, or of parts given.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, stdev

from vision.inspect.spc.cusum import Cusum

LEARN = 50  # good parts that say what is usual
_LEAST_SIGMA = 1e-3
# for shifts of half a sigma: wear and dirt come slowly. h from Montgomery, 7th ed., table 9.4 (370 values between false
# alarms of both sides, so 740 of this one)
SLACK, INTERVAL = 0.25, 8.01


@dataclass(frozen=True, slots=True)
class Drift:
    """The score of good parts has risen: seen at part `index`, probably since part `since` (from 0, of those watched).

    `before` and `now`: the geometric mean of the score. `rate_before`, `rate_now`: the share 0..1 of good parts above the
    threshold if the logarithms are normal; None without a threshold.
    """

    index: int
    since: int
    before: float
    now: float
    threshold: float | None
    rate_before: float | None
    rate_now: float | None

    def __str__(self) -> str:
        told = f"the score of good parts has risen from {self.before:.3g} to {self.now:.3g}"
        if self.rate_now is None or self.rate_before is None:
            return told
        return (
            f"{told}: {self.rate_now:.1%} of good parts would be rejected if it stays so, {self.rate_before:.1%} before"
        )


class DriftWatch:
    """Watches the scores of parts that passed, one by one; tells once for each rise, then takes the new level as usual."""

    def __init__(
        self,
        threshold: float | None = None,
        *,
        base: Sequence[float] | None = None,
        learn: int = LEARN,
        slack: float = SLACK,
        interval: float = INTERVAL,
    ) -> None:
        """`base`: scores of good parts that say what is usual; without them the first `learn` do."""
        self.threshold, self.learn, self.slack, self.interval = threshold, max(2, learn), slack, interval
        self.sums: list[float] = []
        self._count = 0
        self._cusum: Cusum | None = None
        self._learned: list[float] = []
        self._since: list[float] = []
        if base is not None:
            logs = [math.log(score) for score in base if score > 0]
            if len(logs) >= 2:
                self._start(logs)

    @property
    def ready(self) -> bool:
        """Whether it knows what is usual."""
        return self._cusum is not None

    def update(self, score: float) -> Drift | None:
        """One more part that passed; a drift where this one gives it away. Scores not above 0 say nothing."""
        index, self._count = self._count, self._count + 1
        if not score > 0:
            self.sums.append(self.sums[-1] if self.sums else 0.0)
            return None
        log = math.log(score)
        if self._cusum is None:
            self._learned.append(log)
            self.sums.append(0.0)
            if len(self._learned) >= self.learn:
                self._start(self._learned)
            return None
        point = self._cusum.update(log)
        self.sums.append(point.high)
        self._since = [*self._since, log] if point.high > 0 else []
        if point.high <= self.interval:
            return None
        drift = self._told(index, self._cusum)
        self._cusum = None  # the new level has to be learned: its spread may be another, too
        self._learned, self._since = [], []
        return drift

    def _start(self, logs: Sequence[float]) -> None:
        self._cusum = Cusum(fmean(logs), max(stdev(logs), _LEAST_SIGMA), self.slack, self.interval)

    def _told(self, index: int, cusum: Cusum) -> Drift:
        since = _since([log - cusum.target for log in self._since])
        now = fmean(self._since[since:])
        rates: tuple[float | None, float | None] = (None, None)
        if self.threshold is not None and self.threshold > 0:
            limit = math.log(self.threshold)
            rates = (
                1 - NormalDist(cusum.target, cusum.sigma).cdf(limit),
                1 - NormalDist(now, cusum.sigma).cdf(limit),
            )
        return Drift(
            index, index + 1 - len(self._since) + since, math.exp(cusum.target), math.exp(now), self.threshold, *rates
        )


def _since(away: Sequence[float]) -> int:
    """Where the level has most likely changed, if it did at once: from the distances to the target.

    Source: D. V. Hinkley, "Inference about the change-point from cumulative sum tests", Biometrika 58 (1971), 509-523.
    """
    total, best, place = 0.0, 0.0, len(away) - 1
    for index in range(len(away) - 1, -1, -1):
        total += away[index]
        gain = total**2 / (len(away) - index) if total > 0 else 0.0
        if gain > best:
            best, place = gain, index
    return place
