"""The chi-squared distribution, for intervals of a standard deviation.

The regularised incomplete gamma function by its series: Press et al., "Numerical Recipes", 3rd ed., section 6.2.
"""

from __future__ import annotations

import math


def chi_squared_cdf(x: float, freedom: float) -> float:
    """P(X <= x) with so many degrees of freedom (above 0, not necessarily whole)."""
    if x <= 0:
        return 0.0
    a, half = freedom / 2, x / 2
    total = term = 1 / a
    step = a
    while term > total * 1e-16:  # falls for good once step is above half
        step += 1
        term *= half / step
        total += term
    return min(1.0, total * math.exp(a * math.log(half) - half - math.lgamma(a)))


def chi_squared_quantile(p: float, freedom: float) -> float:
    """The value that stays above with probability 1 - p, by bisection. Raises ValueError for p outside of 0..1."""
    if not 0 < p < 1 or freedom <= 0:
        raise ValueError(f"no quantile {p} with {freedom} degrees of freedom")
    low, high = 0.0, freedom + 10 * math.sqrt(2 * freedom) + 50
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if chi_squared_cdf(middle, freedom) < p else (low, middle)
    return (low + high) / 2
