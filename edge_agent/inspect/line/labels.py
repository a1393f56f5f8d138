"""What people said of parts: good or bad, by whom and when, with the picture itself, for the next training.

STORE/NAME/reviews/labels.jsonl      one line each, in the order they were given; of a picture the last one counts
STORE/NAME/reviews/pictures/SHA256   the pictures, as they were judged
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from edge_agent.files import write_whole
from edge_agent.inspect.assets import digest
from edge_agent.inspect.line.records import Part
from edge_agent.inspect.store import folder_of
from vision.errors import InputError, StoreError
from vision.settings.problems import clean

Said = Literal["good", "bad"]
_LABELS, _PICTURES, _REVIEWS = "labels.jsonl", "pictures", "reviews"
_LONGEST_NAME, _LONGEST_NOTE = 80, 500


@dataclass(frozen=True, slots=True)
class Label:
    """A person's word on a picture, and what the machine had said: `recipe` names it with its version and digest.

    `at`: ISO 8601, UTC. `picture`: SHA-256 of the file.
    """

    picture: str
    label: Said
    by: str
    at: str
    file: str
    verdict: str
    score: float | None
    threshold: float | None
    recipe: dict[str, Any]
    note: str = ""


class Labels:
    """The labels of one inspection of a store."""

    def __init__(self, name: str, store: Path) -> None:
        """Raises InputError for a name that is none."""
        self.folder = folder_of(name, store) / _REVIEWS

    def put(self, part: Part, label: str, by: str, note: str = "", now: datetime | None = None) -> Label:
        """Keep what `by` says of a part, with its picture.

        Raises:
            InputError: no name, no such label, or the part's picture is gone.
            StoreError: it cannot be written.

        """
        by, note = clean(by, 1000).strip(), clean(note, 1000).strip()
        if not by or len(by) > _LONGEST_NAME or len(note) > _LONGEST_NOTE:
            raise InputError(
                f"say who says so: a name of 1 to {_LONGEST_NAME} characters; a note may have {_LONGEST_NOTE}"
            )
        if label not in get_args(Said):
            raise InputError(f"{clean(label)[:40]}: is no label; allowed: good, bad")
        data = self._bytes(part)
        entry = part.entry
        recipe = entry.get("recipe")
        made = Label(
            picture=digest(data),
            label=label,  # type: ignore[arg-type]  # looked at above
            by=by,
            at=(now or datetime.now(UTC)).isoformat(timespec="seconds"),
            file=part.file,
            verdict=part.verdict,
            score=entry.get("score"),
            threshold=entry.get("threshold"),
            recipe=dict(recipe) if isinstance(recipe, Mapping) else {},
            note=note,
        )
        self._write(made, data)
        return made

    def history(self) -> list[Label]:
        """All that was ever said, in its order. Raises StoreError where the file is damaged."""
        path = self.folder / _LABELS
        if not path.is_file():
            return []
        try:
            return [Label(**json.loads(row)) for row in path.read_text(encoding="utf-8").split("\n") if row.strip()]
        except (OSError, ValueError, TypeError):
            raise StoreError(f"{path}: is damaged; take its last whole lines") from None

    def current(self) -> dict[str, Label]:
        """What counts now, by the picture's digest."""
        return {label.picture: label for label in self.history()}

    def picture(self, label: Label) -> Path:
        """Where the label's picture is kept."""
        return self.folder / _PICTURES / label.picture

    def _bytes(self, part: Part) -> bytes:
        path = part.picture_file
        data = b"" if path is None else path.read_bytes()
        if not data or (part.picture and digest(data) != part.picture):
            raise InputError(f"{clean(part.file)}: its picture was not kept or has changed; it cannot be labelled")
        return data

    def _write(self, label: Label, data: bytes) -> None:
        path = self.picture(label)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.is_file():
                write_whole(path, data)
            with (self.folder / _LABELS).open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(label), ensure_ascii=False) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StoreError(f"{self.folder}: cannot be written ({error.strerror}); check --store") from None
