"""Control charts: p, X-bar and R, individuals and moving range.

Limits come from `base`, a time when all was well, or, without one, from the points themselves (a trial chart: what is far
out widens its own limits). Sources: NIST/SEMATECH e-Handbook, sections 6.3.2.1, 6.3.2.2, 6.3.3.2; Montgomery,
"Introduction to Statistical Quality Control", 7th ed., chapters 6 and 7.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

from vision.inspect.spc.constants import FACTORS, MOVING
from vision.inspect.spc.rules import Rule, Violation, beyond_limits, western_electric

_NORMAL = 5  # expected rejects and passes of a subgroup from which its share is about normal


@dataclass(frozen=True, slots=True)
class Chart:
    """The points, the centre line, the limits at each point (3 sigma), and where which rule is broken."""

    values: tuple[float, ...]
    center: float
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    violations: tuple[Violation, ...]

    @property
    def out(self) -> tuple[int, ...]:
        """The points at which any rule is broken."""
        return tuple(self.broken())

    def broken(self) -> dict[int, list[Rule]]:
        """The rules that are broken, by the point, in the order of the points."""
        found: dict[int, list[Rule]] = {}
        for violation in sorted(self.violations, key=lambda violation: violation.index):
            found.setdefault(violation.index, []).append(violation.rule)
        return found


@dataclass(frozen=True, slots=True)
class Pair:
    """A chart of the level with that of the spread; `sigma` is the process's own, from the spread within the base.

    `freedom`: the degrees of freedom that an ordinary standard deviation as sure as this `sigma` would have.
    """

    level: Chart
    spread: Chart
    sigma: float
    freedom: float


def p_chart(rejects: Sequence[int], sizes: Sequence[int], base: float | None = None) -> Chart:
    """Share of rejects by subgroups of any sizes; `base` is the share when all was well, default: that of all.

    All four zone rules where shares are about normal (five rejects and five passes expected in every subgroup), else only
    points beyond the limits.

    Raises:
        ValueError: a subgroup without parts, more rejects than parts, or no subgroup.

    """
    pairs = list(zip(rejects, sizes, strict=True))
    if not pairs or any(size < 1 or not 0 <= count <= size for count, size in pairs):
        raise ValueError("each subgroup needs at least one part, and no more rejects than parts")
    center = sum(rejects) / sum(sizes) if base is None else base
    values = tuple(count / size for count, size in pairs)
    spread = [math.sqrt(center * (1 - center) / size) for size in sizes]
    z = [_standard(value - center, sigma) for value, sigma in zip(values, spread, strict=True)]
    normal = min(sizes) * min(center, 1 - center) >= _NORMAL
    return Chart(
        values,
        center,
        tuple(max(0.0, center - 3 * sigma) for sigma in spread),
        tuple(min(1.0, center + 3 * sigma) for sigma in spread),
        western_electric(z) if normal else beyond_limits(z),
    )


def individuals(values: Sequence[float], base: Sequence[float] | None = None) -> Pair:
    """Single values and their moving ranges of two; the spread chart has one point less, its first is that of value 1.

    Raises ValueError where base, or values without one, are fewer than two.
    """
    known = values if base is None else base
    if len(known) < 2 or not values:
        raise ValueError(f"a chart of individuals needs two values, not {len(known)}")
    center, mean_range = fmean(known), fmean(_moving(known))
    sigma = mean_range / MOVING.d2
    level = _level(values, center, 3 * sigma)
    ranges = _ranges(_moving(values), mean_range, MOVING.low, MOVING.high)
    # Var(mean range / d2) = 0.826 sigma^2 / (n - 1): J. D. Cryer, T. P. Ryan, J. Quality Technology 22 (1990), 187-192
    return Pair(level, ranges, sigma, (len(known) - 1) / (2 * 0.826))


def xbar_r(groups: Sequence[Sequence[float]], base: Sequence[Sequence[float]] | None = None) -> Pair:
    """Means and ranges of subgroups, all of one size from 2 to 10.

    Raises ValueError for other sizes, and where there is no subgroup.
    """
    known = groups if base is None else base
    sizes = {len(group) for group in (*groups, *known)}
    if not groups or not known or len(sizes) != 1 or min(sizes) not in FACTORS:
        raise ValueError(f"a chart of means and ranges needs subgroups of one size from 2 to 10, not {sorted(sizes)}")
    factors = FACTORS[sizes.pop()]
    center, mean_range = fmean(fmean(group) for group in known), fmean(_range(group) for group in known)
    level = _level([fmean(group) for group in groups], center, factors.a2 * mean_range)
    ranges = _ranges([_range(group) for group in groups], mean_range, factors.low, factors.high)
    return Pair(level, ranges, mean_range / factors.d2, len(known) * (factors.d2 / factors.d3) ** 2 / 2)


def _level(values: Sequence[float], center: float, reach: float) -> Chart:
    z = [_standard(value - center, reach / 3) for value in values]
    count = len(values)
    return Chart(tuple(values), center, (center - reach,) * count, (center + reach,) * count, western_electric(z))


def _ranges(values: Sequence[float], mean: float, low: float, high: float) -> Chart:
    lower, upper = low * mean, high * mean
    # ranges are skewed: of the rules only the first is used, with limits of their own, which are not symmetric
    z = [4.0 if value > upper else -4.0 if value < lower else 0.0 for value in values]
    return Chart(tuple(values), mean, (lower,) * len(values), (upper,) * len(values), beyond_limits(z))


def _standard(away: float, sigma: float) -> float:
    if sigma > 0:
        return away / sigma
    return 0.0 if away == 0 else math.copysign(math.inf, away)


def _moving(values: Sequence[float]) -> list[float]:
    return [abs(after - before) for before, after in pairwise(values)]


def _range(group: Sequence[float]) -> float:
    return max(group) - min(group)
