"""People's labels in the next training: what they call good is learned, what they call bad is not, and it is said why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_agent.inspect.assets import digest
from edge_agent.inspect.line.labels import Labels


@dataclass(frozen=True, slots=True)
class Learned:
    """The pictures to learn from. `origin`: by digest, whose word brought a picture in."""

    files: list[Path]
    origin: dict[str, str]
    added: int
    left_out: int


def reviewed(files: Sequence[Path], labels: Labels) -> Learned:
    """The files without those that people call bad, and with those that people call good."""
    current = labels.current()
    kept: list[Path] = []
    known: set[str] = set()
    left_out = 0
    for file in files:
        try:
            sha256 = digest(file.read_bytes())
        except OSError:
            sha256 = ""  # training says what is wrong with it
        if sha256 in current and current[sha256].label == "bad":
            left_out += 1
            continue
        known.add(sha256)
        kept.append(file)
    good = [label for label in current.values() if label.label == "good"]
    origin = {label.picture: f"{label.file}, good says {label.by} at {label.at}" for label in good}
    added = [labels.picture(label) for label in good if label.picture not in known]
    return Learned(kept + added, origin, len(added), left_out)
