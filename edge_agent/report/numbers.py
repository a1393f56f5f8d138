"""Numbers as they are read in the report: times, sizes, measurements with their unit."""

from __future__ import annotations

import math

from edge_agent.report.words import measure
from vision.events import Fact
from vision.language.template import clock

# the end of a measurement's name -> its unit; longer ends first
_UNITS = (
    ("_heights_per_s", "heights/s"),
    ("_heights", "heights"),
    ("_share", "share"),
    ("_per_minute", "/min"),
    ("_per_hour", "/h"),
    ("_per_s", "/s"),
    ("_m_s", "m/s"),
    ("_percent", "%"),
    ("_pct", "%"),
    ("_degrees", "°"),
    ("_deg", "°"),
    ("_ms", "ms"),
    ("_px", "px"),
    ("_fps", "fps"),
    ("_s", "s"),
    ("_m", "m"),
)
_CHINESE = {"heights/s": "倍身高/s", "heights": "倍身高"}
_CLOCK = {"at", "since", "began", "start", "end", "owner_left", "seen"}  # moments, not lengths of time


def moment(seconds: float) -> str:
    """A moment to a tenth of a second: `0:12.4`; live times as they are told elsewhere."""
    if seconds >= 1e8:
        return clock(seconds)
    tenths = max(0, math.floor(seconds * 10 + 1e-6))
    return f"{clock(tenths // 10)}.{tenths % 10}"


def length(seconds: float, locale: str = "en") -> str:
    """A length of time: `340 ms`, `7.4 s`, `2 min 5 s`, `1 h 5 min`; in Chinese with Chinese units."""
    hour, minute, second, milli = ("小时", "分", "秒", "毫秒") if locale == "zh" else ("h", "min", "s", "ms")
    if seconds < 0.9995:
        return f"0 {second}" if seconds <= 0 else f"{plain(seconds * 1000)} {milli}"
    if seconds < 59.95:
        return f"{seconds:.1f} {second}"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} {minute} {whole % 60} {second}"
    return f"{whole // 3600} {hour} {whole % 3600 // 60} {minute}"


def plain(value: float) -> str:
    """A number with three digits that count, thousands apart: `0.042`, `7.4`, `1,234`."""
    if isinstance(value, int) or not math.isfinite(value) or abs(value) >= 100:
        return f"{value:,.0f}" if math.isfinite(value) else "–"
    digits = 0 if value == 0 else max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:.{min(digits, 4)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def fact(key: str, value: Fact, locale: str) -> tuple[str, str]:
    """A measurement by its name and its value with the unit that the key ends in."""
    end, unit = next(((end, unit) for end, unit in _UNITS if key.endswith(end) and len(key) > len(end)), ("", ""))
    stem = key[: len(key) - len(end)]
    if unit == "s" and (stem in _CLOCK or stem.endswith("_at")) and isinstance(value, int | float):
        return measure(stem, locale), moment(value)
    if unit == "s" and isinstance(value, int | float) and not isinstance(value, bool):
        return measure(stem, locale), length(value, locale)
    if unit == "share" and isinstance(value, int | float) and not isinstance(value, bool):
        return measure(key, locale), f"{plain(value * 100)}%"
    return measure(stem, locale), _value(value, _CHINESE.get(unit, unit) if locale == "zh" else unit)


def _value(value: Fact, unit: str) -> str:
    if isinstance(value, bool):
        return "✓" if value else "✗"
    if value is None:
        return "–"
    if isinstance(value, list):
        return ", ".join(_value(item, "") for item in value) + (f" {unit}" if unit and value else "")
    if isinstance(value, str):
        return value
    return plain(value) + ("" if not unit else unit if unit in "°%" else f" {unit}")
