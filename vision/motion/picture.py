"""The picture as a whole against its own past: is the lens covered, out of focus, turned away, is the stream stuck?

Everything is judged in tiles, and a loss counts when most of the tiles that have texture agree: a lorry or a crowd takes
some tiles, tampering takes nearly all. What a tile should look like is a slow average of the picture, which stands still
while the picture is not itself and is begun anew when that has lasted for minutes (a camera that was turned on purpose).
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from vision.frame import Pixels
from vision.motion.base import PictureState

Plane = npt.NDArray[np.float32]

_WIDTH = 128  # working width in pixels, at least
_ROWS, _COLUMNS = 6, 8  # tiles
_EVERY_S = 0.35  # tampering lasts for seconds: looking more often than this is waste
_NOW = 3  # the present picture is the average of so many looks: noise and shake drop out
_SHARP = 0.6  # sharpness from which the picture counts as itself
_BLACK = 16.0  # grey level of black in video
_PAST_S = 60.0  # the reference follows dusk and moved furniture over about so long
_LEARN_S = 3.0  # before that there is no reference
_REFRESH_S = 0.5  # the reference is renewed so often
_ADOPT_S = 300.0  # a picture that has been another one for so long is the new normal
_MATURE_S = 10.0  # a reference younger than this is given up when the view turns out not to stand still (hand-held)
_YIELD_S = 1.0
_ITSELF = 0.5  # likeness from which the picture counts as itself
_AGREE = 0.7  # share of the textured tiles that must have lost something before the picture has
_FEW = 6  # fewer textured tiles than this cannot judge
_TEXTURE = 2.0  # mean square of the edges (grey levels over two working pixels) from which a tile has something to lose


class PictureModel:
    """Watches pictures of one size (pixels); about 0.1 ms of CPU a picture at 1280x720 and 5 pictures a second."""

    def __init__(self, width: int, height: int) -> None:
        self._enlarged = (max(width, 64), max(height, 48)) if width < 64 or height < 48 else None
        width, height = self._enlarged or (width, height)
        self._stride = max(1, width // _WIDTH // 2)
        self._focus = _Focus(width, height)
        self._stillness = _Stillness(width, height)
        self._reference = _Reference()
        self._recent: deque[tuple[Pixels, Plane]] = deque(maxlen=_NOW)
        self._t = 0.0
        self._other_s = 0.0
        self._state: PictureState | None = None

    def step(self, luma: Pixels, t: float) -> PictureState:
        """The state at time `t` (seconds) from the brightness plane, uint8 [height, width]."""
        if self._enlarged is not None:  # thumbnails: a tile needs some pixels
            luma = np.asarray(cv2.resize(luma, self._enlarged, interpolation=cv2.INTER_NEAREST), np.uint8)
        frozen_s = self._stillness.step(luma, t)
        if self._state is None or not 0 <= t - self._t < _EVERY_S:
            self._state = self._look(luma, min(max(t - self._t, 0.0), 2.0) if self._state else 0.0)
            self._t = t
        return replace(self._state, frozen_s=frozen_s)

    def _look(self, luma: Pixels, dt: float) -> PictureState:
        """Compare the picture with the reference, `dt` seconds after the last time."""
        now, detail = self._present(luma)
        edges = _edges(now)
        reference = self._reference
        known = reference.known
        mean = float(now.mean())
        likeness, strength = reference.compare(edges) if known else (1.0, 1.0)
        state = PictureState(
            mean=mean,
            contrast=float(now.std()),
            sharpness=reference.sharpness(detail) if known else 1.0,
            likeness=likeness,
            shift=reference.shift(edges) if likeness < _ITSELF else 0.0,
            frozen_s=0.0,
            edges=strength,
            light=reference.light(mean) if known else 1.0,
            known=known,
        )
        itself = likeness >= _ITSELF and state.sharpness >= _SHARP and strength >= _ITSELF * min(1.0, state.light)
        self._other_s = 0.0 if itself else self._other_s + dt
        moving = strength >= _ITSELF and not reference.mature  # edges all right, but elsewhere
        if self._other_s >= (_YIELD_S if moving else _ADOPT_S):
            self._reference, self._other_s = _Reference(), 0.0
        elif itself:
            reference.learn(now, detail, dt)
        return state

    def _present(self, luma: Pixels) -> tuple[Plane, Plane]:
        """The picture and its detail, averaged over the last looks."""
        points = np.ascontiguousarray(luma[:: self._stride, :: self._stride])
        half = max(2 * _COLUMNS, points.shape[1] // 2), max(2 * _ROWS, points.shape[0] // 2)
        # exactly two by two: any other proportion takes ten times as long
        small = cv2.resize(points[: 2 * half[1], : 2 * half[0]], half, interpolation=cv2.INTER_AREA)
        self._recent.append((np.asarray(small, np.uint8), self._focus.measure(luma)))
        now = np.zeros(small.shape, np.float32)
        for picture, _ in self._recent:
            cv2.accumulate(picture, now)
        now /= np.float32(len(self._recent))
        return now, np.mean([detail for _, detail in self._recent], axis=0, dtype=np.float32)


class _Reference:
    """What the picture looks like when all is well."""

    def __init__(self) -> None:
        self._learned_s = 0.0
        self._fresh_s = 0.0
        self._picture: Plane | None = None
        self._edges = np.zeros((2, 0, 0), np.float32)
        self._detail = np.zeros((2, _ROWS, _COLUMNS), np.float32)
        self._power = np.zeros((_ROWS, _COLUMNS), np.float32)
        self._textured = np.zeros((_ROWS, _COLUMNS), np.bool_)

    @property
    def known(self) -> bool:
        """Whether there is a reference, with texture enough to judge by."""
        return self._learned_s >= _LEARN_S and int(self._textured.sum()) >= _FEW

    @property
    def mature(self) -> bool:
        """Whether the picture has been itself for long enough to be sure that the camera stands still."""
        return self._learned_s >= _MATURE_S

    def learn(self, now: Plane, detail: Plane, dt: float) -> None:
        """Add the present picture: an even average at first, then a slow one."""
        self._learned_s += dt
        self._fresh_s += dt
        if self._picture is None:
            self._picture, self._detail = now.copy(), detail.copy()
        elif self._fresh_s >= _REFRESH_S:
            share = self._fresh_s / min(self._learned_s + self._fresh_s, _PAST_S)
            cv2.accumulateWeighted(now, self._picture, share)
            self._detail += np.float32(share) * (detail - self._detail)
            self._fresh_s = 0.0
            self._edges = _edges(self._picture)
            self._power = _power(self._edges, self._edges)
            self._textured = self._power >= _TEXTURE

    def compare(self, edges: Plane) -> tuple[float, float]:
        """Likeness (correlation, -1..1) and strength (ratio) of the present edges, as most textured tiles have it."""
        power = _power(edges, edges)[self._textured]
        common = _power(edges, self._edges)[self._textured]
        past = self._power[self._textured]
        likeness = common / np.sqrt(past * np.maximum(power, np.float32(1e-3)))
        return _most(likeness), math.sqrt(max(0.0, _most(power / past)))

    def light(self, mean: float) -> float:
        """Brightness above black as a ratio to the reference."""
        past = 0.0 if self._picture is None else float(self._picture.mean())
        return max(mean - _BLACK, 1.0) / max(past - _BLACK, 1.0)

    def sharpness(self, detail: Plane) -> float:
        """How much fine detail there is for the coarse detail, as a ratio to the reference."""
        fine, coarse = np.maximum(detail, 0.0)
        past_fine, past_coarse = self._detail
        judged = (past_fine >= 2.0) & (past_coarse >= 2.0) & (coarse >= 2.0)
        if int(judged.sum()) < _FEW:
            return 1.0
        ratio = fine[judged] * past_coarse[judged] / (coarse[judged] * past_fine[judged])
        return math.sqrt(_most(ratio))

    def shift(self, edges: Plane) -> float:
        """How far the view has moved, in 0..1 of the width; 0 where the pictures match no better when moved."""
        now, past = (np.hypot(plane[0], plane[1]) for plane in (edges, self._edges))
        height, width = now.shape
        window = cv2.createHanningWindow((width, height), cv2.CV_32F)
        (dx, dy), _ = cv2.phaseCorrelate(past, now, window)
        x, y = round(dx), round(dy)
        if (x, y) == (0, 0) or abs(x) > 0.7 * width or abs(y) > 0.7 * height:
            return 0.0
        moved, stayed = _match(self._edges, edges, x, y), _match(self._edges, edges, 0, 0)
        return math.hypot(dx, dy) / width if moved >= 0.35 and moved >= stayed + 0.2 else 0.0


class _Focus:
    """Fine and coarse detail per tile, from pairs of neighbouring lines at full resolution.

    A difference along one line times the same difference along the next one keeps edges and drops noise, which is
    independent from line to line. The fine one is a second difference, the coarse one a first.
    """

    _PAIRS = 18
    _FINE = 2  # pixels
    _COARSE = 40  # the coarse difference spans the width over this

    def __init__(self, width: int, height: int) -> None:
        pairs = min(self._PAIRS, max(1, height // 2))
        self._lines = np.linspace(0, max(0, height - 2), pairs).astype(np.intp)
        self._next = np.minimum(self._lines + 1, height - 1)
        self._stride = max(1, width // 640)
        self._coarse = max(2 * self._FINE, width // self._COARSE)

    def measure(self, luma: Pixels) -> Plane:
        """Fine and coarse detail, float32 [2, rows, columns], in squared grey levels."""
        upper, lower = luma[self._lines].astype(np.float32), luma[self._next].astype(np.float32)
        fine = self._second(upper) * self._second(lower)
        coarse = self._first(upper) * self._first(lower)
        return np.stack([_tiles(fine), _tiles(coarse)])

    def _second(self, lines: Plane) -> Plane:
        lag, step = self._FINE, self._stride
        return lines[:, : -2 * lag : step] + lines[:, 2 * lag :: step] - 2 * lines[:, lag:-lag:step]

    def _first(self, lines: Plane) -> Plane:
        return lines[:, self._coarse :: self._stride] - lines[:, : -self._coarse : self._stride]


class _Stillness:
    """Seconds for which not even noise has changed the picture, where noise or motion was all over it before.

    Clean footage (rendered scenes, strong compression of a still view) repeats itself as well, but there only some places
    were ever alive, or the picture has stood still for long before. A stuck picture that is compressed anew still blinks
    a little at every key frame: single small changes do not end a standstill.
    """

    _SAMPLE = 96  # pixels sampled along the width, at least
    _CHANGE = 0.02  # mean change of a tile's pixels (grey levels) that is one: two pixels by one level
    _BLINK = 4.0  # mean change up to which a single one may be a key frame's
    _QUIET_S = 1.0  # ... that long after the last change
    _BLINK_S = 0.6  # ... and for so long, while the compression settles
    _ALIVE = 0.2  # a tile is alive that takes part in this share of the changes
    _SPREAD = 0.4  # share of the tiles that are alive where there is noise
    _HISTORY_S = 5.0
    _HISTORY = 20  # changes
    _LONGER = 4.0  # a standstill is one when it is longer than this many times the longest before

    def __init__(self, width: int, height: int) -> None:
        self._step = max(1, width // self._SAMPLE)
        self._before: Pixels | None = None
        self._first = self._since = self._last = self._t = 0.0
        self._blink_t = -math.inf
        self._alive = np.zeros((_ROWS, _COLUMNS), np.float32)
        self._changes = 0
        self._longest = 0.0

    def step(self, luma: Pixels, t: float) -> float:
        """Seconds of standstill at time `t`; 0 where it means nothing."""
        sample = luma[:: self._step, :: self._step].copy()
        if self._before is None or t < self._t:
            self._before, self._first, self._since, self._last, self._t = sample, t, t, t, t
            return 0.0
        difference = _tiles(cv2.absdiff(sample, self._before).astype(np.float32))
        changed = difference > self._CHANGE
        if changed.any():
            if self._t - self._last >= self._QUIET_S:
                self._blink_t = t
            if float(difference.max()) > self._BLINK or t - self._blink_t > self._BLINK_S:
                self._moved(changed, t)
            self._last = t
        self._before, self._t = sample, t
        still = t - self._since
        lively = self._changes >= self._HISTORY and self._since - self._first >= self._HISTORY_S
        spread = float((self._alive >= self._ALIVE).mean()) if lively else 0.0
        return still if spread >= self._SPREAD and still > self._LONGER * self._longest else 0.0

    def _moved(self, changed: npt.NDArray[np.bool_], t: float) -> None:
        """The picture is alive: learn where."""
        if self._changes:
            self._longest = max(self._longest, self._t - self._since)
        self._since = t
        self._changes += 1
        self._alive += max(0.02, 1.0 / self._changes) * (changed - self._alive)


def _edges(picture: Plane) -> Plane:
    """Horizontal and vertical differences over two pixels, a little smoothed: float32 [2, height - 2, width - 2]."""
    smooth = np.asarray(cv2.blur(picture, (3, 3)), np.float32)
    return np.stack([smooth[1:-1, 2:] - smooth[1:-1, :-2], smooth[2:, 1:-1] - smooth[:-2, 1:-1]])


def _tiles(plane: Plane) -> Plane:
    """Mean of every tile: float32 [rows, columns]."""
    return np.asarray(cv2.resize(plane, (_COLUMNS, _ROWS), interpolation=cv2.INTER_AREA), np.float32)


def _power(a: Plane, b: Plane) -> Plane:
    """Mean product of two edge fields in every tile."""
    return _tiles(a[0] * b[0] + a[1] * b[1])


def _most(values: npt.NDArray[np.floating]) -> float:
    """The value that so many tiles do not exceed that they speak for the picture."""
    place = int(_AGREE * (len(values) - 1))
    return float(np.partition(values, place)[place])


def _match(past: Plane, now: Plane, x: int, y: int) -> float:
    """Correlation of two edge fields, -1..1, with `now` moved back by `x`, `y`."""
    height, width = now.shape[1:]
    a = past[:, max(0, -y) : height - max(0, y), max(0, -x) : width - max(0, x)]
    b = now[:, max(0, y) : height - max(0, -y), max(0, x) : width - max(0, -x)]
    power = float((a * a).sum()) * float((b * b).sum())
    return float((a * b).sum()) / math.sqrt(power) if power > 0 else 0.0
