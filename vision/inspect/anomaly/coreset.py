"""Few points that stand for many: greedy k-centre, each next point the one farthest from all taken so far.

Source: Sener and Savarese, "Active Learning for Convolutional Neural Networks: A Core-Set Approach", 2018; with the random
projection of Roth et al., "Towards Total Recall in Industrial Anomaly Detection", 2022: distances survive it to about 10 %
(Johnson and Lindenstrauss), and the search is as much faster as there are fewer dimensions.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
_DIMENSIONS = 32


def coreset(points: Array, count: int, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """The numbers of at most `count` rows of `points` [N, D] such that every row has one of them near, in order taken."""
    if len(points) <= count:
        return np.arange(len(points))
    if points.shape[1] > _DIMENSIONS:
        projection = rng.standard_normal((points.shape[1], _DIMENSIONS)).astype(np.float32)
        points = points @ (projection / np.float32(_DIMENSIONS**0.5))
    lengths = np.einsum("ij,ij->i", points, points)
    taken = np.empty(count, np.intp)
    far = np.full(len(points), np.inf, np.float32)
    at = int(np.argmin(np.abs(lengths - np.median(lengths))))  # begin with an ordinary one
    for index in range(count):
        taken[index] = at
        gap = lengths + lengths[at] - 2 * (points @ points[at])
        np.minimum(far, gap, out=far)
        far[at] = -1
        at = int(far.argmax())
    return taken
