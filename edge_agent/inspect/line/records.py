"""Verdicts as they were written, read again: which part, when, what came out, what was measured."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_agent.inspect.verdicts import PICTURES, RUN, VERDICTS, Line, Run
from vision.errors import InputError
from vision.inspect.recipe import Recipe
from vision.inspect.result import Outcome

_OUTCOMES = ("pass", "reject", "no_decision")


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """What was measured: the region, the check's name there, the measure with its unit ("width_mm")."""

    region: str
    check: str
    name: str

    def __str__(self) -> str:
        return " · ".join(dict.fromkeys((self.region, self.check, self.name)))


@dataclass(frozen=True, slots=True)
class Score:
    """A check's score and threshold on one part, and what it said."""

    outcome: Outcome
    value: float
    threshold: float

    @property
    def severity(self) -> float:
        """In units of the threshold."""
        return self.value / self.threshold if self.threshold > 0 else 2.0 * (self.value > self.threshold)


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One line of verdicts. `number` counts from 1; `at`: epoch seconds, None where it was not written down.

    `scores` by region and check; `measures` by `Key`; `entry` is the whole line.
    """

    number: int
    file: str
    verdict: Outcome
    at: float | None
    scores: Mapping[tuple[str, str], Score]
    measures: Mapping[Key, float]
    entry: Line
    folder: Path

    @property
    def name(self) -> str:
        """The picture's file name."""
        return Path(self.file).name

    @property
    def picture(self) -> str:
        """SHA-256 of the picture's file; empty where it was not written down."""
        return str(self.entry.get("picture") or "")

    @property
    def recipe_name(self) -> str:
        """The inspection that judged it; "part" where that was not written down."""
        recipe = self.entry.get("recipe")
        return str((recipe if isinstance(recipe, dict) else {}).get("name") or "part")

    @property
    def picture_file(self) -> Path | None:
        """The part's picture: the kept copy, else the file that was judged, if it is there."""
        for path in (self.folder / PICTURES / self.picture if self.picture else None, Path(self.file)):
            if path is not None and path.is_file():
                return path
        return None


@dataclass(frozen=True, slots=True, eq=False)
class Verdicts:
    """The parts of one or more runs, in their order; `recipe` is that of the last run, None where it is not beside it."""

    parts: tuple[Part, ...]
    recipe: Recipe | None


def read(source: Path, since: float | None = None, until: float | None = None) -> Verdicts:
    """The verdicts in a folder of a run, in a folder of such folders (the agent's), or in a file of lines.

    With `since` or `until` only those of that time. Raises InputError where they cannot be read, or a time is asked for
    and none was written down.
    """
    paths = _files(source)
    rows = [(path, row) for path in paths for row in _rows(path)]
    parts = tuple(_told(number, entry, path) for number, (path, entry) in enumerate(rows, 1))
    if since is not None or until is not None:
        if parts and all(part.at is None for part in parts):
            raise InputError(f"{source}: its verdicts carry no time; leave --since and --until out")
        low, high = since if since is not None else -math.inf, until if until is not None else math.inf
        parts = tuple(part for part in parts if part.at is not None and low <= part.at < high)
    last = paths[-1].parent
    return Verdicts(parts, Run.read(last).recipe if (last / RUN).is_file() else None)


def _files(source: Path) -> list[Path]:
    if not source.is_dir():
        return [source]
    if (source / VERDICTS).is_file():
        return [source / VERDICTS]
    return sorted(source.glob(f"*/{VERDICTS}")) or [source / VERDICTS]


def _rows(path: Path) -> Iterator[Line]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); name a folder of `inspect run`") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: is no file of verdicts") from None
    rows = text.split("\n")
    if rows[-1] and _entry(rows[-1]) is None:
        rows.pop()  # a line that is being written at this moment, or was when the machine went off
    for number, row in enumerate(rows, 1):
        entry = _entry(row) if row.strip() else {}
        if entry is None:
            raise InputError(f"{path}:{number}: is no line of verdicts; it was cut off or changed")
        if entry:
            yield entry


def _entry(row: str) -> Line | None:
    try:
        entry = json.loads(row)
    except ValueError:
        return None
    whole = isinstance(entry, dict) and entry.get("verdict") in _OUTCOMES and isinstance(entry.get("file"), str)
    return entry if whole else None


def _told(number: int, entry: Line, path: Path) -> Part:
    try:
        return _part(number, entry, path.parent)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise InputError(f"{path}: what it says of {entry['file'][:80]} is no verdict; it has been changed") from None


def _part(number: int, entry: Line, folder: Path) -> Part:
    scores: dict[tuple[str, str], Score] = {}
    measures: dict[Key, float] = {}
    for check in entry.get("checks") or ():
        region, name = str(check.get("region", "part")), str(check["check"])
        if check.get("score") is not None and check.get("threshold") is not None:
            scores[region, name] = Score(check["outcome"], float(check["score"]), float(check["threshold"]))
        for key, value in (check.get("measures") or {}).items():
            if value is not None:
                measures[Key(region, name, key)] = float(value)
    at = _time((entry.get("live") or {}).get("t"))
    return Part(number, str(entry["file"]), entry["verdict"], at, scores, measures, entry, folder)


def _time(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
