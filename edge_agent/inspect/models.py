"""The models learned from good parts, by name: every version is kept, one is in use, and the last one can come back.

STORE/NAME/recipe.yaml       what `inspect run --name NAME` runs; names the version in use
STORE/NAME/v0001.model       a version: never changed once written
STORE/NAME/versions.jsonl    one line each: version, hash, when and from what it was made, false rejects
STORE/NAME/history.jsonl     which version was taken into use when, and why
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from edge_agent.inspect.assets import digest
from edge_agent.inspect.store import RECIPE, folder_of
from vision.errors import InputError, StoreError
from vision.inspect.anomaly.model import AnomalyModel

_VERSIONS = "versions.jsonl"
_HISTORY = "history.jsonl"


@dataclass(frozen=True, slots=True)
class Version:
    """One trained model: its number, file, hash, when it was made (ISO 8601, UTC) and how many good parts it knows."""

    version: int
    file: str
    sha256: str
    made: str
    parts: int
    backbone: str
    backbone_sha256: str
    false_reject: dict[str, Any]


class ModelStore:
    """The versions of one name in a store."""

    def __init__(self, name: str, store: Path) -> None:
        """Raises InputError for a name that is none."""
        self.name, self.folder = name, folder_of(name, store)

    def versions(self) -> list[Version]:
        """Every version, oldest first. Raises StoreError where the list is damaged."""
        return [Version(**entry) for entry in self._lines(_VERSIONS)]

    def current(self) -> int | None:
        """The version in use; None where there is none yet."""
        history = self._lines(_HISTORY)
        return int(history[-1]["version"]) if history else None

    def add(self, model: AnomalyModel, locate: str = "whole", now: datetime | None = None) -> Version:
        """Keep a model as the next version; it is not in use yet. Raises StoreError where it cannot be written."""
        made = self.versions()
        number = made[-1].version + 1 if made else 1
        data = model.to_bytes()
        entry = Version(
            version=number,
            file=f"v{number:04d}.model",
            sha256=digest(data),
            made=_moment(now),
            parts=len(model.about["files"]),
            backbone=model.backbone.name,
            backbone_sha256=model.backbone.sha256,
            false_reject=dict(model.about["false_reject"]),
        )
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            _written(self.folder / entry.file, data)
            _written(self.folder / _recipe_file(number), _recipe(self.name, entry.file, locate))
            self._append(_VERSIONS, asdict(entry))
        except OSError as error:
            raise StoreError(f"{self.folder}: cannot be written ({error.strerror}); check --store") from None
        return entry

    def load(self, number: int) -> AnomalyModel:
        """A version's model. Raises InputError where there is none, StoreError where its file is not what was written."""
        entry = self._version(number)
        try:
            data = (self.folder / entry.file).read_bytes()
        except OSError as error:
            raise StoreError(f"{self.folder / entry.file}: cannot be read ({error.strerror})") from None
        if digest(data) != entry.sha256:
            raise StoreError(
                f"{self.folder / entry.file}: has been changed since it was written; roll back or train again"
            )
        return AnomalyModel.from_bytes(data, str(self.folder / entry.file))

    def recipe_of(self, number: int) -> Path:
        """The recipe that runs a version, whether or not it is in use. Raises InputError where there is no such version."""
        return self.folder / _recipe_file(self._version(number).version)

    def take_over(self, number: int, why: str, now: datetime | None = None) -> Version:
        """Put a version to use: from now on the name's recipe runs it. Raises as `load` does."""
        entry = self._version(number)
        self.load(number)
        try:
            _written(self.folder / RECIPE, (self.folder / _recipe_file(number)).read_bytes())
            self._append(_HISTORY, {"version": number, "at": _moment(now), "why": why})
        except OSError as error:
            raise StoreError(f"{self.folder}: cannot be written ({error.strerror}); check --store") from None
        return entry

    def roll_back(self, why: str = "roll-back", now: datetime | None = None) -> Version:
        """Put the version to use again that was in use before this one. Raises InputError where there was none."""
        used = [int(entry["version"]) for entry in self._lines(_HISTORY)]
        before = [number for number in used if used and number < used[-1]]
        if not before:
            raise InputError(f"{self.name}: no earlier version was in use, there is nothing to go back to")
        return self.take_over(before[-1], why, now)

    def _version(self, number: int) -> Version:
        for entry in self.versions():
            if entry.version == number:
                return entry
        known = ", ".join(str(entry.version) for entry in self.versions()) or "none"
        raise InputError(f"{self.name}: there is no version {number}; there are {known}")

    def _lines(self, file: str) -> list[dict[str, Any]]:
        path = self.folder / file
        if not path.is_file():
            return []
        try:
            return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        except (OSError, ValueError) as error:
            raise StoreError(f"{path}: is damaged ({error}); take the last whole lines") from None

    def _append(self, file: str, entry: dict[str, Any]) -> None:
        with (self.folder / file).open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(entry, ensure_ascii=False) + "\n")
            lines.flush()
            os.fsync(lines.fileno())


def _recipe_file(number: int) -> str:
    return f"v{number:04d}.yaml"


def _recipe(name: str, file: str, locate: str) -> bytes:
    recipe = {"name": name, "locate": {"find": locate}, "regions": [{"checks": [{"type": "anomaly", "model": file}]}]}
    return yaml.safe_dump(recipe, sort_keys=False).encode()


def _written(path: Path, data: bytes) -> None:
    """The whole file or none: a crash in between leaves the old one."""
    draft = path.with_name(path.name + ".new")
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _moment(now: datetime | None) -> str:
    return (now or datetime.now(UTC)).isoformat(timespec="seconds")
