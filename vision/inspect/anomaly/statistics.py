"""The few distributions that thresholds and their intervals need; scipy would be 35 MB for them.

The incomplete beta function by its continued fraction: Press et al., "Numerical Recipes", 3rd ed., section 6.4.
"""

from __future__ import annotations

import math
from collections.abc import Callable


def beta_cdf(x: float, a: float, b: float) -> float:
    """P(X <= x) of a beta distribution: the regularised incomplete beta function."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(x, a, b) / a
    return 1 - front * _fraction(1 - x, b, a) / b


def _fraction(x: float, a: float, b: float) -> float:
    """The continued fraction of the incomplete beta function, by Lentz's method."""
    tiny = 1e-300
    c, d = 1.0, 1 - (a + b) * x / (a + 1)
    d = 1 / (d if abs(d) > tiny else tiny)
    value = d
    for m in range(1, 500):
        step = 1.0
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 + term * d
            d = 1 / (d if abs(d) > tiny else tiny)
            c = 1 + term / c
            c = c if abs(c) > tiny else tiny
            step = c * d
            value *= step
        if abs(step - 1) < 1e-14:
            break
    return value


def _solved(rising: Callable[[float], float], target: float, low: float, high: float) -> float:
    """Where a rising function reaches the target, by bisection to the last bit."""
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if rising(middle) < target else (low, middle)
    return (low + high) / 2


def beta_quantile(p: float, a: float, b: float) -> float:
    """The value that a beta distribution stays below with probability p."""
    return _solved(lambda x: beta_cdf(x, a, b), p, 0.0, 1.0)


def normal_tail(z: float) -> float:
    """P(Z > z) of the standard normal distribution."""
    return 0.5 * math.erfc(z / math.sqrt(2))


def student_quantile(p: float, degrees: float) -> float:
    """The value that Student's t with these degrees of freedom stays below with probability p."""
    if p < 0.5:
        return -student_quantile(1 - p, degrees)
    if p == 0.5:
        return 0.0
    x = beta_quantile(2 * (1 - p), degrees / 2, 0.5)  # P(|T| > t) = I_x(df/2, 1/2), x = df / (df + t²)
    return math.sqrt(degrees * (1 - x) / x)


def clopper_pearson(hits: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """The exact interval of a rate from `hits` in `trials`.

    Source: Clopper, Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial", 1934.
    """
    if not 0 <= hits <= trials or trials == 0:
        raise ValueError(f"{hits} of {trials} is no share")
    rest = (1 - confidence) / 2
    low = 0.0 if hits == 0 else beta_quantile(rest, hits, trials - hits + 1)
    high = 1.0 if hits == trials else beta_quantile(1 - rest, hits + 1, trials - hits)
    return low, high
