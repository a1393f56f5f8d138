"""A tracker of the ByteTrack family that knows the time: two rounds of association over a continuous motion model.

Strong detections are given to tracks first, then the weak ones to the tracks that are left (Zhang et al., "ByteTrack:
Multi-Object Tracking by Associating Every Detection Box", ECCV 2022): a weak box beside a track is more likely a hidden
person than nothing, but it never begins a track. Unlike the paper, nothing is counted in frames, and the fit of a box
to a track is its likelihood under the motion model instead of the overlap: at 2 pictures a second a walking person's
boxes need not overlap at all.

    tentative --seen often enough, and surely or moving--> confirmed --not seen for lost_s--> gone
        |                                                  (returned while seen, and for coast_s after)
        +--seen but once, and not for tentative_s--> gone

Something half sure that never moves (a post, a coat on a hook) stays tentative for ever and keeps its detections to
itself; who matters has come from somewhere or is seen clearly.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from vision.detect.base import Detections
from vision.geometry import Box, iou_matrix
from vision.track.association import NONE, Rows, assign, share_within, surprise
from vision.track.base import Track
from vision.track.kalman import PLACE, SPEED, BoxFilter, MotionParams, measured


@dataclass(frozen=True, slots=True)
class TrackParams:
    """How tracks begin, go on and end. Times in seconds, scores and overlaps 0..1."""

    high_score: float = 0.4
    """Detections at least this sure begin tracks and are associated first."""
    low_score: float = 0.1
    """Detections below are ignored."""
    still_margin: float = 0.2
    """So much surer than `high_score` a thing must be on average to be confirmed before it has moved."""
    moved: float = 0.5
    """A thing has moved when its centre has gone so far, in box sizes (square root of the area)."""
    confirm_hits: int = 2
    """So many strong detections confirm a track that is sure (one at the very first look), one more one that moves."""
    lost_s: float = 3.0
    """So long a track waits to be found again."""
    tentative_s: float = 0.3
    """So long a track that was seen but once waits to be found again."""
    coast_s: float = 0.5
    """So long a track that was looked for in vain is still returned, at its predicted place."""
    weak_s: float = 1.0
    """Weak detections are given only to tracks that were seen no longer ago than this."""
    reach: float = 5.0
    """A detection further from a track than this does not belong to it (standard deviations)."""
    weak_reach: float = 3.0
    """The same for weak detections."""
    max_surprise: float = 10.0
    """A detection that speaks less for a track (see `association.surprise`) is rather something new."""
    jump: float = 1.0
    """A track that was just lost goes on in a new one that appears so near (box sizes), with nobody else around."""
    other_class: float = 4.0
    """Surprise of a detection whose class is not the track's (a car is sometimes a truck)."""
    double: float = 0.5
    """A detection that overlaps one of its class that is explained by so much (IoU) begins no track."""
    within: float = 0.7
    """The same for one that lies within the other by so much of its area; for another class the overlap must be this."""
    motion: MotionParams = field(default_factory=MotionParams)

    def __post_init__(self) -> None:
        if not 0 <= self.low_score <= self.high_score <= 1:
            raise ValueError(f"0 <= low_score <= high_score <= 1, not {self.low_score} and {self.high_score}")


@dataclass(slots=True)
class _Life:
    """What is known of a track beside its motion. Its number is given when it is confirmed."""

    first_t: float
    origin: tuple[float, float]
    seen_t: float
    id: int = 0
    score: float = 0.0
    blind_s: float = 0.0
    hits: int = 0
    strong_hits: int = 0
    missed: bool = False
    votes: Counter[int] = field(default_factory=Counter)
    class_id: int = -1
    label: str = ""
    scores: list[float] = field(default_factory=lambda: [0.0, 0.0])
    """Number and sum of the strong scores of different detections: a picture that stands still proves nothing new."""
    last: tuple[float, ...] = ()


class ByteTracker:
    """Follows objects through pictures at any rate; see `vision.track.base.Tracker`."""

    def __init__(self, params: TrackParams | None = None) -> None:
        self.params = params or TrackParams()
        self._next_id = 1
        self.reset()

    def reset(self) -> None:
        """See `Tracker.reset`."""
        self._filter = BoxFilter(self.params.motion)
        self._lives: list[_Life] = []
        self._t: float | None = None
        self._look_t: float | None = None
        self._blind_s = 0.0

    def skip(self, seconds: float) -> None:
        """See `Tracker.skip`."""
        self._blind_s += seconds
        if seconds > self.params.lost_s:
            self._lives.clear()
            self._filter = BoxFilter(self.params.motion)
        else:
            self._filter.predict(seconds)

    def update(self, detections: Detections | None, t: float) -> list[Track]:
        """See `Tracker.update`. Times do not go back: an earlier `t` counts as the last one.

        Also returned, as not observed: tracks that a look has missed, for `coast_s`.
        """
        if self._t is not None:
            t = max(t, self._t)
            self._filter.predict(t - self._t)
        self._t = t
        if detections is not None:
            self._look(detections, t)
            self._look_t = t
        self._bury(t)
        return self._report(t, looked=detections is not None)

    def _look(self, detections: Detections, t: float) -> None:
        """Two rounds of association, then new tracks."""
        p, score = self.params, detections.score
        for life in self._lives:
            life.missed = True
        strong = np.flatnonzero(score >= p.high_score)
        taken = self._associate(np.arange(len(self._lives)), strong, detections, t, p.reach)
        recent = [row for row, life in enumerate(self._lives) if life.missed and t - life.seen_t <= p.weak_s]
        if recent:
            weak = np.flatnonzero((score >= p.low_score) & (score < p.high_score))
            self._associate(np.array(recent, np.intp), weak, detections, t, p.weak_reach)
        if len(taken) < len(strong):
            self._begin(self._unexplained(strong, taken, detections), detections, t)
        for row, life in enumerate(self._lives):
            if not life.id and not life.missed and self._convinces(row, life):
                self._confirm(row, life)

    def _associate(self, rows: Rows, columns: Rows, detections: Detections, t: float, reach: float) -> Rows:
        """Give the detections `columns` to the tracks `rows` where they fit; returns those that were given."""
        if len(rows) == 0 or len(columns) == 0:
            return NONE
        p, motion = self.params, self._filter
        seen, error = measured(detections.xyxy[columns]), motion.errors(detections.score[columns])
        dt = 0.0 if self._look_t is None else t - self._look_t
        distance, cost = surprise(motion.state[rows], motion.spread[rows], seen, error, motion.usual(dt))
        classes, kinds = [self._lives[row].class_id for row in rows.tolist()], detections.class_id[columns]
        if len({*classes, *kinds.tolist()}) > 1:
            cost += p.other_class * (np.array(classes)[:, None] != kinds[None, :])
        cost[distance >= reach * reach] = np.inf
        at, which = assign(cost, p.max_surprise)
        if len(at) == 0:
            return NONE
        own, taken = rows[at], columns[which]
        motion.correct(own, seen[which], error[which])
        for row, column in zip(own.tolist(), taken.tolist(), strict=True):
            self._seen(row, column, detections, t)
        return taken

    def _seen(self, row: int, column: int, detections: Detections, t: float) -> None:
        """Write down that a track was seen as this detection."""
        life, score, class_id = self._lives[row], float(detections.score[column]), int(detections.class_id[column])
        life.seen_t, life.score, life.missed = t, score, False
        life.blind_s = self._blind_s
        life.hits += 1
        life.votes[class_id] += score  # type: ignore[assignment]  # votes weigh as much as they are sure
        if life.votes[class_id] >= life.votes[life.class_id]:
            life.class_id, life.label = class_id, detections.label(column)
        if life.id or score < self.params.high_score:
            return
        life.strong_hits += 1
        sight = (*detections.xyxy[column].tolist(), score)
        if sight != life.last:
            life.last = sight
            life.scores[0] += 1
            life.scores[1] += score

    def _convinces(self, row: int, life: _Life) -> bool:
        """Whether a tentative track is to be confirmed."""
        p = self.params
        if not life.strong_hits or life.score < p.high_score:
            return False
        if life.scores[1] / life.scores[0] >= p.high_score + p.still_margin:
            return life.strong_hits >= p.confirm_hits or self._look_t is None
        x, y, log_width, log_height, _, _ = self._filter.state[row].tolist()
        gone = math.hypot(x - life.origin[0], y - life.origin[1])
        return life.strong_hits > p.confirm_hits and gone > p.moved * math.exp((log_width + log_height) / 2)

    def _confirm(self, row: int, life: _Life) -> None:
        """Give a track its number: that of its predecessor, or a new one."""
        old = self._predecessor(row, life)
        if old is None:
            life.id = self._next_id
            self._next_id += 1
            return
        life.id, old.id = old.id, 0
        life.first_t, life.hits = old.first_t, life.hits + old.hits
        life.votes.update(old.votes)
        old.seen_t = -math.inf

    def _predecessor(self, row: int, life: _Life) -> _Life | None:
        """The track that jumped to here: lost when this one appeared, close by, and nobody else it could have become.

        Happens with sources that skip pictures, and when half a person is seen as another one for a moment.
        """
        p, boxes = self.params, self._filter.boxes()
        size = np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1))
        off = np.hypot(*(self._filter.state[:, PLACE] - self._filter.state[row, PLACE]).T)
        near = (off < p.jump * np.maximum(size, size[row])) & (np.abs(np.log(size / size[row])) < p.jump)
        found = [
            k
            for k in np.flatnonzero(near).tolist()
            if self._lives[k].id
            and self._lives[k].missed
            and self._lives[k].class_id == life.class_id
            and life.first_t - self._lives[k].seen_t <= p.tentative_s
        ]
        if len(found) != 1:
            return None
        seen = [k for k, other in enumerate(self._lives) if not other.missed and k != row]
        # Who is hidden behind somebody has not jumped.
        hidden = len(seen) > 0 and bool((iou_matrix(boxes[found], boxes[seen]) > 0.05).any())
        return None if hidden else self._lives[found[0]]

    def _unexplained(self, strong: Rows, taken: Rows, detections: Detections) -> Rows:
        """The strong detections that are neither taken nor doubles of one that is taken or better."""
        p = self.params
        left: Rows = np.setdiff1d(strong, taken)
        known = np.concatenate([taken, left])
        boxes, others = detections.xyxy[left], detections.xyxy[known]
        overlap, share = iou_matrix(boxes, others), share_within(boxes, others)
        same = detections.class_id[left][:, None] == detections.class_id[known][None, :]
        double = np.where(same, (overlap > p.double) | (share > p.within), overlap > p.within)
        double[:, len(taken) :] &= np.tri(len(left), k=-1, dtype=bool)  # of two new ones the better one stays
        unexplained: Rows = left[~double.any(axis=1)]
        return unexplained

    def _begin(self, columns: Rows, detections: Detections, t: float) -> None:
        """Begin a track with each of these detections."""
        seen = measured(detections.xyxy[columns])
        self._filter.add(seen, self._filter.errors(detections.score[columns]))
        for (x, y, _, _), column in zip(seen.tolist(), columns.tolist(), strict=True):
            self._lives.append(_Life(first_t=t, origin=(x, y), seen_t=t))
            self._seen(len(self._lives) - 1, column, detections, t)

    def _bury(self, t: float) -> None:
        """Forget tracks that were not seen for too long."""
        p = self.params
        kept = [
            row
            for row, life in enumerate(self._lives)
            if t - life.seen_t <= (p.tentative_s if life.missed and life.hits == 1 and not life.id else p.lost_s)
        ]
        if len(kept) < len(self._lives):
            self._filter.keep(np.array(kept, np.intp))
            self._lives = [self._lives[row] for row in kept]

    def _report(self, t: float, *, looked: bool) -> list[Track]:
        """The confirmed tracks as they stand."""
        rows = zip(self._lives, self._filter.boxes().tolist(), self._filter.state[:, SPEED].tolist(), strict=True)
        return [
            Track(
                id=life.id,
                label=life.label,
                score=life.score,
                box=Box(*box),
                velocity=(vx, vy),
                first_t=life.first_t,
                seen_t=life.seen_t,
                hits=life.hits,
                observed=looked and not life.missed,
                blind_s=life.blind_s,
            )
            for life, box, (vx, vy) in rows
            if life.id and not (life.missed and t - life.seen_t > self.params.coast_s)
        ]
