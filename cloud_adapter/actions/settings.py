"""What may be switched, on what evidence, within what limits: the `actions:` of the config.

Every limit has a value that refuses rather than allows: what is not said is not done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self, Union

from pydantic import Field, model_validator

from vision.delivery.actuators.base import ActuatorParams, actuator_types
from vision.schedule import Schedule
from vision.settings.values import Value

Mode = Literal["off", "dry_run", "approve", "auto"]

if TYPE_CHECKING:
    AnyActuator = ActuatorParams
else:
    AnyActuator = Annotated[Union[tuple(a.Params for a in actuator_types().values())], Field(discriminator="type")]  # noqa: UP007


class Agreement(Value):
    """How many pictures must say the same, so that no single answer switches anything."""

    k: int = Field(2, ge=1, le=20, description="So many of the last `n` pictures must show the label, sure enough.")
    n: int = Field(3, ge=1, le=20, description="How many of the newest pictures of the camera count.")
    captures: int = Field(2, ge=1, le=20, description="They must come from at least so many captures.")
    apart_s: float = Field(
        600.0, ge=0, le=7 * 86400, description="Pictures closer together than so many seconds are one capture."
    )
    within_h: float = Field(48.0, gt=0, le=720, description="Older pictures do not count.")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.k > self.n or self.captures > self.k:
            raise ValueError("captures must be at most k, and k at most n")
        return self


class SensorLimit(Value):
    """A reading that must be there, be fresh and lie within a range."""

    sensor: str = Field(min_length=1, description="Name of the sensor, as devices send it.")
    unit: str = Field("", description="Its unit; a reading in another unit counts as missing.")
    min: float | None = Field(None, description="At least so much.")
    max: float | None = Field(None, description="At most so much.")
    max_age_s: float = Field(900.0, gt=0, le=86400, description="An older reading counts as missing.")
    at: Literal["camera", "site"] = Field("site", description="Whose reading: the camera's own, or any of its site.")

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("give min, max or both; a limit without bounds allows everything")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min is above max: nothing would ever be allowed")
        return self


class Dose(Value):
    """How much at a time, and how much in all."""

    amount: float = Field(gt=0, le=1e6, description="What one opening is meant to give, in `unit`.")
    unit: str = Field("ml", min_length=1, max_length=16, description="Unit of the amounts.")
    rate: float = Field(gt=0, le=1e6, description="What flows in a second with the valve open, in `unit`/s.")
    area_m2: float = Field(gt=0, le=1e6, description="The area that one opening covers.")
    max_per_m2: float = Field(gt=0, le=1e6, description="Most that a square metre may get in a day, in `unit`.")
    max_open_s: float = Field(60.0, gt=0, le=3600, description="Longest time open, whatever the amount.")
    openings_per_day: int = Field(2, ge=1, le=1000, description="Most openings in any 24 hours.")
    cooldown_s: float = Field(3600.0, ge=0, le=30 * 86400, description="Shortest time between two openings.")
    flow_tolerance: float = Field(
        0.3, ge=0, le=10, description="A measured flow that differs from the amount by more than this share is a fault."
    )

    @property
    def open_s(self) -> float:
        """How long the valve is open for one dose."""
        return self.amount / self.rate

    @model_validator(mode="after")
    def _within(self) -> Self:
        if self.open_s > self.max_open_s:
            raise ValueError(f"amount / rate is {self.open_s:g} s open, above max_open_s {self.max_open_s:g}")
        if self.amount / self.area_m2 > self.max_per_m2:
            raise ValueError("one dose already gives more than max_per_m2")
        return self


class ActionConfig(Value):
    """One thing that may be done when a diagnosis asks for it."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", description="Name of the action.")
    mode: Mode = Field(
        "dry_run",
        description="off: never considered; dry_run: decided and written down, nothing is sent; approve: a person must "
        "approve each; auto: sent when the guard allows it.",
    )
    profile: str = Field(min_length=1, description="The profile whose diagnoses may ask for it.")
    cameras: tuple[str, ...] | None = Field(None, description="Only for these cameras; default: all of the profile.")
    labels: tuple[str, ...] = Field(min_length=1, description="Only these labels may ask for it: the allow-list.")
    min_confidence: float = Field(0.85, gt=0.5, le=1, description="Calibrated confidence that each picture needs.")
    agreement: Agreement = Agreement()
    second_opinion: bool = Field(
        True, description="Another model, or the local classifier, must name the same label for the newest picture."
    )
    calibrated_only: bool = Field(
        True, description="In auto: refuse while the model has no calibration table for the profile."
    )
    sensors: tuple[SensorLimit, ...] = Field((), description="Readings that must hold, for example wind, rain, tank.")
    clear_of: tuple[Literal["person", "animal", "vehicle"], ...] = Field(
        ("person", "animal"), description="The newest picture's device must have looked for these, and seen none."
    )
    hours: Schedule | None = Field(None, description="Only in these hours; default: always.")
    dose: Dose = Field(description="How much, how long, how often.")
    actuator: AnyActuator = Field(description="What carries it out.")
    target: str = Field("valve", min_length=1, max_length=64, description="Name of the valve or relay at the gateway.")
    expire_s: float = Field(60.0, gt=0, le=3600, description="A command older than this is not carried out any more.")
    approval_s: float = Field(4 * 3600.0, gt=0, le=7 * 86400, description="How long a proposal waits for a person.")
    follow_up_s: float | None = Field(
        6 * 3600.0, gt=0, le=30 * 86400, description="Ask for another picture so long after; null: none."
    )


class ActionsConfig(Value):
    """Everything that may be switched, and how it is written down."""

    enabled: bool = Field(True, description="false: nothing is sent, whatever the modes say (the emergency stop).")
    rules: tuple[ActionConfig, ...] = Field((), description="The actions.")
