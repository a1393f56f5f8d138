"""What may be spent: the section `budget` of the cloud config."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator, model_validator

from cloud_adapter.records import MICRO
from vision.schedule import TimeZone
from vision.settings.values import Value

_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


class BudgetSettings(Value):
    """Caps in US dollars, reserved before each call with the most it can cost. A day and a month begin in `timezone`."""

    timezone: TimeZone = Field("UTC", description="IANA name, for example Asia/Shanghai: days and months begin there.")
    device_day_usd: float = Field(0.5, ge=0, le=1e6, description="Most that one device may cost in a day.")
    fleet_day_usd: float = Field(5, ge=0, le=1e6, description="Most that all devices may cost in a day.")
    fleet_month_usd: float = Field(100, ge=0, le=1e7, description="Most that all devices may cost in a month.")
    alarm_share: float = Field(
        0.2, ge=0, le=0.9, description="Part of each cap that is kept back for alarms; other pictures stop before it."
    )
    over: Literal["hold", "local"] = Field(
        "hold",
        description="Over a cap: `hold` keeps the picture for the batch run, `local` ends it undiagnosed (outcome `held`). "
        "Alarms are always kept, and told at once.",
    )
    batch_at: str | None = Field(
        None, description="Time of day (HH:MM) of the batch run; default: as soon as the cap opens again."
    )
    cache_days: float = Field(
        30,
        ge=0,
        le=3650,
        description="An answer about the same picture, prompt and model is not paid again for so long.",
    )
    ledger_days: float = Field(800, ge=40, le=36500, description="How long each call stays in the ledger.")

    @field_validator("batch_at")
    @classmethod
    def _time_of_day(cls, text: str | None) -> str | None:
        if text is not None and not _CLOCK.fullmatch(text):
            raise ValueError(f"{text!r} is no time of day; write one like 02:30")
        return text

    @model_validator(mode="after")
    def _caps_fit(self) -> BudgetSettings:
        if self.fleet_day_usd > self.fleet_month_usd:
            raise ValueError("fleet_day_usd is larger than fleet_month_usd: the day's cap would never be reached")
        return self

    @property
    def caps(self) -> tuple[int, int, int]:
        """Micro-dollars per device and day, fleet and day, fleet and month."""
        usd = (self.device_day_usd, self.fleet_day_usd, self.fleet_month_usd)
        return tuple(round(cap * MICRO) for cap in usd)  # type: ignore[return-value]  # three in, three out
