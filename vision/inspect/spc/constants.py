"""Factors for control charts of ranges, by subgroup size.

Source: D. C. Montgomery, "Introduction to Statistical Quality Control", 7th ed., Appendix VI (the same as in
ASTM E2587 and NIST/SEMATECH e-Handbook, section 6.3.2.1).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Factors:
    """d2, d3: mean and standard deviation of a range in units of sigma. A2, D3, D4: limits from the mean range."""

    d2: float
    d3: float
    a2: float
    low: float  # D3
    high: float  # D4


FACTORS = {
    2: Factors(1.128, 0.853, 1.880, 0.0, 3.267),
    3: Factors(1.693, 0.888, 1.023, 0.0, 2.574),
    4: Factors(2.059, 0.880, 0.729, 0.0, 2.282),
    5: Factors(2.326, 0.864, 0.577, 0.0, 2.114),
    6: Factors(2.534, 0.848, 0.483, 0.0, 2.004),
    7: Factors(2.704, 0.833, 0.419, 0.076, 1.924),
    8: Factors(2.847, 0.820, 0.373, 0.136, 1.864),
    9: Factors(2.970, 0.808, 0.337, 0.184, 1.816),
    10: Factors(3.078, 0.797, 0.308, 0.223, 1.777),
}
MOVING = FACTORS[2]  # of two neighbours: the moving range
