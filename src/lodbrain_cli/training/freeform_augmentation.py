"""Changes of shape that no axis leads: any turn, and elastic deformation.

``sample_*`` and ``apply_*`` as in :mod:`.spatial_augmentation`.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from ..imaging.rotation import turn_matrix
from .separable import spline_matrix

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["apply_elastic", "apply_rigid", "sample_elastic", "sample_rigid"]

Parameters = dict[str, Any]
Pair = tuple["NDArray[np.float32]", "NDArray[Any]"]


def sample_rigid(rng: np.random.Generator, shape: tuple[int, ...]) -> Parameters:
    """Any turn about the three axes, and up to 5 % of each side to move (SPEC C.2)."""
    moved = rng.uniform(-0.05, 0.05, 3) * shape
    return {"turn": rng.uniform(-np.pi, np.pi, 3).tolist(), "voxels": moved.tolist()}


def apply_rigid(
    image: "NDArray[np.float32]",
    labels: "NDArray[Any]",
    *,
    turn: list[float],
    voxels: list[float],
) -> Pair:
    """Turn about the centre, then move; the lowest value comes in from outside."""
    matrix = turn_matrix(turn)
    centre = (np.array(image.shape) - 1) / 2
    offset = centre - matrix @ (centre + np.array(voxels))
    options: dict[str, Any] = {"offset": offset, "mode": "constant"}
    moved = ndimage.affine_transform(image, matrix, order=1, cval=float(image.min()), **options)
    return moved, ndimage.affine_transform(labels, matrix, order=0, cval=0, **options)


def sample_elastic(rng: np.random.Generator, _shape: tuple[int, ...]) -> Parameters:
    """Displacements of 4 or 5 control points a side, of 2 or 3 voxels each way.

    CEREBRUM-7T has 3 or 4 (SPEC D.3); a cubic spline needs 4.
    """
    points, sigma = int(rng.integers(4, 6)), float(rng.integers(2, 4))
    return {"voxels": rng.normal(0, sigma, (3, points, points, points)).tolist()}


def apply_elastic(
    image: "NDArray[np.float32]", labels: "NDArray[Any]", *, voxels: list[Any]
) -> Pair:
    """Pull at control points, with splines between them; what lies outside is mirrored."""
    fields = np.asarray(voxels, np.float32)
    places = np.indices(image.shape, np.float32)
    splines = [spline_matrix(side, fields.shape[1]) for side in image.shape]
    for axis, control in enumerate(fields):
        places[axis] += np.einsum("abc,xa,yb,zc->xyz", control, *splines, optimize=True)
    moved = ndimage.map_coordinates(image, places, order=1, mode="mirror")
    return moved, ndimage.map_coordinates(labels, places, order=0, mode="mirror")
