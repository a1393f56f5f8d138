"""Readings of scales, torque tools, thermometers: which one belongs to a part, and whether it can be believed.

A reading belongs to the part that it names; without a name, to the part from whose moment it is `offset_s` away, give or
take `tolerance_s`. Whatever leaves a doubt is a `Doubt` with its reason, never a value.

Pure: all times are seconds on one clock (`arrived`), or on the sensor's own (`sent`), whose skew is estimated.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

_KEPT = 512  # readings of a sensor
_PARTS = 64  # parts whose readings are remembered as taken
_SKEW_READINGS = 64  # from which the skew is estimated
_STREAM = 4  # readings within the tolerance from which a sensor sends all the time, so that the nearest one holds
_SET_ANEW = 5  # readings in a row that tell of a clock that was set

DoubtKind = Literal["missing", "stale", "duplicated", "ambiguous", "not_a_number", "absurd", "unit", "kind"]


class SensorParams(BaseModel):
    """A sensor whose readings are part of the verdict."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str = Field(min_length=1, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", description="Its name in verdicts.")
    unit: str = Field("", description="Unit of its readings; a reading that names another one is no decision.")
    min: float | None = Field(None, description="A part whose reading is below is rejected.")
    max: float | None = Field(None, description="A part whose reading is above is rejected.")
    believable: tuple[float, float] | None = Field(
        None, description="Lowest and highest reading that there can be at all; any other is no decision."
    )
    offset_s: float = Field(
        0.0, ge=-600, le=600, description="The reading is made so long after the part's trigger (before: negative)."
    )
    tolerance_s: float = Field(0.5, gt=0, le=600, description="It may be made so much earlier or later than that.")
    wait_s: float = Field(1.0, ge=0, le=60, description="It may arrive so much later than it could have been made.")
    shared: bool = Field(
        False, description="One reading holds for several parts (temperature of an oven); else each part needs its own."
    )
    clock: Literal["sensor", "arrival"] = Field(
        "sensor", description="Whose time counts: the one in the reading, its clock's skew taken out, or its arrival's."
    )
    max_skew_s: float = Field(
        86400.0, gt=0, description="A sensor whose clock is further off is not believed: no decision."
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        for name, pair in (("min, max", (self.min, self.max)), ("believable", self.believable or (None, None))):
            if pair[0] is not None and pair[1] is not None and not pair[0] <= pair[1]:
                raise ValueError(f"{name} of sensor {self.name}: the lower one comes first")
        return self


@dataclass(frozen=True, slots=True)
class Reading:
    """What a sensor sent. `value`: a number, for vibration `samples` at `rate` a second. `sent`: by the sensor's clock.

    `part` names the part where the sensor knows it; `unit` is empty where the reading has none.
    """

    sensor: str
    arrived: float
    value: float | None = None
    sent: float | None = None
    unit: str = ""
    part: str = ""
    samples: tuple[float, ...] = ()
    rate: float = 0.0

    @property
    def content(self) -> object:
        """What must be the same for two readings of one moment to be one that was sent twice."""
        return (repr(self.value), self.unit, self.samples)


@dataclass(frozen=True, slots=True)
class Aligned:
    """A part's reading, and how far from its moment it was made (seconds)."""

    reading: Reading
    apart_s: float


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why there is no reading to go by."""

    kind: DoubtKind
    reason: str


class ClockSkew:
    """How far the sensor's clock is behind ours, from readings that carry its time.

    The least difference between arrival and sender's time is the skew with the least delay on the way (the minimum filter
    of NTP, RFC 5905 section 10); what is left of the delay makes readings younger than they are, by no more than that.
    A clock that is set anew shows as readings in a row that are all beyond, then they alone count.
    """

    def __init__(self, jump_s: float) -> None:
        self._jump_s = jump_s
        self._differences: deque[float] = deque(maxlen=_SKEW_READINGS)

    def seen(self, sent: float, arrived: float) -> None:
        """One more reading."""
        self._differences.append(arrived - sent)
        last = list(self._differences)[-_SET_ANEW:]
        if len(last) == _SET_ANEW and min(last) - min(self._differences) > self._jump_s:
            self._differences.clear()
            self._differences.extend(last)
        elif len(self._differences) > 1 and self._differences[-1] < min(list(self._differences)[:-1]) - self._jump_s:
            newest = self._differences[-1]  # nothing arrives before it was sent: the clock was set forward
            self._differences.clear()
            self._differences.append(newest)

    @property
    def seconds(self) -> float:
        """What is to be added to the sensor's time; 0 before the first reading."""
        return min(self._differences, default=0.0)


@dataclass(slots=True, eq=False)
class _Timed:
    reading: Reading
    t: float


class Sensor:
    """One sensor's readings. Not safe for several threads at a time."""

    def __init__(self, params: SensorParams) -> None:
        self.params = params
        self.skew = ClockSkew(max(params.tolerance_s, 0.05))
        self._readings: deque[_Timed] = deque(maxlen=_KEPT)
        self._taken: deque[_Timed] = deque(maxlen=_PARTS)
        self._parts: deque[float] = deque(maxlen=_PARTS)

    def expect(self, part_t: float) -> None:
        """A part has come, at this moment: a reading nearer to it than to another one is its own."""
        self._parts.append(part_t)

    def put(self, reading: Reading) -> None:
        """A reading has come; they need not come in the order in which they were made."""
        sent = reading.sent if self.params.clock == "sensor" else None
        if sent is not None and math.isfinite(sent):
            self.skew.seen(sent, reading.arrived)
            t = min(sent + self.skew.seconds, reading.arrived)
        else:
            t = reading.arrived
        self._readings.append(_Timed(reading, t))

    def settled(self, part_t: float, now: float, part: str = "") -> bool:
        """Whether waiting for the part's reading is of no use any more: it is there, or it is too late for it."""
        params = self.params
        moment = part_t + params.offset_s
        if now >= moment + params.tolerance_s + params.wait_s:
            return True
        if part and any(timed.reading.part == part for timed in self._readings):
            return True
        newest = max((timed.t for timed in self._readings), default=float("-inf"))
        near = any(self._fits(timed, moment, part) for timed in self._readings)
        # a nearer one may still come until the moment itself is over
        return near and (newest >= moment or now >= moment + params.tolerance_s)

    def align(self, part_t: float, part: str = "") -> Aligned | Doubt:
        """The reading of the part of this moment and name, taken for it alone unless readings are shared."""
        found = self._chosen(part_t + self.params.offset_s, part)
        if isinstance(found, Doubt):
            return found
        trouble = self._unbelievable(found.reading)
        if trouble is not None:
            return trouble
        if not self.params.shared:
            self._taken.append(found)
        return Aligned(found.reading, found.t - part_t - self.params.offset_s)

    def _fits(self, timed: _Timed, moment: float, part: str) -> bool:
        """Whether the reading may be this part's: near enough, not named or taken by another one, nor nearer to it."""
        apart, offset = abs(timed.t - moment), self.params.offset_s
        if apart > self.params.tolerance_s or (timed.reading.part and timed.reading.part != part):
            return False
        if self.params.shared:
            return True
        nearer = any(abs(timed.t - t - offset) < apart for t in self._parts)
        return not nearer and all(taken is not timed for taken in self._taken)

    def _chosen(self, moment: float, part: str) -> _Timed | Doubt:
        params, name = self.params, self.params.name
        if abs(self.skew.seconds) > params.max_skew_s:
            return Doubt("stale", f"{name}: its clock is off by {self.skew.seconds:.1f} s, more than can be believed")
        named = [timed for timed in self._readings if part and timed.reading.part == part]
        near = named or [timed for timed in self._readings if self._fits(timed, moment, part)]
        if not near:
            return self._absent(moment)
        best = min(near, key=lambda timed: (abs(timed.t - moment), timed.t))
        same = [timed for timed in near if _same_moment(timed, best) or named]
        if len({timed.reading.content for timed in same}) > 1:
            told = ", ".join(f"{timed.reading.value:g}" for timed in same[:3] if timed.reading.value is not None)
            return Doubt("duplicated", f"{name}: different readings of one moment: {told or 'vibration'}")
        if not params.shared and not named and (other := _as_near(near, best, moment)) is not None:
            return Doubt(
                "ambiguous",
                f"{name}: two readings are as near to the part's moment ({best.t - moment:+.2f} s and "
                f"{other.t - moment:+.2f} s) and differ",
            )
        return best

    def _absent(self, moment: float) -> Doubt:
        name, within = self.params.name, self.params.tolerance_s
        if not self._readings:
            return Doubt("missing", f"{name}: no reading has ever come")
        older = [moment - timed.t for timed in self._readings if timed.t < moment - within]
        taken = any(abs(timed.t - moment) <= within for timed in self._readings)
        if taken:
            return Doubt("missing", f"{name}: the only reading near is another part's")
        if older:
            return Doubt("stale", f"{name}: the last reading is {min(older):.2f} s old, {within:g} s is allowed")
        return Doubt("missing", f"{name}: no reading within {within:g} s of the part")

    def _unbelievable(self, reading: Reading) -> Doubt | None:
        params, name = self.params, self.params.name
        if params.unit and reading.unit and reading.unit != params.unit:
            return Doubt("unit", f"{name}: the reading is in {reading.unit[:20]}, {params.unit} is expected")
        values: Sequence[float | None] = reading.samples or (reading.value,)
        if any(value is None or not math.isfinite(value) for value in values):
            return Doubt("not_a_number", f"{name}: the reading is no number")
        if params.believable is not None:
            low, high = params.believable
            wrong = next((v for v in values if v is not None and not low <= v <= high), None)
            if wrong is not None:
                text = f"{name}: {wrong:g} {params.unit}".rstrip()
                return Doubt("absurd", f"{text} cannot be: believable are {low:g} to {high:g}")
        return None


def _same_moment(one: _Timed, other: _Timed) -> bool:
    """The same reading sent twice has the same time by the sensor's clock, or came in the same millisecond."""
    a, b = one.reading.sent, other.reading.sent
    return a == b if a is not None and b is not None else abs(one.t - other.t) < 1e-3


def _as_near(near: Sequence[_Timed], best: _Timed, moment: float) -> _Timed | None:
    """Another reading, of another value, that fits the moment as well as the best one."""
    if len(near) >= _STREAM:
        return None
    margin = 0.1 * max(abs(timed.t - moment) for timed in near)
    for timed in near:
        close = abs(abs(timed.t - moment) - abs(best.t - moment)) <= margin
        if timed is not best and close and timed.reading.content != best.reading.content:
            return timed
    return None
