"""Which detection belongs to which track: costs of all pairs, and the best one-to-one choice."""

from __future__ import annotations

import lap
import numpy as np
import numpy.typing as npt

from vision.geometry import Boxes
from vision.track.kalman import PLACE, PP, SIDES, SS, Floats

Rows = npt.NDArray[np.intp]
NONE: Rows = np.zeros(0, np.intp)

DOUBT = 3.0
"""Weight of a track's uncertainty in the choice; see `surprise`."""


def surprise(state: Floats, spread: Floats, seen: Floats, error: Floats, usual: float) -> tuple[Floats, Floats]:
    """How far each detection is from each track, and how little it speaks for that track; two float64 [tracks, detections].

    Tracks as in `BoxFilter`; detections as of `measured` [M, 4] with variances `error` [M, 2].
    The first is the squared distance in standard deviations, by place and by size. The second adds `DOUBT` times the
    logarithm of the variance over `usual` (the product of place and size variance of a track in good standing). With
    DOUBT = 2 it is twice the negative log-likelihood of a Gaussian; a little more, because errors of boxes are not
    independent from look to look and variances are therefore optimistic. So of two tracks that could explain a detection
    the one that is surer about where it is wins, and a lost track reaches far, but only for what nobody else claims.
    """
    size2 = np.exp(state[:, SIDES].sum(axis=1))  # box size squared, in square pixels
    off = seen[None, :, PLACE] - state[:, None, PLACE]
    place = spread[:, PP, None] + error[None, :, 0]
    distance = (off * off).sum(axis=2) / (size2[:, None] * place)
    sides = spread[:, SS, None] + error[None, :, 1]
    change = seen[None, :, SIDES] - state[:, None, SIDES]
    distance += (change * change).sum(axis=2) / sides
    return distance, distance + DOUBT * np.log(place * sides / usual)


def assign(cost: Floats, limit: float) -> tuple[Rows, Rows]:
    """The one-to-one pairs with the least total cost, where leaving a pair unmatched costs `limit`.

    `cost` [tracks, detections]; returns the tracks, in order, and their detections.
    """
    if cost.size == 0:
        return NONE, NONE
    near = cost < limit
    rows, columns = near.nonzero()
    if len(rows) and (len(rows) > len(set(rows.tolist())) or len(rows) > len(set(columns.tolist()))):  # some compete
        _, chosen, _ = lap.lapjv(np.where(near, cost - limit, 0.0), extend_cost=True)
        rows = np.flatnonzero(near[np.arange(len(chosen)), chosen] & (chosen >= 0))
        columns = chosen[rows].astype(np.intp)
    return rows, columns


def share_within(a: Boxes, b: Boxes) -> Floats:
    """How much of each box of `a` [N, 4] lies in each box of `b` [M, 4]: 0..1, float64 [N, M]."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    side = np.clip(high - low, 0, None).astype(np.float64)
    area = np.maximum((a[:, 2] - a[:, 0]) * (a[:, 3] - a[:, 1]), 1e-6)
    share: Floats = side[..., 0] * side[..., 1] / area[:, None]
    return share
