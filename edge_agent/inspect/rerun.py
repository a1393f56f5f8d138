"""Making verdicts again from what was kept: the same bytes, or what has changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from edge_agent.inspect import verdicts
from edge_agent.inspect.assets import FolderAssets, KeptAssets, digest
from edge_agent.inspect.live.record import sensor_results
from edge_agent.inspect.live.station import blind
from edge_agent.inspect.pictures import PartPicture
from edge_agent.inspect.runner import judged
from edge_agent.inspect.verdicts import FILES, PICTURES, Line, Run
from vision.errors import InputError
from vision.inspect.inspector import Inspector
from vision.inspect.result import combine

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Again:
    """One verdict made again: what differs, in words; empty where every byte is the same."""

    file: str
    differs: tuple[str, ...] = ()
    missing: str | None = None

    @property
    def same(self) -> bool:
        """The same, byte for byte."""
        return not self.differs and self.missing is None


def rerun(out: Path, progress: Progress | None = None) -> tuple[list[Again], list[str]]:
    """Every verdict of a run made again, and notes on what has changed since around it.

    Raises InputError where the folder holds no run, or its recipe or files have been changed.
    """
    made = Run.read(out)
    told = list(verdicts.lines(out))
    inspector = Inspector(made.recipe, KeptAssets(out / FILES, made.files))
    again = []
    for entry in told:
        again.append(_again(out, entry, inspector, made))
        if progress is not None:
            progress(len(again), len(told))
    return again, list(_changed(made))


def _again(out: Path, entry: Line, inspector: Inspector, made: Run) -> Again:
    if "live" in entry:
        return _live_again(out, entry, inspector, made)
    file, wanted = str(entry.get("file")), str(entry.get("picture"))
    data = _kept(out / PICTURES / wanted, wanted)
    if data is None:
        data = _kept(Path(file), wanted)
    if data is None:
        return Again(file, missing="its picture was not kept, and the file is gone or has changed since")
    part = PartPicture(file, data, entry.get("clip"))
    return _compared(file, entry, judged(inspector, part, made, made.digest).entry)


def _live_again(out: Path, entry: Line, inspector: Inspector, made: Run) -> Again:
    """A part of a running line: its picture, if it had one, and its readings."""
    file, live, wanted = str(entry.get("file")), entry["live"], str(entry.get("picture"))
    more = sensor_results(live)
    given: Line = {key: entry[key] for key in ("live", "shadow") if key in entry}  # no part of the verdict
    if live["no_picture"]:
        verdict = combine([*blind(live["no_picture"]).verdict.results, *more])
        new = verdicts.line(file, verdict, picture="", run_digest=made.digest, run=made, ms=0.0) | {"heat": None}
        return _compared(file, entry, {**new, **given})
    data = _kept(out / PICTURES / wanted, wanted)
    if data is None:
        return Again(file, missing="its picture was not kept, or has been changed")
    part = PartPicture(file, data)
    new = judged(inspector, part, made, made.digest, order=live["order"], more=more).entry
    return _compared(file, entry, {**new, **given})


def _compared(file: str, entry: Line, new: Line) -> Again:
    """What differs between a verdict and the same one made again."""
    if verdicts.comparable(new) == verdicts.comparable(entry):
        return Again(file)
    keys = [key for key in {**entry, **new} if key != "ms" and entry.get(key) != new.get(key)]
    return Again(file, tuple(_told(key, entry.get(key), new.get(key)) for key in keys) or ("the line's form",))


def _kept(path: Path, wanted: str) -> bytes | None:
    """The file's bytes if they are those that were judged."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    return data if digest(data) == wanted else None


def _told(key: str, before: object, now: object) -> str:
    """What was said, and what is said now; long values only by name."""
    if isinstance(before, str | float | int | None) and isinstance(now, str | float | int | None):
        return f"{key} was {before}, is {now}"
    return key


def _changed(made: Run) -> Iterator[str]:
    """What is no longer as it was when the run was made, though the kept copies still are."""
    now = verdicts.versions()
    for name, before in made.versions.items():
        if now.get(name) != before:
            yield f"{name} was {before}, is {now.get(name, 'gone')}"
    assets = FolderAssets(Path(made.folder))
    for path, before in made.files.items():
        try:
            current = digest(assets.read(path))
        except InputError:
            yield f"{path} is gone from {made.folder}; the kept copy was used"
            continue
        if current != before:
            yield f"{path} has changed since; the kept copy was used"
