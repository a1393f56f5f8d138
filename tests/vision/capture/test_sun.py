"""Sunrise and sunset against `astral` 3.2 (its values, to the second; both follow NOAA, and differ by some seconds)."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from vision.capture.sun import sun_times

BERLIN = (52.52, 13.40, "Europe/Berlin")
PLACES = {
    "midsummer": (BERLIN, "2026-06-21", "04:43:29", "21:32:55"),
    "midwinter": (BERLIN, "2026-12-21", "08:15:17", "15:53:36"),
    "east": ((31.23, 121.47, "Asia/Shanghai"), "2026-11-23", "06:28:06", "16:52:26"),
    "equator, equinox": ((-1.29, 36.82, "Africa/Nairobi"), "2026-03-20", "06:37:04", "18:43:15"),
    "first days after a polar night": ((69.65, 18.96, "Europe/Oslo"), "2026-02-01", "09:24:54", "14:31:41"),
    "far south": ((-54.8, -68.3, "America/Argentina/Ushuaia"), "2026-12-21", "04:51:51", "22:10:53"),
    "a zone on the other side of the date line": (
        (-21.13, -175.2, "Pacific/Tongatapu"),
        "2026-07-01",
        "07:18:51",
        "18:10:24",
    ),
    "the day summer time begins": ((-36.85, 174.76, "Pacific/Auckland"), "2026-09-27", "07:03:53", "19:20:57"),
}


@pytest.mark.parametrize("name", PLACES)
def test_as_the_almanac_says(name: str) -> None:
    (latitude, longitude, zone), day, rise, set_ = PLACES[name]
    at = ZoneInfo(zone)
    noon = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=at).timestamp()
    sun = sun_times(noon, latitude, longitude)
    for found, told in ((sun.sunrise, rise), (sun.sunset, set_)):
        wanted = datetime.fromisoformat(f"{day}T{told}").replace(tzinfo=at).timestamp()
        assert found is not None
        assert abs(found - wanted) < 60


@pytest.mark.parametrize("day", [date(2026, 6, 21), date(2026, 12, 21)])
def test_the_sun_does_not_cross_the_horizon(day: date) -> None:
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo("Europe/Oslo")).timestamp()
    sun = sun_times(noon, 69.65, 18.96)
    assert (sun.sunrise, sun.sunset) == (None, None)
    assert abs(sun.noon - noon) < 2 * 3600


def test_noon_is_the_nearest_one_and_in_the_middle_all_year() -> None:
    for n in range(365):
        near = datetime(2026, 1, 1, 12, tzinfo=ZoneInfo("Pacific/Honolulu")) + timedelta(days=n)
        sun = sun_times(near.timestamp(), 21.3, -157.85)
        assert sun.sunrise is not None
        assert sun.sunset is not None
        assert sun.sunrise < sun.noon < sun.sunset
        assert abs(sun.noon - near.timestamp()) < 3600
        assert abs((sun.sunrise + sun.sunset) / 2 - sun.noon) < 90
