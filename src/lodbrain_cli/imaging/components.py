"""Connected components of masks."""

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["bounding_box", "grown", "largest_component"]


def bounding_box(mask: "NDArray[np.bool_]") -> tuple[slice, ...] | None:
    """Slices of the smallest box that holds every true voxel; None when there is none."""
    box = []
    for axis in range(mask.ndim):
        others = tuple(i for i in range(mask.ndim) if i != axis)
        occupied = np.flatnonzero(mask.any(axis=others))
        if len(occupied) == 0:
            return None
        box.append(slice(int(occupied[0]), int(occupied[-1]) + 1))
    return tuple(box)


def grown(box: tuple[slice, ...], margin: int, shape: tuple[int, ...]) -> tuple[slice, ...]:
    """Enlarge a box by a margin on every side, as far as the volume goes."""
    return tuple(
        slice(max(0, s.start - margin), min(side, s.stop + margin))
        for s, side in zip(box, shape, strict=True)
    )


def largest_component(mask: "NDArray[np.bool_]") -> "NDArray[np.bool_]":
    """Largest 6-connected component of a mask; of equals, the first in C order.

    Parameters
    ----------
    mask : (X, Y, Z) bool array

    Returns
    -------
    (X, Y, Z) bool array
        All false when the mask is empty.
    """
    result = np.zeros_like(mask)
    box = bounding_box(mask)
    if box is None:
        return result
    components, _ = ndimage.label(mask[box])  # its default structure is 6-connected in 3-D
    sizes = np.bincount(components.ravel())
    sizes[0] = 0
    result[box] = components == sizes.argmax()
    return result
