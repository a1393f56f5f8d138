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

from vision.motion.gate import Change, MotionGate
from vision.track.base import Track

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

    def decide(self, change: Change, tracks: Sequence[Track], t: float) -> Verdict:
        """Whether to look at the picture at time `t`, given the change since the last look and the tracks until now."""
        patience, looked = self._patience, self._look_t
        if looked is None or t < looked:
            return "look"
        since = t - looked + 1e-6
        if not change.any:
            return "look" if since >= (patience.quiet_tracks_s if tracks else patience.quiet_s) else "unchanged"
        unexplained = change.cells & ~self._gate.covered([track.box for track in tracks], 0.25)
        if (unexplained & ~change.idle).any():
            return "look"
        if unexplained.any() and not tracks:
            return "look" if since >= patience.idle_s else "idle"
        steady = self._restless_t is None or t - self._restless_t >= patience.settle_s
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
