"""Pixel memory of the static-foreground model: a slow reference, and what has come to rest before it.

Works on luma halved until it is 150..300 cells wide. For every cell:

* `reference`, what the place looks like, and for how long that has been seen (`known`, seconds);
* `candidate`, the value that has been seen most of the time since the cell differs (a Boyer-Moore majority vote over
  seconds instead of items, so that passers-by do not disturb it), and its lead in seconds (`lead`).

A cell is at rest when it differs from the reference and its candidate leads by `rest_s`. Cells under people are skipped:
they neither gain nor lose.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from vision.frame import Pixels
from vision.motion.lighting import Light, fit

_WIDTH = 150  # cells across, at least
_FOLLOW_S = 10.0  # time constant with which the reference follows slow change
_FLOOR, _CEILING = 8.0, 28.0  # grey levels: limits of the threshold
_LEAD_S = 30.0  # a candidate's lead is capped here, so that nothing takes for ever to be forgotten
_BACK_S = 0.5  # time constant with which a candidate is forgotten while the reference shows
_BLEND = 0.2  # weight with which a candidate follows the picture that agrees with it
_TRUST_S = 2.0  # a reference seen for less than this gives way to whatever is seen longer
_REANCHOR_S, _REANCHOR = 2.0, 8.0  # light that differs by so many grey levels for so long becomes the reference's

Map = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
_CROSS = np.ones((3, 3), np.uint8)


def shrunk(luma: Pixels) -> Pixels:
    """The brightness plane, uint8 [height, width], halved until a further halving would make it too small."""
    small = luma
    while small.shape[1] // 2 >= _WIDTH and small.shape[0] >= 4:
        height, width = small.shape[0] // 2, small.shape[1] // 2
        whole = np.ascontiguousarray(small[: height * 2, : width * 2])
        small = np.asarray(cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    return small


class Cells:
    """The memory of one camera's picture; every array is [rows, columns] of the shrunk picture."""

    def __init__(self, first: Pixels, rest_s: float) -> None:
        self.shape = first.shape
        self.rest_s = rest_s
        self.reference: Map = first.astype(np.float32)
        self.known: Map = np.zeros(self.shape, np.float32)
        self.candidate: Map = first.astype(np.float32)
        self.lead: Map = np.zeros(self.shape, np.float32)
        self.candidate_t: Map = np.zeros(self.shape, np.float32)
        self.differs_t: Map = np.zeros(self.shape, np.float32)
        self.differs: Mask = np.zeros(self.shape, np.bool_)
        self.strict: Mask = np.zeros(self.shape, np.bool_)
        self.at_rest: Mask = np.zeros(self.shape, np.bool_)
        """Cells that show something other than the reference which does not move."""
        self.picture: Pixels = first
        self._relief: Pixels = np.zeros(self.shape, np.uint8)
        self.light = Light()
        self.noise = 2.0
        self._other_light_s = 0.0

    @property
    def threshold(self) -> float:
        """Grey levels from which a cell differs: what 5 sigma of the measured noise explain, within limits."""
        return min(_CEILING, max(_FLOOR, 5 * self.noise + 3))

    def step(self, small: Pixels, t: float, dt: float, hidden: Mask) -> None:
        """Take in a picture. `t` is in seconds since the model began, `dt` since the last step; `hidden` is under people."""
        seen = ~hidden
        self._measure(small, seen & (self.known > 0) & ~self.differs)
        self._light(small, dt, seen & (self.known > 0) & ~self.at_rest)
        picture = self.picture = self.light.undo(small)
        differs, strict = self._different(picture)
        differs &= seen & (self.known > 0)
        self.strict = (self.strict & hidden) | (strict & differs)
        self.differs_t[differs & ~self.differs & (self.lead <= 0)] = t
        self.differs = (self.differs & hidden) | differs
        self._vote(picture, t, dt, seen, differs)
        self._follow(picture, dt, seen, differs)
        self.at_rest = np.asarray(self.lead >= self.rest_s)

    @property
    def edges(self) -> Mask:
        """Cells where the reference has strong edges: the tell-tale of a view that moves."""
        return (self._relief > 4 * self.threshold) & (self.known > 0)

    def learn(self, where: Mask, known_s: float = _TRUST_S) -> None:
        """The picture as it is now becomes the reference in `where`, as if seen for `known_s`."""
        np.copyto(self.reference, self.picture, where=where)
        self.known[where] = known_s
        self.lead[where] = 0
        self.at_rest = self.at_rest & ~where
        self.differs[where] = False

    def relight(self, keep: Mask, hidden: Mask) -> None:
        """Begin anew in a new light: all is learned but the things at rest in `keep`.

        Under those the reference is multiplied by the ratio of the new to the old picture in a wide average around them,
        so that uneven light is followed.
        """
        free = (~keep & ~hidden).astype(np.float32)
        wide = (self.shape[1] // 4 | 1, self.shape[0] // 4 | 1)
        now = self.picture.astype(np.float32)
        ratio = (cv2.blur(now * free, wide) + 0.01) / (cv2.blur(self.reference * free, wide) + 0.01)
        np.copyto(self.reference, np.clip(self.reference * ratio, 0, 255), where=keep)
        np.copyto(self.candidate, now, where=keep)
        self.learn(~keep & ~hidden)
        self.known[hidden & ~keep] = 0
        self.lead[hidden & ~keep] = 0
        self.at_rest = np.asarray(self.lead >= self.rest_s)

    def _measure(self, small: Pixels, calm: Mask) -> None:
        """Noise: the median step from the last picture where nothing differs (0.6745 sigma of two pictures' difference)."""
        last = self.picture if self.light == Light() else None
        if last is None or not calm.any():
            return
        steps = cv2.absdiff(small[::3, ::3], last[::3, ::3])[calm[::3, ::3]]
        if steps.size > 100:
            middle = float(np.partition(steps, steps.size // 2)[steps.size // 2])
            self.noise += 0.1 * ((middle + 0.5) / 0.954 - self.noise)

    def _light(self, small: Pixels, dt: float, where: Mask) -> None:
        """Find the light; one that stays becomes the reference's own."""
        self.light = fit(self.reference[::4, ::4], small[::4, ::4], where[::4, ::4])
        self._other_light_s = self._other_light_s + dt if self.light.distance > _REANCHOR else 0.0
        if self._other_light_s >= _REANCHOR_S:
            for values in (self.reference, self.candidate):
                np.clip(values * np.float32(self.light.gain) + np.float32(self.light.offset), 0, 255, out=values)
            self.light, self._other_light_s = Light(), 0.0

    def _different(self, picture: Pixels) -> tuple[Mask, Mask]:
        """Cells outside what the reference shows within half a cell around, and those outside of it within a whole cell.

        A shake of the camera moves edges by less than half a cell; the stricter answer is proof against more.
        """
        reference = cv2.convertScaleAbs(self.reference)
        highest, lowest = cv2.dilate(reference, _CROSS), cv2.erode(reference, _CROSS)
        self._relief = np.asarray(cv2.subtract(highest, lowest), np.uint8)
        strict = cv2.max(cv2.subtract(picture, highest), cv2.subtract(lowest, picture)) > self.threshold
        high = cv2.addWeighted(highest, 0.5, reference, 0.5, 0)
        low = cv2.addWeighted(lowest, 0.5, reference, 0.5, 0)
        differs = cv2.max(cv2.subtract(picture, high), cv2.subtract(low, picture)) > self.threshold
        return np.asarray(differs), np.asarray(strict)

    def _vote(self, picture: Pixels, t: float, dt: float, seen: Mask, differs: Mask) -> None:
        """Candidates gain where the picture agrees with them and lose where it does not; the reference ends them."""
        differing = differs | (seen & (self.known <= 0))
        # Few cells differ at any time: working on their numbers is several times cheaper than on whole pictures.
        where = np.flatnonzero(differing)
        now, candidate, lead = picture.ravel()[where].astype(np.float32), self.candidate.ravel(), self.lead.ravel()
        agrees = np.abs(now - candidate[where]) <= self.threshold
        lead[where] = np.clip(lead[where] + np.where(agrees, np.float32(dt), np.float32(-dt)), 0, _LEAD_S)
        candidate[where[agrees]] += np.float32(_BLEND) * (now - candidate[where])[agrees]
        fresh = ~agrees & (lead[where] <= 0)
        candidate[where[fresh]] = now[fresh]
        self.candidate_t.ravel()[where[fresh]] = t
        back = np.flatnonzero((self.lead > 0) & seen & ~differing)
        left = lead[back] * np.float32(np.exp(-dt / _BACK_S))
        lead[back] = np.where(left < 0.1, np.float32(0), left)

    def _follow(self, picture: Pixels, dt: float, seen: Mask, differs: Mask) -> None:
        """The reference follows slow change, and gives way where it is hardly known."""
        same = seen & ~differs & (self.known > 0)
        cv2.accumulateWeighted(picture, self.reference, min(1.0, dt / _FOLLOW_S), same.view(np.uint8))
        np.add(self.known, np.float32(dt), out=self.known, where=same)
        if float(self.known.min()) >= _TRUST_S:
            return
        unproved = seen & (self.known < _TRUST_S) & (self.lead > np.maximum(self.known, 0.5))
        if unproved.any():
            np.copyto(self.reference, self.candidate, where=unproved)
            np.copyto(self.known, self.lead, where=unproved)
            self.lead[unproved] = 0
            self.differs[unproved] = False
