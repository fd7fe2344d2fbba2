"""Another head from a head: an affine map and a smooth elastic displacement."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from keras import ops

from .separable import along_axes, spline_matrix

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Deformation", "apply_deformation", "sample_deformation"]


@dataclass(frozen=True)
class Deformation:
    """Where each point of an image comes from.

    Parameters
    ----------
    matrix : (3, 3) float64 array
        Image offset from its centre to offset in the head, mm to mm. A
        negative determinant mirrors left and right.
    centre_vox : (3,) float64 array
        Point of the label map (1 mm voxels) at the image's centre.
    displacements_mm : tuple of (3, A, B, C) float32 arrays
        Control points of cubic B-spline fields over the image, each of another
        grain, that are added.
    """

    matrix: "NDArray[np.float64]"
    centre_vox: "NDArray[np.float64]"
    displacements_mm: "tuple[NDArray[np.float32], ...]"


def sample_deformation(
    rng: np.random.Generator,
    centre_vox: "NDArray[np.float64]",
    extent_mm: tuple[float, float, float],
    *,
    strength: float = 1.0,
) -> Deformation:
    """Draw a deformation.

    Ranges after SynthSeg: rotations up to 15 degrees, scaling up to 15 %,
    shearing up to 2 %, and a displacement of up to 4 mm standard deviation at
    control points 32 mm apart plus up to 1.5 mm at 16 mm, which cannot fold.

    Parameters
    ----------
    rng : Generator
    centre_vox : (3,) array
        Point of the label map at the image's centre.
    extent_mm : tuple of 3 float
        Sides of the image.
    strength : float
        Factor on all ranges; 0 only flips.

    Returns
    -------
    Deformation
        Mirrored left to right with probability one half.
    """
    turns = [_turn(axis, a) for axis, a in enumerate(rng.uniform(-15, 15, 3) * strength)]
    shears = np.eye(3)
    shears[np.triu_indices(3, 1)] = rng.uniform(-0.02, 0.02, 3) * strength
    scales = np.diag(np.exp(rng.uniform(-0.15, 0.15, 3) * strength))
    flip = np.diag([-1.0 if rng.random() < 0.5 else 1.0, 1.0, 1.0])
    matrix = turns[0] @ turns[1] @ turns[2] @ shears @ scales @ flip
    displacements = []
    for spacing_mm, largest_mm in ((32.0, 4.0), (16.0, 1.5)):
        controls = tuple(max(4, round(side / spacing_mm) + 3) for side in extent_mm)
        deviation = rng.uniform(0, largest_mm) * strength
        field = rng.standard_normal((3, *controls), dtype=np.float32) * deviation
        displacements.append(field.astype(np.float32))
    return Deformation(matrix, np.asarray(centre_vox, np.float64), tuple(displacements))


def _turn(axis: int, degrees: float) -> "NDArray[np.float64]":
    i, j = (a for a in range(3) if a != axis)
    angle = np.deg2rad(degrees)
    turn = np.eye(3)
    turn[i, i] = turn[j, j] = np.cos(angle)
    turn[i, j], turn[j, i] = -np.sin(angle), np.sin(angle)
    return turn


def apply_deformation(
    tissues: Any, deformation: Deformation, shape: tuple[int, int, int], voxel_mm: float
) -> Any:
    """Sample a label map where a deformation says, nearest neighbour.

    Parameters
    ----------
    tissues : (X, Y, Z) uint8 tensor
        1 mm voxels, with a border of zeros on every side.
    deformation : Deformation
    shape : tuple of 3 int
        Of the image.
    voxel_mm : float
        Its voxels' sides.

    Returns
    -------
    (*shape) int32 tensor
        0 outside the map.
    """
    axes = [
        ops.cast((np.arange(n) - (n - 1) / 2) * voxel_mm, "float32") for n in shape
    ]  # mm from the image's centre
    x, y, z = (
        ops.reshape(axis, [-1 if i == k else 1 for i in range(3)]) for k, axis in enumerate(axes)
    )
    index: Any = 0
    for k, side in enumerate(tissues.shape):
        row, centre = deformation.matrix[k], deformation.centre_vox[k]
        place = (float(row[0]) * x + (float(centre) + 0.5)) + (
            float(row[1]) * y + float(row[2]) * z
        )
        for field in deformation.displacements_mm:
            splines = [spline_matrix(n, m) for n, m in zip(shape, field.shape[1:], strict=True)]
            place = place + along_axes(ops.convert_to_tensor(field[k]), splines)
        place = ops.cast(ops.clip(place, 0.0, float(side) - 0.5), "int32")  # floor of place + 1/2
        index = index * side + place
    return ops.cast(ops.take(ops.reshape(tissues, (-1,)), index), "int32")
