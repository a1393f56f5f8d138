"""When the detector must look, and when it need not.

nothing changed since the last look   -> the last answer still holds; look again after `quiet_s` to be safe
changes only where tracks explain them,
  and the tracks run steadily         -> look at every `steady_s`; between, the tracks are predicted
changes only where motion is idle     -> look at every `idle_s`
anything else                         -> look now
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from vision.motion.gate import Cells, Change, MotionGate
from vision.track.base import Track

_SPECK_CELLS = 2
_WAY = 0.1  # of its width that a track may have gone before an unchanged picture is doubted

Verdict = Literal["look", "unchanged", "steady", "idle"]


@dataclass(frozen=True, slots=True)
class Patience:
    """Longest times between two looks, in seconds, by what is going on; and how far a steady track may stray."""

    quiet_s: float = 10.0
    quiet_tracks_s: float = 2.0
    steady_s: float = 0.4
    idle_s: float = 1.0
    settle_s: float = 1.0
    stray: float = 0.12


class Attention:
    """Decides for one camera; deterministic, from the pictures and tracks alone."""

    def __init__(self, gate: MotionGate, patience: Patience = Patience()) -> None:
        self._gate = gate
        self._patience = patience
        self._look_t: float | None = None
        self._restless_t: float | None = None
        self._predicted: dict[int, Track] = {}
        self._before: Cells = np.zeros((1, 1), np.bool_)  # where there was news at the last step, and around it

    def decide(self, change: Change, tracks: Sequence[Track], t: float) -> Verdict:
        """Whether to look at the picture at time `t`, given the change since the last look and the tracks until now."""
        patience, looked = self._patience, self._look_t
        if looked is None or t < looked:
            return "look"
        since = t - looked + 1e-6
        if not change.any and not any(_on_its_way(track, since) for track in tracks):
            return "look" if since >= (patience.quiet_tracks_s if tracks else patience.quiet_s) else "unchanged"
        unexplained = change.cells & ~self._gate.covered([track.box for track in tracks], 0.25)
        news = unexplained & ~change.idle
        speck = 0 < int(news.sum()) <= _SPECK_CELLS and not (news & self._before).any()
        self._before = _grown(news)
        if news.any() and not speck:
            return "look"
        if not tracks:
            return "look" if since >= patience.idle_s and not speck else "idle"
        steady = (self._restless_t is None or t - self._restless_t >= patience.settle_s) and not _crowded(tracks)
        return "steady" if steady and since < patience.steady_s else "look"

    def looked(self, change: Change, tracks: Sequence[Track], t: float) -> None:
        """The detector has looked at time `t`; `tracks` are the tracks after it."""
        self._look_t = t
        self._gate.looked(t, change, [track.box for track in tracks])
        if self._surprised(tracks, t):
            self._restless_t = t
        self._predicted = {track.id: track for track in tracks}

    def _surprised(self, tracks: Sequence[Track], t: float) -> bool:
        """Whether a track is new, gone or not where its last speed should have brought it."""
        if {track.id for track in tracks} != set(self._predicted):
            return True
        for track in tracks:
            before = self._predicted[track.id]
            dt = track.seen_t - before.seen_t
            (x, y), (x0, y0) = track.box.centre, before.box.centre
            far = max(abs(x - x0 - before.velocity[0] * dt), abs(y - y0 - before.velocity[1] * dt))
            taller = abs(track.box.height - before.box.height)
            if not track.observed or max(far, taller) > self._patience.stray * max(track.box.height, 1.0):
                return True
        return False


def _on_its_way(track: Track, since: float) -> bool:
    """Whether the track must have moved since the last look, whatever the gate could see of it."""
    return max(abs(v) for v in track.velocity) * since > _WAY * track.box.width


def _crowded(tracks: Sequence[Track]) -> bool:
    """Whether two tracks are about to touch: who is who is decided by looking."""
    return any(
        a.box.gap(b.box) < 0.3 * min(a.box.width, b.box.width) for i, a in enumerate(tracks) for b in tracks[i + 1 :]
    )


def _grown(cells: Cells) -> Cells:
    """The cells and their eight neighbours."""
    return np.asarray(cv2.dilate(cells.astype(np.uint8), np.ones((3, 3), np.uint8)), np.bool_)
