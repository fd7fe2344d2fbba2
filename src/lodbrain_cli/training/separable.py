"""Linear operations that work on one axis after the other, as matrices.

Up-sampling a control grid, blurring and re-slicing are all of this kind. As
matrix products they run alike on every Keras backend and on an accelerator.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from keras import ops

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["acquisition_matrices", "along_axes", "spline_matrix"]


def along_axes(volume: Any, matrices: "Sequence[NDArray[np.float32] | None]") -> Any:
    """Apply a matrix along each axis of a volume.

    Parameters
    ----------
    volume : (X, Y, Z) float32 tensor
    matrices : sequence of 3 arrays or None
        (X', X), (Y', Y) and (Z', Z); None leaves the axis as it is.

    Returns
    -------
    (X', Y', Z') float32 tensor
    """
    along_x, along_y, along_z = (None if m is None else ops.convert_to_tensor(m) for m in matrices)
    if along_x is not None:
        _, y, z = volume.shape
        volume = ops.matmul(along_x, ops.reshape(volume, (-1, y * z)))
        volume = ops.reshape(volume, (-1, y, z))
    if along_y is not None:
        volume = ops.matmul(along_y, volume)
    if along_z is not None:
        volume = ops.matmul(volume, ops.transpose(along_z))
    return volume


def spline_matrix(points: int, controls: int) -> "NDArray[np.float32]":
    """Matrix that evaluates a uniform cubic B-spline at equally spaced points.

    Parameters
    ----------
    points : int
        At least 2; the first and last lie at the ends of the curve.
    controls : int
        Control points, at least 4.

    Returns
    -------
    (points, controls) float32 array
        Not negative; rows sum to 1.
    """
    position = np.linspace(0, controls - 3, points)
    first = np.minimum(position.astype(int), controls - 4)
    t = position - first
    basis = (
        (1 - t) ** 3,
        3 * t**3 - 6 * t**2 + 4,
        -3 * t**3 + 3 * t**2 + 3 * t + 1,
        t**3,
    )
    matrix = np.zeros((points, controls), np.float32)
    for k, values in enumerate(basis):
        matrix[np.arange(points), first + k] = values / 6
    return matrix


def acquisition_matrices(
    side: int, voxel_mm: float, slice_mm: float
) -> "tuple[NDArray[np.float32], NDArray[np.float32]] | None":
    """Matrices that slice an axis more thickly, and bring it back.

    Parameters
    ----------
    side : int
        Voxels along the axis.
    voxel_mm, slice_mm : float
        Their spacing, and the distance and thickness of the acquired slices.

    Returns
    -------
    acquire, restore : (side, side) float32 arrays, or None
        A Gaussian slice profile whose full width at half maximum is the
        slice's thickness; linear interpolation between slices. None where the
        slices are no thicker than the voxels.

    Notes
    -----
    The slices come first in what `acquire` gives, zeros follow that `restore`
    does not read: equal shapes, whatever the thickness, for compilers.
    """
    if slice_mm <= voxel_mm * 1.05:
        return None
    slices = max(2, round(side * voxel_mm / slice_mm))
    centres = (np.arange(slices) + 0.5) * side / slices - 0.5  # in voxels
    distance = np.arange(side)[None] - centres[:, None]
    sigma = slice_mm / voxel_mm / 2.355
    profile = np.exp(-0.5 * (distance / sigma) ** 2)
    acquire = np.zeros((side, side))
    acquire[:slices] = profile / profile.sum(axis=1, keepdims=True)
    position = np.clip((np.arange(side) - centres[0]) * slices / side, 0, slices - 1)
    first = np.minimum(position.astype(int), slices - 2)
    restore = np.zeros((side, side))
    restore[np.arange(side), first] = 1 - (position - first)
    restore[np.arange(side), first + 1] = position - first
    return acquire.astype(np.float32), restore.astype(np.float32)
