"""Sensors and pictures in one verdict: readings aligned to a part become results of checks like any other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vision.errors import InputError
from vision.inspect.result import CheckResult
from vision.inspect.sensors import Aligned, Doubt, Reading, Sensor, SensorParams
from vision.inspect.vibration import VibrationModel

REGION = "sensors"


@dataclass(frozen=True, slots=True)
class Measured:
    """A part's reading of one sensor, or the doubt: all that is needed to judge it, now or again later."""

    params: SensorParams
    found: Aligned | Doubt
    vibration: VibrationModel | None = None

    def judge(self) -> CheckResult:
        """What this reading says of the part."""
        title = self.params.name
        if isinstance(self.found, Doubt):
            return CheckResult.undecided(title, self.found.reason, REGION)
        if self.vibration is not None:
            return _by_vibration(title, self.found.reading, self.vibration)
        value = self.found.reading.value
        if value is None or not math.isfinite(value):
            return CheckResult.undecided(title, f"{title}: the reading is no number", REGION)
        return _by_limits(self.params, value)

    def to_dict(self) -> dict[str, Any]:
        """JSON values that `of` reads again."""
        told: dict[str, Any] = {"params": self.params.model_dump(mode="json", exclude_defaults=True)}
        if isinstance(self.found, Doubt):
            return told | {"doubt": [self.found.kind, self.found.reason]}
        one = self.found.reading
        reading: dict[str, Any] = {
            "value": one.value,
            "unit": one.unit,
            "sent": one.sent,
            "arrived": one.arrived,
            "part": one.part,
        }
        if one.samples:
            reading |= {"samples": list(one.samples), "rate": one.rate}
        told |= {"reading": reading, "apart_s": round(self.found.apart_s, 6)}
        return told if self.vibration is None else told | {"vibration": self.vibration.dumps().decode()}

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Measured:
        """What `to_dict` told. Raises InputError where it is not of that form."""
        try:
            params = SensorParams.model_validate(told["params"])
            if "doubt" in told:
                return cls(params, Doubt(*told["doubt"]))
            one = told["reading"]
            samples = tuple(one.get("samples", ()))
            reading = Reading(
                params.name,
                one["arrived"],
                one["value"],
                one["sent"],
                one["unit"],
                one["part"],
                samples,
                one.get("rate", 0.0),
            )
            model = VibrationModel.loads(told["vibration"].encode(), params.name) if "vibration" in told else None
            return cls(params, Aligned(reading, told["apart_s"]), model)
        except (ValueError, KeyError, TypeError):
            raise InputError("a reading in the record is not of its form; the record has been changed") from None


class Board:
    """All sensors of a line. Not safe for several threads at a time."""

    def __init__(self, sensors: Sequence[SensorParams], vibration: Mapping[str, VibrationModel] | None = None) -> None:
        """`vibration`: what good parts sound like, by the sensor's name."""
        self.sensors = {params.name: Sensor(params) for params in sensors}
        self._vibration = dict(vibration or {})

    def put(self, reading: Reading) -> bool:
        """A reading has come; False where no such sensor is known."""
        sensor = self.sensors.get(reading.sensor)
        if sensor is not None:
            sensor.put(reading)
        return sensor is not None

    def expect(self, part_t: float) -> None:
        """A part has come."""
        for sensor in self.sensors.values():
            sensor.expect(part_t)

    def settled(self, part_t: float, now: float, part: str = "") -> bool:
        """Whether no sensor needs to be waited for any more."""
        return all(sensor.settled(part_t, now, part) for sensor in self.sensors.values())

    def measured(self, part_t: float, part: str = "") -> list[Measured]:
        """Every sensor's reading of a part, taken for it; call it once a part."""
        return [
            Measured(sensor.params, sensor.align(part_t, part), self._vibration.get(name))
            for name, sensor in self.sensors.items()
        ]


def _by_limits(params: SensorParams, value: float) -> CheckResult:
    """Reject outside of the limits; the score is 1 at a limit and grows outwards."""
    low, high, name = params.min, params.max, params.name
    text = f"{name} {value:g} {params.unit}".rstrip()
    key = f"{name}_{params.unit}".rstrip("_")
    reasons = []
    if low is not None and value < low:
        reasons.append(f"{text} is below {low:g}")
    if high is not None and value > high:
        reasons.append(f"{text} is above {high:g}")
    score = None
    if low is not None and high is not None and high > low:
        score = abs(value - (low + high) / 2) / ((high - low) / 2)
    outcome = "reject" if reasons else "pass"
    return CheckResult(
        name,
        outcome,  # type: ignore[arg-type]  # one of the two literals
        score,
        None if score is None else 1.0,
        measures={key: value},
        reasons=tuple(reasons),
        region=REGION,
    )


def _by_vibration(title: str, reading: Reading, model: VibrationModel) -> CheckResult:
    if not reading.samples:
        return CheckResult.undecided(title, f"{title}: the reading holds no samples", REGION)
    if reading.rate and abs(reading.rate - model.rate) > 0.01 * model.rate:
        told = f"{title}: {reading.rate:g} samples a second, the model was learned at {model.rate:g}"
        return CheckResult.undecided(title, told, REGION)
    try:
        score, band = model.score(reading.samples)
    except InputError as error:
        return CheckResult.undecided(title, f"{title}: {error}", REGION)
    low, high = model.band_hz(band)
    reasons = (
        f"{title}: unlike good parts ({score:.1f}, limit {model.threshold:.1f}), most at {low:.0f} to {high:.0f} Hz",
    )
    bad = score > model.threshold
    return CheckResult(
        title,
        "reject" if bad else "pass",
        score,
        model.threshold,
        measures={f"{title}_score": score},
        reasons=reasons if bad else (),
        region=REGION,
    )
