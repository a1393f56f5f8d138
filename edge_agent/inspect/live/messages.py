"""What triggers and sensors send, as values. Pure: bytes or JSON values in, records out; whatever comes, nothing raises."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from vision.inspect.sensors import ClockSkew, Reading
from vision.inspect.trigger import Trigger

_NAME = 120  # characters of a part's name
_SAMPLES = 65536
_ORDER = 32  # entries


class TriggerReader:
    """Triggers of one source; where they carry the sender's time, its clock's skew is taken out."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._skew = ClockSkew(0.25)

    def read(self, payload: bytes, now: float) -> Trigger:
        """A message: empty, the part's name as text, or a JSON object."""
        text = payload.decode("utf-8", "replace").strip()
        try:
            content = json.loads(text) if text else {}
        except (ValueError, RecursionError):
            content = text
        if isinstance(content, dict):
            return self.of(content, now)
        return Trigger(now, self._source, name_of(content if isinstance(content, str | int) else text))

    def of(self, content: Mapping[str, Any], now: float) -> Trigger:
        """A JSON object: `part`, `t` (seconds of the sender's clock), `order`; all optional."""
        order = content.get("order")
        entries = list(order.items())[:_ORDER] if isinstance(order, dict) else []
        wished = {name_of(key): name_of(value) for key, value in entries if isinstance(value, str | int | float)}
        sent, t = number_of(content.get("t")), now
        if sent is not None and math.isfinite(sent):
            self._skew.seen(sent, now)
            t = min(now, sent + self._skew.seconds)
        return Trigger(t, self._source, name_of(content.get("part")), wished)


def reading_of(sensor: str, payload: bytes, now: float) -> Reading:
    """A message of a sensor: a number, or a JSON object. What is no number stays a reading, of nothing."""
    try:
        content = json.loads(payload)
    except (ValueError, RecursionError):
        return Reading(sensor, now)
    return reading_from(sensor, content if isinstance(content, dict) else {"value": content}, now)


def reading_from(sensor: str, content: Mapping[str, Any], now: float) -> Reading:
    """`value`, or `samples` with their `rate`; `t` by the sensor's clock, `unit`, `part`: all optional."""
    samples = content.get("samples")
    found: tuple[float, ...] = ()
    if isinstance(samples, list):
        numbers = [number_of(sample) for sample in samples[:_SAMPLES]]
        found = tuple(math.nan if sample is None else sample for sample in numbers)
    return Reading(
        sensor,
        now,
        number_of(content.get("value")),
        number_of(content.get("t")),
        name_of(content.get("unit")),
        name_of(content.get("part")),
        found,
        number_of(content.get("rate")) or 0.0,
    )


def number_of(value: object) -> float | None:
    """A number, also one written as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def name_of(value: object) -> str:
    """A name in one printable line; empty for what is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return "".join(sign for sign in str(value)[:_NAME] if sign.isprintable()).strip()
