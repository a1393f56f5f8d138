"""Whether a process fits its tolerance: Cp, Cpk from the spread within, Pp, Ppk from that of all parts, with intervals.

Sources: NIST/SEMATECH e-Handbook, section 6.1.6; Montgomery, "Introduction to Statistical Quality Control", 7th ed.,
sections 8.3.3 and 8.3.4; A. F. Bissell, "How reliable is your capability index?", Applied Statistics 39 (1990), 331-340.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, stdev

from vision.inspect.spc.charts import individuals
from vision.inspect.spc.chi_squared import chi_squared_quantile

LEAST = 10  # parts: an index of fewer says nothing


@dataclass(frozen=True, slots=True)
class Index:
    """A capability index with its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Capability:
    """How parts lie within their tolerance; Cp and Pp need both limits. `outside` parts of `count` were off it."""

    count: int
    mean: float
    within: float
    overall: float
    lower: float | None
    upper: float | None
    cp: Index | None
    cpk: Index
    pp: Index | None
    ppk: Index
    outside: int
    confidence: float


def capability(
    values: Sequence[float], lower: float | None, upper: float | None, confidence: float = 0.95
) -> Capability | None:
    """The indices of single values in their order; None where there are too few, all are the same, or there is no limit.

    The sigma within is that of the moving range: it does not grow when the level drifts, the overall one does.
    """
    if len(values) < LEAST or (lower is None and upper is None):
        return None
    mean, overall, pair = fmean(values), stdev(values), individuals(values)
    if overall == 0 or pair.sigma == 0:
        return None
    outside = sum((lower is not None and v < lower) or (upper is not None and v > upper) for v in values)
    freedom = len(values) - 1.0
    return Capability(
        count=len(values),
        mean=mean,
        within=pair.sigma,
        overall=overall,
        lower=lower,
        upper=upper,
        cp=cp(pair.sigma, lower, upper, pair.freedom, confidence),
        cpk=cpk(mean, pair.sigma, lower, upper, len(values), pair.freedom, confidence),
        pp=cp(overall, lower, upper, freedom, confidence),
        ppk=cpk(mean, overall, lower, upper, len(values), freedom, confidence),
        outside=outside,
        confidence=confidence,
    )


def cp(
    sigma: float, lower: float | None, upper: float | None, freedom: float, confidence: float = 0.95
) -> Index | None:
    """Tolerance over six sigma; the interval is that of a standard deviation with so many degrees of freedom."""
    if lower is None or upper is None:
        return None
    value, rest = (upper - lower) / (6 * sigma), (1 - confidence) / 2
    low, high = (math.sqrt(chi_squared_quantile(p, freedom) / freedom) for p in (rest, 1 - rest))
    return Index(value, value * low, value * high)


def cpk(
    mean: float,
    sigma: float,
    lower: float | None,
    upper: float | None,
    count: int,
    freedom: float,
    confidence: float = 0.95,
) -> Index:
    """Distance to the nearer limit over three sigma, with Bissell's interval. Raises ValueError without any limit."""
    away = [mean - lower] if lower is not None else []
    away += [upper - mean] if upper is not None else []
    if not away:
        raise ValueError("Cpk needs a limit")
    value = min(away) / (3 * sigma)
    reach = NormalDist().inv_cdf((1 + confidence) / 2) * math.sqrt(1 / (9 * count) + value**2 / (2 * freedom))
    return Index(value, value - reach, value + reach)
