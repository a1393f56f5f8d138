"""From what a model says to how often it is right: one temperature for each model, profile and answer, with provenance.

A table is a YAML file; without an entry the numbers stay as they are and are said to be uncalibrated. Source: C. Guo et al.,
"On Calibration of Modern Neural Networks", ICML 2017 (temperature scaling).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field

from vision.settings.reading import load
from vision.settings.values import Value

Answered = Literal["label", "health", "state"]

_LEAST = 1e-4
_RANGE = (0.2, 10.0)


class Entry(Value):
    """One fitted temperature."""

    model: str = Field(description="Name in the catalogue.")
    profile: str = Field(description="Name of the profile.")
    answer: Answered = Field("label", description="Which answer: label (the closed choice), health or state.")
    temperature: float = Field(ge=_RANGE[0], le=_RANGE[1], description="Above 1: the model is too sure of itself.")
    pictures: int = Field(ge=1, description="Pictures with a known truth that it was fitted on.")
    on: date = Field(description="Day of the fit.")
    by: str = Field(min_length=2, description="Who fitted it, on which pictures.")


class CalibrationFile(Value):
    """A table of calibrations."""

    entries: tuple[Entry, ...] = Field(description="One for each model, profile and answer.")


class Calibration:
    """A table; empty where there is none."""

    def __init__(self, entries: Sequence[Entry] = ()) -> None:
        self._entries = {(entry.profile, entry.model, entry.answer): entry for entry in entries}

    @classmethod
    def read(cls, path: Path | None) -> Calibration:
        """The table in a file. Raises `ConfigError`."""
        return cls() if path is None else cls(load(path, CalibrationFile).entries)

    def known(self, profile: str, model: str, answer: Answered = "label") -> bool:
        """Whether numbers of this model are calibrated for this answer of the profile."""
        return (profile, model, answer) in self._entries

    def apply(self, profile: str, model: str, answer: Answered, odds: Mapping[str, float]) -> dict[str, float]:
        """Probabilities that add up to 1, calibrated where there is an entry; best first."""
        return scaled(odds, self.temperature(profile, model, answer))

    def temperature(self, profile: str, model: str, answer: Answered = "label") -> float:
        """The fitted one; 1 where there is none."""
        entry = self._entries.get((profile, model, answer))
        return 1.0 if entry is None else entry.temperature


def write(path: Path, entries: Sequence[Entry]) -> None:
    """The table as a file, whole or not at all. Raises `OSError`."""
    plain = [entry.model_dump(mode="json") for entry in entries]
    text = yaml.safe_dump({"entries": plain}, sort_keys=False, allow_unicode=True)
    part = path.with_name(f"{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def scaled(odds: Mapping[str, float], temperature: float) -> dict[str, float]:
    """`p ** (1 / temperature)`, made to add up to 1; best first."""
    powers = {name: max(p, 0.0) ** (1 / temperature) if p > 0 else 0.0 for name, p in odds.items()}
    total = sum(powers.values())
    if total <= 0:
        return dict.fromkeys(odds, 0.0)
    return dict(sorted(((name, p / total) for name, p in powers.items()), key=lambda pair: -pair[1]))


def fit(answers: Sequence[tuple[Mapping[str, float], str]]) -> float:
    """The temperature under which the true labels (second of each pair) were likeliest; 1 for no answers.

    A label that is not among the odds has what they leave to "".
    """
    if not answers:
        return 1.0

    def loss(temperature: float) -> float:
        told = ((scaled(odds, temperature), truth) for odds, truth in answers)
        return -sum(math.log(max(_LEAST, odds.get(truth, odds.get("", 0.0)))) for odds, truth in told)

    steps = 80
    low, high = (math.log(edge) for edge in _RANGE)
    return min((math.exp(low + (high - low) * i / steps) for i in range(steps + 1)), key=loss)
