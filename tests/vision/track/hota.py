"""HOTA (Luiten et al., "HOTA: A Higher Order Metric for Evaluating Multi-Object Tracking", IJCV 2021), from the paper.

`benchmarks/tracking.py` shows that it equals TrackEval's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import lap
import numpy as np
import numpy.typing as npt

from vision.geometry import Boxes

Numbers = npt.NDArray[np.int64]
Seen = tuple[Numbers, Boxes]
"""What is in one frame: ids [N] and boxes [N, 4]."""

ALPHAS = np.arange(0.05, 0.99, 0.05)


class Hota(NamedTuple):
    """Means over the thresholds, in percent."""

    hota: float
    deta: float
    assa: float


def overlaps(a: Boxes, b: Boxes) -> npt.NDArray[np.float64]:
    """IoU in float64, independent of the code under test."""
    a, b = a.astype(np.float64).reshape(-1, 4), b.astype(np.float64).reshape(-1, 4)
    side = np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2])
    common = np.clip(side, 0, None).prod(axis=2)
    union = np.prod(a[:, 2:] - a[:, :2], axis=1)[:, None] + np.prod(b[:, 2:] - b[:, :2], axis=1)[None] - common
    return np.where(union > 0, common / np.where(union > 0, union, 1), 0.0)


def rank(frames: Sequence[Seen]) -> tuple[list[Numbers], int]:
    """The ids as 0, 1, 2, …"""
    known = np.unique(np.concatenate([ids for ids, _ in frames]))
    return [np.searchsorted(known, ids) for ids, _ in frames], len(known)


def best_pairs(score: npt.NDArray[np.float64]) -> tuple[Numbers, Numbers]:
    """The one-to-one pairs with the largest sum."""
    _, columns, _ = lap.lapjv(-score, extend_cost=True)
    rows = np.flatnonzero(columns >= 0)
    return rows, columns[rows]


def hota(truth: Sequence[Seen], found: Sequence[Seen]) -> Hota:
    """Scores `found` against `truth`, frame by frame."""
    true_ids, n = rank(truth)
    our_ids, m = rank(found)
    overlap = [overlaps(a[1], b[1]) for a, b in zip(truth, found, strict=True)]
    together, true_count, our_count = np.zeros((n, m)), np.zeros((n, 1)), np.zeros((1, m))
    for g, o, s in zip(true_ids, our_ids, overlap, strict=True):
        total = s.sum(axis=0)[None, :] + s.sum(axis=1)[:, None] - s
        together[np.ix_(g, o)] += np.divide(s, total, out=np.zeros_like(s), where=total > np.finfo(float).eps)
        true_count[g, 0] += 1
        our_count[0, o] += 1
    likeness = together / (true_count + our_count - together)  # of whole tracks; it decides ambiguous frames
    hits, matches = np.zeros(len(ALPHAS)), np.zeros((len(ALPHAS), n, m))
    for g, o, s in zip(true_ids, our_ids, overlap, strict=True):
        if s.size == 0:
            continue
        rows, columns = best_pairs(likeness[np.ix_(g, o)] * s)
        good = s[rows, columns][None, :] >= ALPHAS[:, None] - np.finfo(float).eps
        hits += good.sum(axis=1)
        matches[:, g[rows], o[columns]] += good
    misses, ghosts = true_count.sum() - hits, our_count.sum() - hits
    deta = hits / (hits + misses + ghosts)
    shared = matches / np.maximum(1, true_count + our_count - matches)
    assa = (matches * shared).sum(axis=(1, 2)) / np.maximum(1, hits)
    return Hota(*(100 * float(np.mean(x)) for x in (np.sqrt(deta * assa), deta, assa)))
