"""What good parts look like at any one place, and how far a place of another part is from that.

Features are whitened with the good parts' own covariance, so that a direction in which they hardly vary counts as much as
one in which they vary a lot (that is PaDiM's Mahalanobis distance: Defard et al. 2020); in that space the distance to the
nearest of the remembered places is taken (that is PatchCore's: Roth et al. 2022).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from vision.inspect.anomaly.coreset import coreset

Array = npt.NDArray[np.float32]
_SHRINKAGE = 0.02  # of the mean variance is added to every direction: those that never vary must not decide everything
_CANDIDATES = 20_000  # places drawn at random before the coreset is: more cost minutes and change nothing


@dataclass(frozen=True, slots=True, eq=False)
class Bank:
    """`mean` [C], `whiten` [C, C] and `memory` [M, C] of whitened places, float16 as they are stored."""

    mean: Array = field(repr=False)
    whiten: Array = field(repr=False)
    memory: npt.NDArray[np.float16] = field(repr=False)

    def distances(self, places: Array) -> Array:
        """How far each row of `places` [N, C] is from the nearest remembered one, float32 [N]; about 1 for a usual one."""
        memory = self.memory.astype(np.float32)
        white = (places - self.mean) @ self.whiten
        nearest = np.argmax(white @ memory.T - 0.5 * np.einsum("ij,ij->i", memory, memory), axis=1)
        gap = white - memory[nearest]  # by the difference itself: no digits are lost where both are large
        return np.asarray(np.sqrt(np.einsum("ij,ij->i", gap, gap) / np.float32(gap.shape[1])), np.float32)


def learned(places: Array, size: int, seed: int = 0) -> Bank:
    """The bank of at most `size` places from the rows of `places` [N, C], all from good parts."""
    rng = np.random.default_rng(seed)
    mean = places.mean(axis=0, dtype=np.float64)
    centred = (places - mean).astype(np.float32)
    covariance = (centred.T @ centred).astype(np.float64) / max(1, len(places) - 1)
    variances, directions = np.linalg.eigh(covariance)
    variances = np.maximum(variances, 0) + _SHRINKAGE * max(float(variances.mean()), 1e-12)
    whiten = (directions / np.sqrt(variances)).astype(np.float32)
    if len(centred) > _CANDIDATES:
        centred = centred[rng.choice(len(centred), _CANDIDATES, replace=False)]
    white = centred @ whiten
    return Bank(mean.astype(np.float32), whiten, white[coreset(white, size, rng)].astype(np.float16))
