"""Sunrise and sunset from a place on the map.

The equations of NOAA's solar calculator (after J. Meeus, "Astronomical Algorithms"), https://gml.noaa.gov/grad/solcalc/:
good to a minute below 72 degrees of latitude, to ten beyond; the horizon is that of the sea, refraction included. Written
out here because it is 40 lines: the package `astral`, against which the tests hold it, does the same and a lot more.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import acos, cos, degrees, radians, sin, tan

_DAY_S = 86400.0
_ZENITH = 90.833  # degrees: the sun's upper edge on the horizon, refraction included
_ROUNDS = 5  # of finding the sun where it is at the moment that is looked for; converges to below a second


@dataclass(frozen=True, slots=True)
class SunTimes:
    """Epoch seconds UTC of one day at one place; both None where the sun does not cross the horizon that day."""

    noon: float
    sunrise: float | None
    sunset: float | None


def sun_times(near: float, latitude: float, longitude: float) -> SunTimes:
    """The solar day whose noon is nearest to `near` (epoch seconds UTC); degrees, north and east positive."""
    noon = near
    for _ in range(_ROUNDS):
        noon = _noon(near, noon, longitude)
    return SunTimes(noon, _crossing(noon, latitude, -1), _crossing(noon, latitude, 1))


def _noon(near: float, guess: float, longitude: float) -> float:
    """When the sun stands in the meridian, the equation of time being that of `guess`."""
    _, equation = _sun(guess)
    clock = (43200.0 - longitude * 240.0 - equation * 60.0) % _DAY_S  # seconds after 0:00 UTC
    return near + (clock - near + _DAY_S / 2) % _DAY_S - _DAY_S / 2


def _crossing(noon: float, latitude: float, side: int) -> float | None:
    """The crossing of the horizon before (-1) or after (1) noon."""
    t = noon
    _, equation_at_noon = _sun(noon)
    for _ in range(_ROUNDS):
        declination, equation = _sun(t)
        cosine = cos(radians(_ZENITH)) / (cos(radians(latitude)) * cos(declination))
        cosine -= tan(radians(latitude)) * tan(declination)
        if not -1 < cosine < 1:
            return None
        t = noon + side * degrees(acos(cosine)) * 240.0 - (equation - equation_at_noon) * 60.0
    return t


def _sun(t: float) -> tuple[float, float]:
    """Declination in radians and equation of time in minutes at epoch second `t`."""
    century = (t / _DAY_S + 2440587.5 - 2451545.0) / 36525.0
    mean_longitude = radians((280.46646 + century * (36000.76983 + century * 0.0003032)) % 360.0)
    anomaly = radians(357.52911 + century * (35999.05029 - 0.0001537 * century))
    eccentricity = 0.016708634 - century * (0.000042037 + 0.0000001267 * century)
    centre = (
        sin(anomaly) * (1.914602 - century * (0.004817 + 0.000014 * century))
        + sin(2 * anomaly) * (0.019993 - 0.000101 * century)
        + sin(3 * anomaly) * 0.000289
    )
    node = radians(125.04 - 1934.136 * century)
    apparent = mean_longitude + radians(centre - 0.00569 - 0.00478 * sin(node))
    seconds = 21.448 - century * (46.815 + century * (0.00059 - century * 0.001813))
    obliquity = radians(23.0 + (26.0 + seconds / 60.0) / 60.0 + 0.00256 * cos(node))
    sine = sin(obliquity) * sin(apparent)
    declination = radians(90.0 - degrees(acos(sine)))
    y = tan(obliquity / 2) ** 2
    equation = 4 * degrees(
        y * sin(2 * mean_longitude)
        - 2 * eccentricity * sin(anomaly)
        + 4 * eccentricity * y * sin(anomaly) * cos(2 * mean_longitude)
        - 0.5 * y * y * sin(4 * mean_longitude)
        - 1.25 * eccentricity * eccentricity * sin(2 * anomaly)
    )
    return declination, equation
