"""Which part of the conformed grid a scan covers, and what of the scan lies outside of it."""

from typing import TYPE_CHECKING

import numpy as np
from nibabel.affines import apply_affine

from .corners import corner_voxels

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["cut_warnings", "reach_of"]

_SIDES = (("right", "left"), ("superior", "inferior"), ("posterior", "anterior"))


def reach_of(
    matrix: "NDArray[np.float64]", shape: tuple[int, ...], margin: float
) -> "tuple[NDArray[np.float64], NDArray[np.float64]]":
    """Smallest and largest coordinate of a volume's corners on another grid.

    Parameters
    ----------
    matrix : (4, 4) array
        Voxel index to index on the other grid.
    shape : tuple of 3 int
    margin : float
        Voxels beyond the centres of the corners.

    Returns
    -------
    low, high : (3,) float64 arrays
        In voxels of the other grid.
    """
    corners = corner_voxels(shape)
    outwards = np.where(corners > 0, margin, -margin)
    voxels = apply_affine(matrix, corners + outwards)
    return voxels.min(axis=0), voxels.max(axis=0)


def cut_warnings(
    low: "NDArray[np.float64]", high: "NDArray[np.float64]", side: int
) -> tuple[str, ...]:
    """One sentence when part of the field of view lies outside the conformed grid.

    Parameters
    ----------
    low, high : (3,) arrays
        First and last conformed coordinate of the scan (LIA).
    side : int
        Voxels along each side of the conformed grid.
    """
    cut = [
        f"{amount:.0f} mm {name}"
        for names, below, above in zip(_SIDES, -low, high - (side - 1), strict=True)
        for name, amount in zip(names, (below, above), strict=True)
        if amount >= 1
    ]
    if not cut:
        return ()
    return (
        f"the field of view is larger than {side} mm: cut off " + ", ".join(cut) + "; "
        "voxels there are labelled background",
    )
