"""Heads of younger people from those of older ones: narrower ventricles."""

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from ..imaging.components import bounding_box, grown
from .heads import brain_tissues
from .tissues import TISSUES

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["narrow_ventricles"]

_NAMES = ("ventricles", "choroid plexus")


def narrow_ventricles(tissues: "NDArray[np.uint8]", kept: float) -> "NDArray[np.uint8]":
    """Let the brain around the ventricles grow into them.

    No deformation of :mod:`.deformation` makes the ventricles of a young adult
    (8 ml, say) out of those of the label maps (31 to 45 ml on average): what is
    smooth over 16 mm changes them as much as all that lies beside.

    Parameters
    ----------
    tissues : (X, Y, Z) uint8 array
        Index into :data:`.tissues.TISSUES`, voxels of 1 mm.
    kept : float
        Share of the ventricles' volume that is to be left, at least; above 0, up to 1.

    Returns
    -------
    (X, Y, Z) uint8 array
        A copy: the voxels of ventricles that lie nearest to the rest of the brain are of
        the tissue that is nearest there.
    """
    wanted = [t.name in _NAMES for t in TISSUES]
    fluid = np.array(wanted)[tissues]
    found = bounding_box(fluid)
    narrowed = tissues.copy()
    if found is None:
        return narrowed
    box = grown(found, 1, tissues.shape)
    part = narrowed[box]  # a view
    around = (brain_tissues() & ~np.array(wanted))[part]
    if not around.any():
        return narrowed
    distance, nearest = ndimage.distance_transform_edt(~around, return_indices=True)
    filled = fluid[box] & (distance < np.quantile(distance[fluid[box]], 1 - kept))
    part[filled] = part[tuple(axis[filled] for axis in nearest)]
    return narrowed
