"""A new model beside the old one: both judge the same parts, and people's labels say which of them errs."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_agent.inspect.assets import FolderAssets, digest
from edge_agent.inspect.line.labels import Label, Said
from edge_agent.inspect.line.records import Part
from edge_agent.inspect.line.records import read as read_verdicts
from edge_agent.inspect.models import ModelStore
from edge_agent.inspect.pictures import files_of, pixels_of
from edge_agent.inspect.recipes import load_recipe
from edge_agent.inspect.store import recipe_of
from edge_agent.inspect.verdicts import VERDICTS
from vision.errors import InputError
from vision.inspect.anomaly.statistics import clopper_pearson
from vision.inspect.inspector import Inspector
from vision.inspect.recipe import Recipe
from vision.inspect.result import CheckResult, Outcome, Verdict, combine

Progress = Callable[[int, int], None]
OUTCOMES: tuple[Outcome, ...] = ("pass", "reject", "no_decision")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one model says of a part; `severity`: its worst score in units of the threshold, None without any."""

    verdict: Outcome
    severity: float | None


@dataclass(frozen=True, slots=True)
class Row:
    """One part, judged by both; `label` is what a person said of it, if anybody did."""

    file: str
    old: Judgement
    new: Judgement
    label: Said | None


@dataclass(frozen=True, slots=True)
class Rate:
    """So many of so many, with the exact 95 % interval (Clopper, Pearson)."""

    hits: int
    of: int

    def __str__(self) -> str:
        if self.of == 0:
            return "nothing labelled"
        low, high = clopper_pearson(self.hits, self.of)
        return f"{self.hits} of {self.of} ({low:.1%} to {high:.1%})"


@dataclass(frozen=True, slots=True)
class Comparison:
    """All parts judged by both."""

    rows: tuple[Row, ...]

    @property
    def agreed(self) -> int:
        """Parts with one verdict."""
        return sum(row.old.verdict == row.new.verdict for row in self.rows)

    @property
    def changed(self) -> tuple[Row, ...]:
        """Parts with two."""
        return tuple(row for row in self.rows if row.old.verdict != row.new.verdict)

    def count(self, old: Outcome, new: Outcome) -> int:
        """Parts of which the old one says this, and the new one that."""
        return sum(row.old.verdict == old and row.new.verdict == new for row in self.rows)

    def false_rejects(self, *, new: bool) -> Rate:
        """Of parts that people call good: those it rejects."""
        return self._rate("good", "reject", new=new)

    def false_accepts(self, *, new: bool) -> Rate:
        """Of parts that people call bad: those it passes."""
        return self._rate("bad", "pass", new=new)

    def _rate(self, label: Said, verdict: Outcome, *, new: bool) -> Rate:
        said = [row.new if new else row.old for row in self.rows if row.label == label]
        return Rate(sum(judgement.verdict == verdict for judgement in said), len(said))


def version_of(reference: str) -> tuple[str, int | None]:
    """Name and version of NAME@2; without @ the version in use (None). Raises InputError."""
    name, sign, number = reference.partition("@")
    if sign and not (number.isascii() and number.isdigit() and len(number) <= 6):
        raise InputError(f"{reference[:80]}: is not of the form NAME@VERSION; a version is a number")
    return name, int(number) if sign else None


def recipe_and_assets(reference: str, store: Path) -> tuple[Recipe, FolderAssets]:
    """The recipe of that name and version, and its files. Raises InputError or StoreError where it cannot be used."""
    name, number = version_of(reference)
    path = recipe_of(name, store)
    if number is not None:
        models = ModelStore(name, store)
        models.load(number)  # it is there, and is what was written
        path = models.recipe_of(number)
    return load_recipe(path), FolderAssets(path.parent)


def inspector_of(reference: str, store: Path) -> Inspector:
    """The inspection of that name and version. Raises as `recipe_and_assets` does."""
    return Inspector(*recipe_and_assets(reference, store))


def pictures(paths: Sequence[Path]) -> list[Path]:
    """Pictures and folders of them; of a folder of a run, or of the agent's runs, the parts that were judged."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir() and ((path / VERDICTS).is_file() or any(path.glob(f"*/{VERDICTS}"))):
            kept = (part.picture_file for part in read_verdicts(path).parts)
            found += [file for file in kept if file is not None]
        else:
            found += files_of([path])
    return list(dict.fromkeys(found))


def compare(
    old: Inspector,
    new: Inspector,
    files: Sequence[Path],
    labels: Mapping[str, Label],
    progress: Progress | None = None,
) -> Comparison:
    """Both judge every picture; labels go by the digest of its file."""
    rows = []
    for count, file in enumerate(files, 1):
        try:
            data = file.read_bytes()
        except OSError:
            data = b""
        label = labels.get(digest(data))
        name = label.file if label is not None and file.name == label.picture else str(file)
        rows.append(Row(name, _judged(old, data), _judged(new, data), None if label is None else label.label))
        if progress is not None:
            progress(count, len(files))
    return Comparison(tuple(rows))


def _judged(inspector: Inspector, data: bytes) -> Judgement:
    pixels = pixels_of(data)
    if isinstance(pixels, str):
        verdict: Verdict = combine([CheckResult.undecided("picture", pixels)])
    else:
        verdict = inspector.inspect(pixels).verdict
    leading = verdict.leading
    return Judgement(verdict.outcome, None if leading is None else leading.severity)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the line said, and the model in its shadow; of parts from before it, or let go by it, `without` counts."""

    old: str
    new: str
    comparison: Comparison
    without: int


def recorded(parts: Sequence[Part], labels: Callable[[str], Mapping[str, Label]], new: str | None = None) -> Recorded:
    """The verdicts that both have left in the line's records; `new`: the model in the shadow, default the last one.

    `labels` gives what people say, by the inspection's name. Raises InputError where nothing was judged by it.
    """
    models = [str(shadow.get("model")) for part in parts if (shadow := _shadow(part)) is not None]
    wanted = new or next(reversed(models), "")
    if wanted not in models:
        known = f"; there are: {', '.join(dict.fromkeys(models))}" if models else "; set inspection.live.shadow"
        raise InputError(f"these verdicts hold none of {f'the model {wanted}' if new else 'a model in shadow'}{known}")
    said = {name: labels(name) for name in dict.fromkeys(part.recipe_name for part in parts)}
    rows = []
    for part in parts:
        shadow = _shadow(part)
        if shadow is not None and shadow.get("model") == wanted:
            label = said[part.recipe_name].get(part.picture)
            before = max((score.severity for score in part.scores.values()), default=None)
            after = Judgement(shadow["verdict"], shadow.get("severity"))
            rows.append(Row(part.file, Judgement(part.verdict, before), after, None if label is None else label.label))
    return Recorded(" and ".join(said), wanted, Comparison(tuple(rows)), len(parts) - len(rows))


def _shadow(part: Part) -> dict[str, Any] | None:
    shadow = part.entry.get("shadow")
    return shadow if isinstance(shadow, dict) and shadow.get("verdict") in OUTCOMES else None


def write_table(comparison: Comparison, path: Path) -> None:
    """Every part as a line of CSV. Raises InputError where it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(_lines(comparison))
    except OSError as error:
        raise InputError(f"--csv {path}: cannot be written ({error.strerror}); name another") from None


def _lines(comparison: Comparison) -> Iterable[Sequence[object]]:
    yield "file", "old", "old_severity", "new", "new_severity", "label"
    for row in comparison.rows:
        yield row.file, row.old.verdict, row.old.severity, row.new.verdict, row.new.severity, row.label or ""
