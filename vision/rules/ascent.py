"""A rise over a wall in measures of the body: what is climbing, and what is only perspective.

The line is the top of the wall in the picture. Everything is a share of the body's height H as it was seen on the ground:

* `rise`  how far the feet are above where they were on the ground,
* `head`  how far the head is,
* `size`  how large the body is against its size on the ground: by its height, or crouching by the root of its area.

Somebody who walks away on flat ground rises in the picture too, but shrinks with it: on the ground plane the feet stand
R * (height of the box) below the horizon, where R is the camera's height in bodies, so that a walk that shrinks the body to
`size` raises the feet by R * (1 - size) (see `vision.rules.perspective`). What is left, `spare`, is climbing; spare / R,
`larger`, is by how much the body is larger than a walker's would be there, and must stand out from the tremble of boxes.
A wall that hides the legs raises the lower edge of the box, but not the head, and makes the box smaller.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from vision.geometry import Box, Point
from vision.rules.perspective import Perspective

GROUND = 0.5  # feet lower than this under the wall's top, in heights of the box: on the ground before the wall
AT_TOP = 0.45  # feet no further than this from the wall's top: at the top (one leg may hang down)
HEAD_RISE = 0.15
SPARE = 0.25
_LEAST_BODY = 0.45  # less of the body in sight is somebody behind the wall
_ASIDE = 0.7  # a climb goes straight up: the place on the ground is no further aside than this, in H
PERSON_M = 1.4  # somewhat less than a person, so that the camera's height in bodies is not guessed too low
MAYBE = 2.0  # larger than a walker by so many times the tremble: a climb, if it goes on like one
SURE = 3.0  # by so many: nothing else
_HIGH = 4.3  # bodies
_HIGHEST = 2.2  # nobody climbs higher walls; in H
_GROWN = 1.2  # nobody grows by going up: half hidden on the ground
_ODD = 0.15  # a box on the ground that differs so much from those around it is half hidden, or two people
_UNSEEN_S = 1.0  # with so long a gap the way down was not seen
_UNSEEN_SPARE = 0.35
_DESCENT_S = 0.6
DESCENT = 0.45  # nobody walking comes down the picture so fast, in H a second
_TALL_S = 1.05  # at two pictures a second that is three boxes
_BOXES = 3
_WIDER = 1.4


@dataclass(frozen=True, slots=True)
class Sample:
    """A box at time `t`: its foot point is `above` pixels over the line; on the ground it is `tall` and `wide`."""

    t: float
    box: Box
    above: float
    tall: float
    wide: float
    cut: bool  # at the picture's lower edge, where feet may be out of sight
    known: bool  # the size on the ground rests on enough boxes

    @property
    def upright(self) -> bool:
        """As tall as just before, and not stooping, half hidden or one with somebody else."""
        return abs(self.box.height - self.tall) <= _ODD * self.tall

    @property
    def grounded(self) -> bool:
        """Standing before the wall, and not stooping or stretched out."""
        return not self.cut and self.above <= -GROUND * self.tall and self.box.width <= 0.8 * self.box.height


@dataclass(frozen=True, slots=True)
class Rise:
    """How `top` stands above `ground`; shares of the height on the ground."""

    ground: Sample
    top: Sample
    rise: float
    head: float
    size: float
    spare: float
    bodies: float  # the camera's height in bodies, by which it was judged
    stray: float

    @property
    def larger(self) -> float:
        """By how much the body is larger than a walker's there, in times the tremble of a walker's boxes."""
        return self.spare / self.bodies / self.stray

    @property
    def least(self) -> float:
        """The size from which on it may be climbing."""
        return 1 - (self.rise - max(SPARE, MAYBE * self.stray * self.bodies)) / self.bodies

    @property
    def level(self) -> float:
        """Feet over the wall's top; negative: below."""
        return self.top.above / self.ground.tall

    @property
    def body(self) -> float:
        """How much of the body's height shows at the top."""
        return self.top.box.height / self.ground.tall

    @property
    def at_top(self) -> bool:
        """Whether the feet are at the wall's top and enough of the body over it."""
        return abs(self.level) <= AT_TOP and self.body >= _LEAST_BODY

    @property
    def climbing(self) -> bool:
        """Whether the rise is a body going up, be it high enough or not."""
        return climbing([self])


def climbing(rises: Sequence[Rise]) -> bool:
    """Whether these rises in a row are of a body going up; their mean counts, as the size of single boxes trembles."""
    count = len(rises)
    return (
        sum(r.head for r in rises) >= HEAD_RISE * count
        and sum(r.spare for r in rises) >= SPARE * count
        and sum(r.larger for r in rises) >= MAYBE * count
        and all(r.body >= _LEAST_BODY for r in rises)
    )


def measure(ground: Sample, top: Sample, scene: Perspective) -> Rise | None:
    """The rise from the ground to another moment, before or after; None from no sure ground, or too far aside."""
    tall = ground.tall
    if not ground.known or not ground.grounded or not ground.upright:
        return None
    if abs(ground.box.centre[0] - top.box.centre[0]) > _ASIDE * tall:
        return None
    rise = (ground.box.y2 - top.box.y2) / tall
    share, wide = top.box.height / tall, top.box.width / max(1.0, ground.wide)
    if share > _GROWN or rise > _HIGHEST:
        return None
    # Heights tremble less than widths, but somebody crouching is as near as before and only wider.
    size = share if wide <= _WIDER * share else math.sqrt(share * wide)
    bodies = scene.bodies(ground.box.y2, tall)
    spare = rise - bodies * (1 - min(1.0, size))
    return Rise(ground, top, rise, (ground.box.y1 - top.box.y1) / tall, size, spare, bodies, scene.stray)


def best_rise(grounds: Iterable[Sample], top: Sample, scene: Perspective) -> Rise | None:
    """The rise from that place on the ground which explains most of it: the foot of the wall.

    The third best, as the best ones of many are so by trembling.
    """
    rises = [r for r in (measure(ground, top, scene) for ground in grounds) if r is not None]
    return sorted(rises, key=lambda r: -r.spare)[:3][-1] if rises else None


def came_down(rises: Sequence[Rise], grounds: Sequence[Sample], seen: Sequence[float]) -> bool:
    """Whether that was faster than anybody walks down the picture; where nobody saw it, the rise must be sure.

    `seen` are the times of all looks.
    """
    first = grounds[0].t
    times = [rises[-1].top.t, *(t for t in seen if rises[-1].top.t < t < first), first]
    if max(b - a for a, b in itertools.pairwise(times)) > _UNSEEN_S:
        return sum(rise.spare for rise in rises) >= _UNSEEN_SPARE * len(rises)
    sure = sum(rise.larger for rise in rises) >= SURE * len(rises)
    return sure and max(speed(rise, ground, rise.top.t) for rise in rises for ground in grounds) >= DESCENT


def speed(rise: Rise, ground: Sample, since: float) -> float:
    """How fast the feet came down to there, in H a second; 0 over a time too short to tell."""
    seconds = ground.t - since
    return (ground.box.y2 - rise.top.box.y2) / rise.ground.tall / seconds if seconds >= _DESCENT_S else 0.0


def foot_of_wall(grounds: Iterable[Sample], top: Sample) -> float | None:
    """The y at which somebody stood right before (or behind) the wall, in pixels; None where nobody did.

    With the camera taken for higher than most are, places further before the wall explain less of the rise, so that the
    best ones are those at its foot.
    """
    scene = Perspective(_HIGH)
    rises = [r for r in (measure(ground, top, scene) for ground in grounds) if r is not None]
    if not rises:
        return None
    # The third best, as the best ones of many are so by trembling.
    best = sorted((r.spare for r in rises), reverse=True)[:3][-1]
    return median(r.ground.box.y2 for r in rises if r.spare >= best - 0.25)


def sample(box: Box, t: float, line: Sequence[Point], before: Sequence[Sample], lowest: float) -> Sample | None:
    """A box against the line; None beside its ends. The size on the ground is the median of the last second there.

    Below `lowest` (pixels) the picture ends.
    """
    x, foot = box.foot
    top = top_at(line, x, foot)
    if top is None:
        return None
    recent = [s.box for s in before if t - s.t <= _TALL_S and s.grounded] + [box]
    return Sample(
        t,
        box,
        top - foot,
        median(b.height for b in recent),
        median(b.width for b in recent),
        foot >= lowest,
        len(recent) >= _BOXES,
    )


def top_at(line: Sequence[Point], x: float, y: float) -> float | None:
    """The line's y at `x`, where it passes several times the one nearest to `y`; None beside the line's ends."""
    found = []
    for (x0, y0), (x1, y1) in itertools.pairwise(line):
        if min(x0, x1) <= x <= max(x0, x1):
            u = 0.5 if x0 == x1 else (x - x0) / (x1 - x0)
            found.append(y0 + u * (y1 - y0))
    return min(found, key=lambda at: abs(at - y), default=None)
