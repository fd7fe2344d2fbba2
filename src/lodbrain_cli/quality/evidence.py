"""What a result shows of itself, on a coarser grid: quick to look at."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..imaging.probability_maps import ProbabilityMaps

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Evidence", "gather_evidence"]

_STEP_MM = 2
_TINY = 1e-6


@dataclass(frozen=True, eq=False)
class Evidence:
    """Labels and how sure they are, in the box of the maps.

    Parameters
    ----------
    labels : (D, H, W) uint8 array
        Most probable class; conformed axes (LIA).
    probability : (D, H, W) float32 array
        Of that class.
    entropy : (D, H, W) float32 array
        Of all classes: 0 where one is certain, 1 where all are as likely.
    origin_mm : tuple of 3 int
        Conformed place of the first voxel.
    step_mm : int
        From voxel to voxel.
    """

    labels: "NDArray[np.uint8]"
    probability: "NDArray[np.float32]"
    entropy: "NDArray[np.float32]"
    origin_mm: tuple[int, ...]
    step_mm: int

    @property
    def brain(self) -> "NDArray[np.bool_]":
        """(D, H, W) where there is any structure."""
        inside: NDArray[np.bool_] = self.labels > 0
        return inside

    @property
    def borders(self) -> "NDArray[np.bool_]":
        """(D, H, W) voxels of the brain beside a voxel of another label."""
        beside = np.zeros(self.labels.shape, bool)
        for axis in range(3):
            first, second = _pairs(axis)
            differs = self.labels[first] != self.labels[second]
            beside[first] |= differs
            beside[second] |= differs
        return beside & self.brain


def gather_evidence(maps: ProbabilityMaps, pool: int) -> Evidence:
    """Look at every second millimetre of the maps of one label set.

    Parameters
    ----------
    maps : ProbabilityMaps
        Cleaned or not; what cleaning struck out is shared among the other classes.
    pool : int
        Millimetres in a voxel of the maps.
    """
    stride = max(1, _STEP_MM // pool)
    values = maps.values[:, ::stride, ::stride, ::stride]
    share = values / np.maximum(values.sum(axis=0), _TINY)
    entropy = -(share * np.log(np.maximum(share, _TINY))).sum(axis=0) / np.log(len(values))
    return Evidence(
        share.argmax(axis=0).astype(np.uint8),
        share.max(axis=0),
        entropy.astype(np.float32),
        tuple(first * pool for first in maps.origin),
        stride * pool,
    )


def _pairs(axis: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Every voxel but the last along an axis, and every one but the first."""
    first, second = [slice(None)] * 3, [slice(None)] * 3
    first[axis], second[axis] = slice(None, -1), slice(1, None)
    return tuple(first), tuple(second)
