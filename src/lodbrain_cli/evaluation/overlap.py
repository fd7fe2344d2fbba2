"""Overlap of two label images: Dice and Jaccard, of all classes from one table of counts."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Overlap", "count_overlap", "dice_scores"]


@dataclass(frozen=True, eq=False)
class Overlap:
    """Voxels of each class but background, in two label images and in both.

    Parameters
    ----------
    shared, voxels, reference_voxels : (num_classes - 1,) int64 arrays
        In both, in the labels, in the reference.
    """

    shared: "NDArray[np.int64]"
    voxels: "NDArray[np.int64]"
    reference_voxels: "NDArray[np.int64]"

    @property
    def dice(self) -> "NDArray[np.float64]":
        """2 |A and B| / (|A| + |B|); 0 where a class is in one only, NaN where in neither."""
        return _ratio(2 * self.shared, self.voxels + self.reference_voxels)

    @property
    def jaccard(self) -> "NDArray[np.float64]":
        """|A and B| / |A or B|; 0 where a class is in one only, NaN where in neither."""
        return _ratio(self.shared, self.voxels + self.reference_voxels - self.shared)


def count_overlap(
    labels: "NDArray[np.integer[Any]]", reference: "NDArray[np.integer[Any]]", num_classes: int
) -> Overlap:
    """Count the voxels of each class in two label images of one grid.

    Parameters
    ----------
    labels, reference : integer arrays of one shape
        Labels from 0 = background to `num_classes` - 1.
    num_classes : int
        Background included.

    Raises
    ------
    ValueError
        When the shapes differ or a label is outside that range.
    """
    if labels.shape != reference.shape:
        msg = f"label images of one shape expected; received {labels.shape} and {reference.shape}"
        raise ValueError(msg)
    for image in (labels, reference):
        if image.size and not 0 <= image.min() <= image.max() < num_classes:
            msg = f"labels from 0 to {num_classes - 1} expected; received {image.max()}"
            raise ValueError(msg)
    table = np.zeros(num_classes**2, np.int64)
    # Plane by plane: the pairs of labels need eight bytes a voxel.
    for ours, theirs in zip(labels, reference, strict=True):
        both = np.ravel(ours).astype(np.intp) * num_classes + np.ravel(theirs)
        table += np.bincount(both, minlength=num_classes**2)
    square = table.reshape(num_classes, num_classes)
    return Overlap(square.diagonal()[1:].copy(), square.sum(axis=1)[1:], square.sum(axis=0)[1:])


def dice_scores(
    labels: "NDArray[np.integer[Any]]", reference: "NDArray[np.integer[Any]]", num_classes: int
) -> "NDArray[np.float64]":
    """Dice coefficient of each class but background.

    Parameters
    ----------
    labels, reference : integer arrays of one shape
        Labels from 0 = background to `num_classes` - 1.
    num_classes : int
        Background included.

    Returns
    -------
    (num_classes - 1,) float64 array
        0 where a class is in one only, NaN where it is in neither.

    Raises
    ------
    ValueError
        As :func:`count_overlap`.
    """
    return count_overlap(labels, reference, num_classes).dice


def _ratio(part: "NDArray[np.int64]", whole: "NDArray[np.int64]") -> "NDArray[np.float64]":
    return np.where(whole > 0, part / np.maximum(whole, 1), np.nan)
