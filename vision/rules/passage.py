"""Who passes a line, once for each passing; shared by `line_crossing` and `counting`.

    clear of the line --cuts it--> over, not yet clear --clear on the far side--> PASSAGE, clear again
                                   |
                                   +--clear on the near side--> doubt "turned back"

An object is clear when its anchor is more than `margin` of its height away from the line; what happens nearer is jitter.
A box that loses its lower half behind a table moves its foot point without anybody walking: a passage whose boxes before
and after differ much in height waits until they agree again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from vision.geometry import Point, distance_to_segment, side
from vision.rules.base import View
from vision.rules.lineage import Lineage
from vision.track.base import Track

Anchor = Literal["foot", "centre"]
Direction = Literal["in", "out"]
Likeness = Literal["steady", "plausible", "hidden", "emerged"]

_STEADY = 0.85  # heights before and after in at least this proportion: believed at once
_PLAUSIBLE = 0.6  # ... at least this: believed once it has lasted; less: half of the body is hidden on one of the sides
_LASTING_S = 0.5
_FAR = 0.75  # so many body heights past the line no hidden half explains any more
_EMERGED_S = 1.0  # a body that was half hidden and is now whole stands where it stands; no passage was seen
_SHRINK = 0.2  # a body walking away loses at most about this share of its height in a second; a hidden one much more
_GONE_S = 3.0  # longer than a lineage waits for a successor


@dataclass(frozen=True, slots=True)
class Passage:
    """An object passed the line at `t` (seconds, interpolated); `speed` is in body heights a second across it."""

    key: int
    track: Track
    direction: Direction
    t: float
    speed: float


@dataclass(frozen=True, slots=True)
class Doubt:
    """An object was at the line and no passage came of it: which gate stopped it, in words with both numbers."""

    gate: str
    text: str
    track: Track
    start: float
    end: float
    fraction: float


@dataclass(slots=True)
class _Walker:
    """One object and the line.

    `before` is the last sight of it clear of the line, `stature` its height then: the tallest of the last moments, since a
    body is hidden step by step. `net` counts cuts in minus cuts out.
    """

    track: Track
    t: float
    tall: float
    before: Track | None = None
    before_t: float = 0.0
    stature: float = 1.0
    net: int = 0
    cuts: int = 0
    cut_t: float = 0.0
    first_cut_t: float = 0.0
    over: float = 0.0
    far_since: float | None = None
    far_s: float = 0.0
    proportion: float = 1.0
    likeness: Likeness | None = None


class Passages:
    """Passages of one line by all objects. `line` in pixels, `margin` in shares of the object's box height."""

    def __init__(self, line: Sequence[Point], view: View, *, margin: float, anchor: Anchor = "foot") -> None:
        self._segments = list(pairwise(line))
        self._margin = margin
        self._anchor = anchor
        self._lineage = Lineage((view.width, view.height))
        self._walkers: dict[int, _Walker] = {}

    def update(self, tracks: Sequence[Track], t: float) -> list[Passage | Doubt]:
        """What became certain at time `t`."""
        said: list[Passage | Doubt] = []
        for key, track in self._lineage.update(tracks):
            if track.observed:
                said += self._move(key, track, t)
        for key in [key for key, walker in self._walkers.items() if t - walker.t > _GONE_S]:
            said += self._end(key, self._walkers.pop(key))
        return said

    def finish(self) -> list[Passage | Doubt]:
        """What is still pending when the footage ends."""
        said = [result for key, walker in self._walkers.items() for result in self._end(key, walker)]
        self._walkers.clear()
        return said

    def _move(self, key: int, track: Track, t: float) -> Iterator[Passage | Doubt]:
        walker = self._walkers.get(key)
        if walker is None:
            walker = self._walkers[key] = _Walker(track, t, track.box.height)
        else:
            self._count_cuts(walker, self._point(walker.track), self._point(track), t)
        walker.tall = max(track.box.height, walker.tall * (1 - _SHRINK * min(1.0, t - walker.t)))
        walker.track, walker.t = track, t
        share = self._distance(track) / max(track.box.height, 1.0)
        if share < self._margin:
            walker.over = max(walker.over, share if walker.net else 0.0)
            walker.far_since = None
            return
        if walker.before is None or walker.net == 0:
            yield from self._doubt(walker)
        else:
            verdict = self._wait_beyond(walker)
            if verdict == "wait":
                return
            yield from [self._passage(key, walker, walker.before)] if verdict == "passed" else self._doubt(walker)
        self._walkers[key] = _Walker(track, t, walker.tall, track, t, walker.tall)

    def _wait_beyond(self, walker: _Walker) -> Literal["passed", "wait", "dropped"]:
        """Whether the box on the far side is the same body as the one on the near side."""
        walker.proportion = walker.track.box.height / max(walker.stature, 1.0)
        likeness = _likeness(walker.proportion)
        if likeness != walker.likeness or walker.far_since is None:
            walker.likeness, walker.far_since = likeness, walker.t
        walker.far_s = walker.t - walker.far_since
        far = self._distance(walker.track) >= _FAR * max(walker.stature, walker.track.box.height)
        if far or likeness == "steady" or (likeness == "plausible" and walker.far_s >= _LASTING_S):
            return "passed"
        return "dropped" if likeness == "emerged" and walker.far_s >= _EMERGED_S else "wait"

    def _passage(self, key: int, walker: _Walker, before: Track) -> Passage:
        (x0, y0), (x1, y1) = self._point(before), self._point(walker.track)
        height = max((before.box.height + walker.track.box.height) / 2, 1.0)
        passed = max(walker.t - walker.before_t, 1e-3)
        speed = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5 / height / passed
        return Passage(key, walker.track, "in" if walker.net > 0 else "out", walker.cut_t, speed)

    def _doubt(self, walker: _Walker) -> Iterator[Doubt]:
        """Why the cuts so far are no passage; nothing where there were none."""
        if not walker.cuts:
            return
        limit = self._margin
        if walker.likeness == "plausible":
            gate, fraction = "lasting", min(1.0, walker.far_s / _LASTING_S)
            text = f"{walker.far_s:.1f} s past the line, its height in change, < {_LASTING_S:g} s"
        elif walker.likeness is not None:
            gate, fraction = "height", min(walker.proportion, 1 / max(walker.proportion, 1e-3))
            low, high = 100 * _PLAUSIBLE, 100 / _PLAUSIBLE
            text = f"height past the line {100 * walker.proportion:.0f} % of that before, not {low:.0f}-{high:.0f} %"
        elif walker.before is None:
            gate, fraction = "start", 1.0
            text = f"first seen at the line, less than {100 * limit:g} % of its height away"
        else:
            gate, fraction = "margin", min(1.0, walker.over / limit) if limit else 1.0
            text = f"{100 * walker.over:.0f} % of its height past the line < {100 * limit:g} %"
        yield Doubt(gate, text, walker.track, walker.first_cut_t, walker.t, fraction)

    def _end(self, key: int, walker: _Walker) -> Iterator[Passage | Doubt]:
        """The object is gone: seen clearly on the far side, it has passed; otherwise there is a doubt."""
        plausible = walker.far_since is not None and walker.likeness == "plausible"
        if walker.before is not None and walker.net and plausible:
            yield self._passage(key, walker, walker.before)
            return
        yield from self._doubt(walker)

    def _count_cuts(self, walker: _Walker, p: Point, q: Point, t: float) -> None:
        """Add the cuts of the step from `p` to `q`; points on the line and on its corners count as on the right hand."""
        for a, b in self._segments:
            before, after = side(p, a, b), side(q, a, b)
            if (before >= 0) == (after >= 0) or (side(a, p, q) >= 0) == (side(b, p, q) >= 0):
                continue
            walker.net += 1 if after >= 0 else -1
            walker.cut_t = walker.t + (t - walker.t) * before / (before - after)
            walker.first_cut_t = walker.first_cut_t if walker.cuts else walker.cut_t
            walker.cuts += 1

    def _distance(self, track: Track) -> float:
        point = self._point(track)
        return min(distance_to_segment(point, a, b) for a, b in self._segments)

    def _point(self, track: Track) -> Point:
        return track.box.foot if self._anchor == "foot" else track.box.centre


def _likeness(proportion: float) -> Likeness:
    """What the height on the far side, over that on the near side, tells of the body."""
    if _STEADY <= proportion <= 1 / _STEADY:
        return "steady"
    if _PLAUSIBLE <= proportion <= 1 / _PLAUSIBLE:
        return "plausible"
    return "hidden" if proportion < _PLAUSIBLE else "emerged"
