"""Heads of younger people from those of older ones: narrower sulci."""

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from ..imaging.components import bounding_box, grown
from .heads import brain_tissues
from .tissues import TISSUES

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["narrow_sulci"]

_CORTEX, _FLUID = (
    next(i for i, t in enumerate(TISSUES) if t.name == name)
    for name in ("cerebral cortex", "cerebrospinal fluid")
)
# Where so much of a cube is brain, fluid lies between gyri and not upon them.
_CUBE_MM, _AMID = 11, 0.6


def narrow_sulci(tissues: "NDArray[np.uint8]", sides: int) -> "NDArray[np.uint8]":
    """Let the cortex grow by a voxel into the fluid of the sulci, and close none of them.

    The label maps are mostly of people with wide sulci; in a young adult's a voxel of
    1 mm holds cortex of both banks and the fluid between them, and is background still.

    Parameters
    ----------
    tissues : (X, Y, Z) uint8 array
        Index into :data:`.tissues.TISSUES`, voxels of 1 mm.
    sides : {0, 1, 2}
        Banks of each sulcus that grow.

    Returns
    -------
    (X, Y, Z) uint8 array
        A copy: between two banks a voxel of fluid is left; the ends of a fold may be
        filled.
    """
    narrowed = tissues.copy()
    brain = brain_tissues()[tissues]
    found = bounding_box(brain)
    if found is None:
        return narrowed
    box = grown(found, 1, tissues.shape)
    part = narrowed[box]  # a view
    density = ndimage.uniform_filter(brain[box].astype(np.float32), _CUBE_MM, mode="constant")
    sulci = (part == _FLUID) & (density > _AMID)
    for step in (1, -1)[:sides]:
        for axis in range(3):  # one after the other, each seeing what the one before did
            cortex = part == _CORTEX
            fluid = sulci & (part == _FLUID)
            part[fluid & _moved(cortex, axis, step) & ~_last_of_a_gap(cortex)] = _CORTEX
    return narrowed


def _last_of_a_gap(cortex: "NDArray[np.bool_]") -> "NDArray[np.bool_]":
    """Voxels with cortex on both sides along some axis."""
    last = np.zeros_like(cortex)
    for axis in range(3):
        last |= _moved(cortex, axis, 1) & _moved(cortex, axis, -1)
    return last


def _moved(mask: "NDArray[np.bool_]", axis: int, step: int) -> "NDArray[np.bool_]":
    """Shift a mask by one voxel; nothing comes in."""
    moved = np.zeros_like(mask)
    ends = (slice(1, None), slice(None, -1))
    to, origin = ends if step > 0 else ends[::-1]
    np.moveaxis(moved, axis, 0)[to] = np.moveaxis(mask, axis, 0)[origin]
    return moved
