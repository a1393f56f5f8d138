"""Comparing the events of a replay with those that should have come: `replay --expect FILE`.

The file, YAML:

    clips:
      climb.mp4:
        - {type: climbing, zone: fence, start: [6.0, 8.5]}      # must start in this window (seconds)
      quiet.mp4: []                                             # nothing may happen here
    ignore: [counting]                                          # types that neither count nor miss
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Self

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from vision.errors import InputError
from vision.events import Event


class Expected(BaseModel):
    """One event that should come: its type, where, and the window (seconds of the clip) in which it starts."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    type: str
    zone: str | None = None
    start: tuple[float, float]
    facts: dict[str, str] = {}

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.start[0] > self.start[1]:
            raise ValueError("start: [from, to] runs backwards")
        return self

    def fits(self, event: Event) -> bool:
        """Whether `event` is the one that was expected."""
        return (
            event.type == self.type
            and (self.zone is None or event.zone == self.zone)
            and self.start[0] <= event.start <= self.start[1]
            and all(str(event.facts.get(key)) == value for key, value in self.facts.items())
        )


class Expectation(BaseModel):
    """A whole expectation file; clips that it does not name are not scored."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    clips: dict[str, tuple[Expected, ...]]
    ignore: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Score:
    """How well the events fit: what matched, what is missing, what is too much.

    `delay_s` is the median time from the middle of the expected window to the moment the rule was sure, in seconds;
    `false_per_hour` counts unexpected events per hour of footage.
    """

    matched: int
    missing: tuple[tuple[str, Expected], ...]
    extra: tuple[tuple[str, Event], ...]
    delay_s: float | None
    false_per_hour: float

    @property
    def recall(self) -> float:
        """Share of the expected events that came."""
        expected = self.matched + len(self.missing)
        return self.matched / expected if expected else 1.0

    @property
    def precision(self) -> float:
        """Share of the events that were expected."""
        came = self.matched + len(self.extra)
        return self.matched / came if came else 1.0

    @property
    def met(self) -> bool:
        """Whether everything expected came, and nothing else."""
        return not self.missing and not self.extra


def load_expectation(path: Path) -> Expectation:
    """The expectation in a YAML file; `InputError` with one line where it cannot be used."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"--expect {path}: cannot be read ({error.strerror})") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"--expect {path}: is no YAML ({' '.join(str(error).split())})") from None
    try:
        return Expectation.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise InputError(
            f"--expect {path}: {place}: {first['msg']}; write clips: {{NAME: [{{type, zone, start: [from, to]}}]}}"
        ) from None


def score(expectation: Expectation, events: Mapping[str, Sequence[Event]], hours: float) -> Score:
    """Match the `events` of each clip (by file name) against the expectation; `hours` of footage were looked at.

    Each expected event takes the first event that fits and is still free, in order of time.
    """
    matched, missing, extra, delays = 0, [], [], []
    for clip, came in events.items():
        if clip not in expectation.clips:
            continue
        free = [event for event in came if event.type not in expectation.ignore]
        for expected in sorted(expectation.clips[clip], key=lambda e: e.start[1]):
            event = next((event for event in free if expected.fits(event)), None)
            if event is None:
                missing.append((clip, expected))
                continue
            free.remove(event)
            matched += 1
            delays.append(event.opened - sum(expected.start) / 2)
        extra += [(clip, event) for event in free]
    delay = median(delays) if delays else None
    return Score(matched, tuple(missing), tuple(extra), delay, len(extra) / hours if hours > 0 else 0.0)
