"""Heads to paint: label maps as tissues on the conformed grid."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from ..errors import InputError, UsageError
from ..imaging.components import bounding_box, largest_component
from ..labels import LabelMap, get_label_map
from .tissues import TISSUES, tissue_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Head", "brain_tissues", "head_of", "how_heads_are_made", "tissue_classes"]

_SCALP_MM = 5
_SOFT_TISSUE, _SKIN = (
    next(i for i, t in enumerate(TISSUES) if t.name == name) for name in ("soft tissue", "skin")
)


@dataclass(frozen=True, eq=False)
class Head:
    """One person's head.

    Parameters
    ----------
    subject : str
    tissues : (X, Y, Z) uint8 array
        Index into :data:`.tissues.TISSUES`, 1 mm, LIA, cropped to the head with
        a border of air.
    origin_vox : tuple of 3 int
        Conformed voxel of its first voxel.
    brain_vox : tuple of 3 (int, int)
        First and last voxel of the brain in `tissues`.
    """

    subject: str
    tissues: "NDArray[np.uint8]"
    origin_vox: tuple[int, int, int]
    brain_vox: tuple[tuple[int, int], ...]


def tissue_classes(label_map: LabelMap) -> "NDArray[np.uint8]":
    """Class that each tissue becomes.

    Parameters
    ----------
    label_map : LabelMap
        From FreeSurfer's or SynthSeg's numbers.

    Returns
    -------
    (T,) uint8 array

    Raises
    ------
    UsageError
        When parts of a tissue become different classes, as the two sides of one do.
    """
    classes = np.zeros(len(TISSUES), np.uint8)
    for index, tissue in enumerate(TISSUES):
        found = {label_map.reduce(n) for n in tissue.numbers if label_map.knows(n)}
        if len(found) > 1:
            msg = (
                f"label map {label_map.name!r} parts {tissue.name!r}, which synthesis paints as "
                "one: join its classes, or give images for all label maps"
            )
            raise UsageError(msg)
        classes[index] = found.pop() if found else 0
    return classes


def brain_tissues() -> "NDArray[np.bool_]":
    """(T,) whether a tissue is part of the brain, without the fluid around it."""
    return tissue_classes(get_label_map("synthseg")) > 0


def how_heads_are_made() -> str:
    """Everything but the label map that a head depends on; another text, other heads."""
    return repr((TISSUES, _SCALP_MM, tissue_classes(get_label_map("synthseg")).tolist()))


def head_of(numbers: "NDArray[np.int32]", subject: str) -> Head:
    """Turn a label map into a head.

    Where the map has one label for all soft tissue, its outermost 5 mm become
    skin, whose fat is bright in T1w.

    Parameters
    ----------
    numbers : (256, 256, 256) int32 array
        FreeSurfer's or SynthSeg's label numbers, conformed grid.
    subject : str

    Returns
    -------
    Head

    Raises
    ------
    InputError
        When a number is unknown, or there is no brain.
    """
    table = np.zeros(int(numbers.max()) + 1, np.uint8)
    for number in np.unique(numbers):
        tissue = tissue_of(int(number))
        if tissue is None:
            msg = (
                f"{subject}: label {number} is no number of FreeSurfer or SynthSeg; "
                "images can be synthesised from their label maps only"
            )
            raise InputError(msg)
        table[number] = tissue
    tissues = table[numbers]
    brain = bounding_box(brain_tissues()[tissues])
    box = bounding_box(tissues > 0)
    if brain is None or box is None:
        msg = f"{subject}: the label map holds no brain"
        raise InputError(msg)
    cropped = np.pad(tissues[box], 1)
    _add_skin(cropped)
    origin = tuple(s.start - 1 for s in box)
    extent = tuple((s.start - o, s.stop - 1 - o) for s, o in zip(brain, origin, strict=True))
    return Head(subject, cropped, origin, extent)


def _add_skin(tissues: "NDArray[np.uint8]") -> None:
    """Split skin off a map's single soft tissue, in place."""
    if not (tissues == _SOFT_TISSUE).any() or (tissues == _SKIN).any():
        return
    outside = largest_component(tissues == 0)
    near = ndimage.binary_dilation(outside, iterations=_SCALP_MM)
    tissues[near & (tissues == _SOFT_TISSUE)] = _SKIN
