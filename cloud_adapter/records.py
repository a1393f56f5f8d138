"""What travels between the rooms of the cloud adapter; plain frozen values, no vendor's type among them.

Money is whole micro-dollars (1 USD = 1,000,000), so that sums are exact. Times are epoch seconds UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from vision.events import Fact
from vision.wire.messages import FrameMeta, Reading

MICRO = 1_000_000
READINGS = "readings"  # label of a job without a picture, where nothing is asked about readings alone


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded picture, already re-encoded by the intake: only pixels, no metadata."""

    data: bytes = field(repr=False)
    media_type: str  # image/jpeg or image/webp
    width: int
    height: int
    sha256: str  # of `data`


class Job(BaseModel):
    """One picture (or only readings) to be looked at; made by the intake, ended by exactly one `Diagnosis` or burial.

    `id` is `device/frame`; `picture` is the key of the re-encoded picture in the queue's blobs, None for readings alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    id: str
    device: str
    received: float
    meta: FrameMeta | None = None
    profile: str
    camera: str
    site: str
    priority: int = 5
    picture: str | None = None
    media_type: str = "image/jpeg"
    width: int = 0
    height: int = 0
    readings: tuple[Reading, ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """What one answer took, as the provider counts it."""

    input_tokens: int = 0
    cached_tokens: int = 0  # part of input_tokens
    output_tokens: int = 0
    requests: int = 1


class Candidate(BaseModel):
    """One label that was considered; `confidence` 0..1."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    label: str
    confidence: float = Field(ge=0, le=1)


class Opinion(BaseModel):
    """What one model (or rule) said about one picture."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    model: str  # catalogue name, or "rules"
    label: str
    answer: Literal["", "label", "health", "state"] = ""  # of the form; empty: a rule, which fills none in
    candidates: tuple[Candidate, ...] = ()  # best first, at most 3
    temperature: float = Field(1.0, gt=0)  # of the calibration that their confidence went through
    severity: Literal["none", "low", "medium", "high", "unknown"] = "unknown"
    text_in_scene: bool = False
    prompt: str = ""  # name@version of the prompt
    cached: bool = False  # taken from the result cache: nothing was paid
    usage: tuple[int, int, int] = (0, 0, 0)  # input, cached, output tokens
    cost_microusd: int = 0
    latency_s: float = 0.0


class Diagnosis(BaseModel):
    """The typed end of a job. `label` is one of the profile's labels, `healthy`, `unsure`, or for covers its states.

    `outcome`: `diagnosed`, `review` (a person has to look, `reasons` say why), `held` (over the budget, kept for the
    batch run), `failed` (the provider refused or answered nonsense for good).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    job: str
    device: str
    camera: str
    site: str
    profile: str
    captured: float
    decided: float
    outcome: Literal["diagnosed", "review", "held", "failed"]
    label: str
    confidence: float = Field(0.0, ge=0, le=1)
    calibrated: bool = False  # whether `confidence` went through a calibration table of this model and profile
    candidates: tuple[Candidate, ...] = ()
    severity: Literal["none", "low", "medium", "high", "unknown"] = "unknown"
    opinions: tuple[Opinion, ...] = ()
    advice: str | None = None  # from the reviewed table, in the profile's locale; never the model's words
    advice_key: str | None = None
    reasons: tuple[str, ...] = ()
    readings: tuple[Reading, ...] = ()
    facts: dict[str, Fact] = Field(default_factory=dict)  # of the picture's meta: what the device saw itself
    picture: str | None = None
    cost_microusd: int = 0


Facts = Mapping[str, float | int | str | bool | None]
