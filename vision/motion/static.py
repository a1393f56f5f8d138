"""Static foreground: patches that differ from the slow reference and have come to rest, followed as regions.

    cells at rest --connected, large enough--> patch --judged to be light--> learned into the reference
                                                |
                                                +--judged to be a thing--> StaticRegion, until the reference shows again

People (tracked ones) are cut out before anything is compared, so that somebody who stands still is neither learned nor
reported. A change of the whole picture's light is undone; one that cannot be (a lamp goes on, the view moves) makes the
model begin anew around the things it already follows.

Source of the idea of two backgrounds of different speed: Porikli et al., "Robust Abandoned Object Detection Using Dual
Foregrounds", EURASIP J. Adv. Signal Process. 2008.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from vision.frame import Pixels
from vision.geometry import Box
from vision.motion.base import StaticRegion
from vision.motion.cells import Cells, Mask, shrunk
from vision.motion.judge import Verdict, judge
from vision.motion.steady import shift
from vision.track.base import Track

Numbers = npt.NDArray[np.intp]

PEOPLE = frozenset({"person", "people", "pedestrian", "worker", "man", "woman", "child", "rider"})
"""Labels of tracks that are people: they own things, and are never things themselves."""

_REST_S = 2.0  # nothing that rests for less is looked at
_HOLD_S = 1.0  # a person's place stays cut out for so long after the track was last given
_GONE_S = 1.0  # a region ends after the reference has shown for so long
_LOST_S = 10.0  # ... or after it has not been made out (hidden) for so long
_ABSORB_S = 3600.0  # a thing that has been there for so long belongs to the place
_JUDGE_S = 1.0  # between two judgements of a region
_PATIENCE_S = 8.0  # a region partly behind somebody is not judged for so long
_DISTURBED = 0.3  # share of a region and its surroundings in which others may move while it is judged
_KNOWN, _ENOUGH = 3, 8  # judgements after which a region is known, and after which no more are needed
_STIRS = 0.08  # share of a region that looks different than at first by which it is alive
_GROWTH = 1.5  # a region that is known does not grow by more
_LEAST_CELLS = 8
_LARGEST = 0.25  # share of the picture beyond which a patch is a change of the view, not a thing
_BORDER = 0.4  # share of a patch's circumference on the picture's border: nothing can be told of its outline
_UPHEAVAL = 0.35  # share of the seen picture that differs at once: the light or the view has changed
_EDGES = 0.01  # share of the picture that must be strong edges for them to tell whether the view moves
_VIEW_S = 1.0  # between two looks at whether the view has moved
_SETTLED_S = 0.6  # the new light must hold still for so long
_GONE_OUTLINE = -0.2  # in doubt a thing was put there
_CLEAR = 0.2  # clarity below which a patch is light
_NEAR, _NEXT = np.ones((5, 5), np.uint8), np.ones((3, 3), np.uint8)


@dataclass(slots=True)
class _Region:
    id: int
    cells: Mask
    begin: float
    since: float
    seen_t: float
    judged_t: float = -math.inf
    judged_size: int = 0
    verdicts: list[Verdict] = field(default_factory=list)
    back_s: float = 0.0
    look: tuple[Pixels, Mask] | None = None
    other_t: float | None = None
    stirred: float = 0.0

    @property
    def clarity(self) -> float:
        """The mean of the judgements less their mean deviation: a thing looks like one every time."""
        values = [verdict.clarity for verdict in self.verdicts]
        mean = sum(values) / max(1, len(values))
        steady = max(0.0, mean - sum(abs(value - mean) for value in values) / max(1, len(values)))
        # What stirs in part now and then is alive: somebody who sits or leans there unseen by the detector.
        return steady * (1 - min(1.0, max(0.0, (self.stirred - 0.3) / 0.4)))

    @property
    def outline(self) -> float:
        return sum(verdict.outline for verdict in self.verdicts) / max(1, len(self.verdicts))


class StaticForeground:
    """What has come to rest in a picture of `width` x `height` pixels; one `step` a sampled picture."""

    def __init__(self, width: int, height: int) -> None:
        self._size = width, height
        self.reset()

    def reset(self) -> None:
        """Forget everything; region numbers are not used again."""
        self._cells: Cells | None = None
        self._regions: list[_Region] = []
        self._next_id = getattr(self, "_next_id", 1)
        self._t0 = self._t = 0.0
        self._people: dict[int, tuple[float, Box]] = {}
        self._viewed_t = -math.inf
        self._shift: tuple[float, float] | None = None
        self._upheaval: tuple[float, float, Pixels, bool] | None = None

    def step(self, luma: Pixels, t: float, tracks: Sequence[Track]) -> tuple[StaticRegion, ...]:
        """Regions at rest at time `t` (seconds); `luma` uint8 [height, width], `tracks` those of the step before."""
        small = shrunk(luma)
        if self._cells is None or self._cells.shape != small.shape:
            self.reset()
            self._cells, self._t0, self._t = Cells(small, _REST_S), t, t
        dt = min(1.0, max(0.0, t - self._t))
        self._t = t
        hidden = self._hidden(tracks, t)
        self._cells.step(small, t - self._t0, dt, hidden)
        if not self._in_upheaval(self._cells, small, hidden):
            self._follow(self._cells, hidden, dt)
        return tuple(self._report(region) for region in self._regions if region.verdicts)

    def _hidden(self, tracks: Sequence[Track], t: float) -> Mask:
        """Cells under people, where they were and where they should be by now."""
        for track in tracks:
            if track.label in PEOPLE:
                self._people[track.id] = (t, _swept(track, t))
        self._people = {key: value for key, value in self._people.items() if t - value[0] <= _HOLD_S}
        cells = self._cells
        assert cells is not None  # made in step
        hidden = np.zeros(cells.shape, np.bool_)
        for _, box in self._people.values():
            x1, y1, x2, y2 = self._in_cells(box)
            hidden[max(0, y1) : max(0, y2), max(0, x1) : max(0, x2)] = True
        return hidden

    def _in_cells(self, box: Box) -> tuple[int, int, int, int]:
        cells = self._cells
        assert cells is not None  # made in step
        sx, sy = cells.shape[1] / self._size[0], cells.shape[0] / self._size[1]
        return (
            math.floor(box.x1 * sx),
            math.floor(box.y1 * sy),
            math.ceil(box.x2 * sx),
            math.ceil(box.y2 * sy),
        )

    def _in_upheaval(self, cells: Cells, small: Pixels, hidden: Mask) -> bool:
        """Whether light or view is changing as a whole; when that has settled, everything is learned anew."""
        seen = max(1, hidden.size - int(np.count_nonzero(hidden)))
        new = cells.differs & ~hidden & ~cells.at_rest
        sudden = np.count_nonzero(new) / seen
        edges = cells.edges & ~hidden
        sharp = int(np.count_nonzero(edges))
        if sharp > _EDGES * edges.size:
            sudden = max(sudden, np.count_nonzero(new & edges) / sharp)
        moved = self._view_moved(cells)
        if self._upheaval is None:
            if sudden < _UPHEAVAL and not moved:
                return False
            self._upheaval = self._t, self._t, small, moved
            return True
        began, still_since, before, was_moved = self._upheaval
        moved = moved or was_moved
        moving = np.count_nonzero(cv2.absdiff(small, before) > cells.threshold) / small.size
        if moving > 0.05:
            still_since = self._t
        self._upheaval = began, still_since, small, moved
        if self._t - still_since < _SETTLED_S and self._t - began < 5.0:
            return True
        if sudden >= _UPHEAVAL / 4 or moved:
            keep = np.zeros(cells.shape, np.bool_)
            for region in self._regions:
                keep |= region.cells
                region.look = None
            cells.relight(keep, hidden)
        self._upheaval = None
        return False

    def _view_moved(self, cells: Cells) -> bool:
        """Whether the view lies beside its reference, the same way twice in a row; looked at every `_VIEW_S`."""
        if self._t - self._viewed_t < _VIEW_S:
            return False
        self._viewed_t = self._t
        before, self._shift = self._shift, shift(cells.reference, cells.picture)
        if before is None or self._shift is None or math.dist(before, self._shift) > 0.7:
            return False
        self._shift = None
        return True

    def _follow(self, cells: Cells, hidden: Mask, dt: float) -> None:
        """Bring the regions up to date with the cells at rest."""
        patches = list(_patches(cells.at_rest, cells.strict)) if cells.at_rest.any() else []
        taken: set[int] = set()
        for region in self._regions:
            found = self._same(region, patches, taken)
            if found is not None and not (region.cells & hidden).any() and not _outgrown(region, found):
                region.cells = found
            if found is not None:
                region.seen_t = self._t
            free = region.cells & ~hidden
            back = np.count_nonzero(free & ~cells.differs) > 0.6 * np.count_nonzero(region.cells)
            region.back_s = region.back_s + dt if back else 0.0
        ended = [region for region in self._regions if self._over(region)]
        self._regions = [region for region in self._regions if region not in ended]
        for number, patch in enumerate(patches):
            if number not in taken and not any((patch & region.cells).any() for region in self._regions):
                self._regions.append(self._new(cells, patch))
        for region in list(self._regions):
            self._judge(cells, region, hidden)

    def _same(self, region: _Region, patches: Sequence[Mask], taken: set[int]) -> Mask | None:
        """The patch that shares most with a region, if that is a good part of the smaller of the two."""
        shared = [np.count_nonzero(patch & region.cells) if n not in taken else 0 for n, patch in enumerate(patches)]
        if not shared or max(shared) == 0:
            return None
        best = shared.index(max(shared))
        if shared[best] < 0.3 * min(np.count_nonzero(region.cells), np.count_nonzero(patches[best])):
            return None
        taken.add(best)
        return patches[best]

    def _over(self, region: _Region) -> bool:
        return region.back_s >= _GONE_S or self._t - region.seen_t >= _LOST_S or self._t - region.since >= _ABSORB_S

    def _new(self, cells: Cells, patch: Mask) -> _Region:
        began = float(np.percentile(cells.differs_t[patch], 25)) + self._t0
        since = float(np.median(cells.candidate_t[patch])) + self._t0
        region = _Region(self._next_id, patch, min(began, since), since, self._t)
        self._next_id += 1
        return region

    def _judge(self, cells: Cells, region: _Region, hidden: Mask) -> None:
        """Look at a region again now and then, as long as nothing stands in its way; learn it when it is light."""
        if self._t - region.judged_t < _JUDGE_S:
            return
        ys, xs = np.nonzero(region.cells)
        window = slice(max(0, ys.min() - 5), ys.max() + 6), slice(max(0, xs.min() - 5), xs.max() + 6)
        patch = region.cells[window]
        around = cv2.dilate(patch.astype(np.uint8), _NEAR).astype(np.bool_)
        restless = (hidden | (cells.differs & ~cells.at_rest))[window]
        disturbed = restless & around
        covered = bool((hidden[window] & around).any())
        if (covered and self._t - region.since < _PATIENCE_S) or np.count_nonzero(
            disturbed
        ) > _DISTURBED * np.count_nonzero(around):
            return
        region.judged_t = self._t
        self._compare(cells, region)
        if len(region.verdicts) >= _ENOUGH and region.clarity > 2 * _CLEAR:
            return
        size = int(np.count_nonzero(patch))
        if not 0.5 * region.judged_size <= size <= _GROWTH * region.judged_size:
            # What was judged before was a part of it, or more than it.
            region.verdicts.clear()
            region.judged_size = size
        picture = cells.picture[window].astype(np.float32)
        verdict = judge(picture, cells.reference[window], patch, restless, cells.threshold, cells.noise)
        if _on_border(ys, xs, cells.shape) > _BORDER:
            verdict = replace(verdict, clarity=0.0)
        region.verdicts.append(verdict)
        too_large = np.count_nonzero(region.cells) > _LARGEST * region.cells.size
        unlike = len(region.verdicts) >= _KNOWN and region.clarity < _CLEAR
        if (too_large or unlike) and not covered:
            self._regions.remove(region)
            self._learn_around(cells, region.cells, hidden)

    def _compare(self, cells: Cells, region: _Region) -> None:
        """Whether it is still what it was at the first judgement.

        If not, somebody may stand before it; after a while something else rests there.
        """
        if region.look is not None:
            before, where = region.look
            both = where & region.cells
            changed = (cv2.absdiff(cells.picture, before) > 1.5 * cells.threshold) & both
            share = int(np.count_nonzero(changed)) / max(1, int(np.count_nonzero(both)))
            if share <= 0.5:
                region.stirred += 0.25 * ((share > _STIRS) - region.stirred)
                region.other_t = None
                return
            if region.other_t is None:
                region.other_t = self._t
            if self._t - region.other_t < _LOST_S:
                return
            region.since = max(region.since, float(np.median(cells.candidate_t[region.cells])) + self._t0)
            region.verdicts.clear()
        region.look, region.other_t = (cells.picture, region.cells), None

    def _learn_around(self, cells: Cells, patch: Mask, hidden: Mask) -> None:
        """Light seldom ends where its patch does: everything within half the patch's size is learned, but other regions."""
        ys, xs = np.nonzero(patch)
        dy, dx = (ys.max() - ys.min()) // 2 + 4, (xs.max() - xs.min()) // 2 + 4
        around = np.zeros(patch.shape, np.bool_)
        around[max(0, ys.min() - dy) : ys.max() + dy + 1, max(0, xs.min() - dx) : xs.max() + dx + 1] = True
        for other in self._regions:
            around &= ~other.cells
        cells.learn(around & ~hidden)

    def _report(self, region: _Region) -> StaticRegion:
        ys, xs = np.nonzero(region.cells)
        sx, sy = self._size[0] / region.cells.shape[1], self._size[1] / region.cells.shape[0]
        box = Box(float(xs.min() * sx), float(ys.min() * sy), float((xs.max() + 1) * sx), float((ys.max() + 1) * sy))
        kind: Literal["appeared", "removed"] = "removed" if region.outline < _GONE_OUTLINE else "appeared"
        area = float(len(ys) * sx * sy)
        return StaticRegion(region.id, box, kind, region.begin, region.since, area, region.clarity)


def _on_border(ys: Numbers, xs: Numbers, shape: tuple[int, ...]) -> float:
    """The share of the circumference of the box around these cells that lies on the picture's border."""
    top, bottom, left, right = ys.min(), ys.max(), xs.min(), xs.max()
    width, height = right - left + 1, bottom - top + 1
    there = width * (int(top == 0) + int(bottom == shape[0] - 1)) + height * (
        int(left == 0) + int(right == shape[1] - 1)
    )
    return float(there) / float(2 * (width + height))


def _outgrown(region: _Region, found: Mask) -> bool:
    """Whether a region that is well known seems to have grown: then somebody stands beside it."""
    known = len(region.verdicts) >= _KNOWN and region.clarity >= _CLEAR
    return known and int(np.count_nonzero(found)) > _GROWTH * region.judged_size


def _swept(track: Track, t: float) -> Box:
    """A person's box with a margin, stretched to where it should be at `t`."""
    box = track.box
    ahead = min(0.5, max(0.0, t - track.seen_t))
    dx, dy = track.velocity[0] * ahead, track.velocity[1] * ahead
    mx, my = 0.1 * box.width, 0.05 * box.height
    return Box(
        min(box.x1, box.x1 + dx) - mx,
        min(box.y1, box.y1 + dy) - my,
        max(box.x2, box.x2 + dx) + mx,
        max(box.y2, box.y2 + dy) + my,
    )


def _patches(at_rest: Mask, strict: Mask) -> Iterable[Mask]:
    """Connected groups of cells, holes and one-cell gaps closed, largest first; thin lines and doubtful ones are dropped."""
    x, y, width, height = cv2.boundingRect(at_rest.astype(np.uint8))
    window = slice(max(0, y - 5), y + height + 5), slice(max(0, x - 5), x + width + 5)
    at_rest_there = at_rest[window]
    closed = cv2.morphologyEx(at_rest_there.astype(np.uint8), cv2.MORPH_CLOSE, _NEAR)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    thick = np.bincount(labels[cv2.erode(closed, _NEXT) > 0], minlength=count)
    proved = np.bincount(labels[strict[window] & at_rest_there], minlength=count)
    sizes = np.asarray(stats[:count, cv2.CC_STAT_AREA])
    for number in np.argsort(-sizes[1:], kind="stable") + 1:
        enough = max(3, 0.1 * sizes[number])
        if sizes[number] >= _LEAST_CELLS and thick[number] > 0 and proved[number] >= enough:
            patch = np.zeros(at_rest.shape, np.bool_)
            patch[window] = labels == number
            yield patch
