"""How often the people of the PETS clip truly cross a line, from its ground truth; shares no code with the package."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

SCALE = 0.625  # the truth is in pixels of 768x576, the clip has 480x360


def foot_paths(file: Path) -> list[list[tuple[float, float, float]]]:
    """For each person (x, y, height) of the foot point, frame by frame, in pixels of the clip."""
    paths: dict[str, list[tuple[int, float, float, float]]] = defaultdict(list)
    with file.open(newline="") as rows:
        for frame, number, x, y, w, h, *_ in csv.reader(rows):
            foot = SCALE * (float(x) + float(w) / 2), SCALE * (float(y) + float(h))
            paths[number].append((int(frame), *foot, SCALE * float(h)))
    return [[(x, y, h) for _, x, y, h in sorted(path)] for path in paths.values()]


def crossings(file: Path, start: tuple[float, float], end: tuple[float, float], margin: float = 0.1) -> dict[str, int]:
    """Crossings of the straight line from `start` to `end` (pixels), by direction.

    A person is on a side once it is `margin` of its height away from the endless line; a change of sides counts when the
    foot point came through between the line's ends. Right hand of the walk, in the picture: towards (-dy, dx).
    """
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = (dx * dx + dy * dy) ** 0.5
    counts = {"in": 0, "out": 0}
    for path in foot_paths(file):
        was, through = 0, False
        before: tuple[float, float] | None = None
        for x, y, height in path:
            across = ((x - start[0]) * -dy + (y - start[1]) * dx) / length
            along = ((x - start[0]) * dx + (y - start[1]) * dy) / length
            if before is not None and (before[0] < 0) != (across < 0):
                share = before[0] / (before[0] - across)
                through = 0 <= before[1] + share * (along - before[1]) <= length
            before = across, along
            now = 0 if abs(across) < margin * height else (1 if across > 0 else -1)
            if now and was and now != was and through:
                counts["in" if now > 0 else "out"] += 1
            was = now or was
    return counts
