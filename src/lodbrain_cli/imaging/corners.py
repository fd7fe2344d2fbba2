"""How far apart two grids lie: between their corner voxels, in mm."""

from typing import TYPE_CHECKING

import numpy as np
from nibabel.affines import apply_affine

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SAME_VOXEL", "corner_voxels", "farthest_mm"]

#: Share of a voxel by which voxels of one grid may lie apart: headers are rounded.
SAME_VOXEL = 0.1


def corner_voxels(shape: tuple[int, ...]) -> "NDArray[np.int_]":
    """(8, 3) indices of the corner voxels of a volume."""
    return np.stack(np.meshgrid(*[(0, n - 1) for n in shape]), -1).reshape(-1, 3)


def farthest_mm(
    first: "NDArray[np.float64]", second: "NDArray[np.float64]", shape: tuple[int, ...]
) -> float:
    """Largest distance between the same corners of two grids.

    No voxel between the corners lies farther apart than one of them.

    Parameters
    ----------
    first, second : (4, 4) float64 arrays
        Voxel index to world, RAS+ mm.
    shape : tuple of 3 int

    Returns
    -------
    float
        In mm.
    """
    corners = corner_voxels(shape)
    apart = apply_affine(first, corners) - apply_affine(second, corners)
    return float(np.linalg.norm(apart, axis=1).max())
