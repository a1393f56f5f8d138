"""Advice by label and language, from tables that people wrote: never a word of the model's.

A table is a YAML file: an entry for each label with its texts, its sources and who reviewed it. An entry that nobody has
reviewed says so in every text that leaves here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from importlib import resources
from pathlib import Path

import yaml
from pydantic import Field

from vision.language.base import Locale
from vision.settings.reading import load
from vision.settings.values import Value

_FULL_WIDTH = re.compile(r"(?<=[，。；：、）]) ")  # no space follows these
_UNREVIEWED: dict[Locale, str] = {
    "en": "Not yet reviewed by an agronomist: ask your local extension service before acting.",
    "zh": "尚未经农艺师审核：采取措施前请咨询当地农技推广部门。",
}


class SourceOf(Value):
    """Where an entry's advice was read."""

    who: str = Field(min_length=2, description="The institution.")
    what: str = Field(min_length=2, description="Title or address.")
    read: date = Field(description="Day on which it was read, as stored then.")


class Entry(Value):
    """Advice on one label."""

    name: dict[Locale, str] = Field(description="What people call it.")
    agent: str = Field("", description="What causes it, by its scientific name.")
    text: dict[Locale, str] = Field(description="What to do, in a few sentences; no product names, no doses.")
    sources: tuple[SourceOf, ...] = Field(min_length=1, description="Where this is from.")
    reviewed_by: str | None = Field(None, description="The agronomist who reviewed it; null: nobody yet.")
    reviewed_on: date | None = Field(None, description="Day of the review.")


class AdviceFile(Value):
    """A table of advice for one crop."""

    crop: str = Field(description="The crop.")
    written: date = Field(description="Day of this table.")
    entries: dict[str, Entry] = Field(description="Advice by label.")


@dataclass(frozen=True, slots=True)
class Advice:
    """What is told: `key` is `crop.label`; `reviewed` whether somebody has answered for it."""

    key: str
    text: str
    reviewed: bool


@dataclass(frozen=True, slots=True)
class AdviceTable:
    """The advice for one crop; an empty one knows nothing."""

    crop: str
    entries: Mapping[str, Entry]

    def find(self, label: str, locale: Locale) -> Advice | None:
        """The advice on a label, None where the table has none."""
        entry = self.entries.get(label)
        if entry is None:
            return None
        reviewed = entry.reviewed_by is not None
        told = [entry.text.get(locale) or entry.text["en"], *(() if reviewed else (_UNREVIEWED[locale],))]
        text = _FULL_WIDTH.sub("", " ".join(" ".join(told).split()))
        return Advice(f"{self.crop}.{label}", text, reviewed)

    def name(self, label: str, locale: Locale) -> str:
        """What people call it; the label itself where the table has no name."""
        entry = self.entries.get(label)
        return label.replace("_", " ") if entry is None else entry.name.get(locale) or entry.name["en"]


def advice_table(crop: str, path: Path | None = None) -> AdviceTable:
    """The table in a file, or the shipped one of the crop; empty for a crop that none is shipped for.

    Raises `ConfigError` for a file that cannot be used.
    """
    if path is not None:
        return AdviceTable(crop, load(path, AdviceFile).entries)
    shipped = resources.files(__package__).joinpath("advice", f"{crop}.yaml")
    if not shipped.is_file():
        return AdviceTable(crop, {})
    return AdviceTable(crop, AdviceFile.model_validate(yaml.safe_load(shipped.read_text(encoding="utf-8"))).entries)


def shipped_crops() -> tuple[str, ...]:
    """Crops that a table is shipped for."""
    folder = resources.files(__package__).joinpath("advice")
    return tuple(sorted(one.name.removesuffix(".yaml") for one in folder.iterdir() if one.name.endswith(".yaml")))
