"""Where protocols that see the same scan do not agree on the tissue."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from ..labels import LabelSet

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["disagreement", "names_tissues", "tissue_of_labels"]

_BACKGROUND, _GREY, _WHITE, _FLUID = range(4)
_UNKNOWN = 255

# Tissue of the numbers of the BIDS table of anatomical labels; brainstem, cerebellum and
# lesions are of several tissues.
_TISSUES: Mapping[int | None, int] = MappingProxyType(
    {0: _BACKGROUND, 1: _GREY, 8: _GREY, 9: _GREY, 2: _WHITE, 3: _FLUID}
)


def tissue_of_labels(label_set: LabelSet) -> "NDArray[np.uint8]":
    """Tissue of each label, by its ``mapping`` to the BIDS table.

    Returns
    -------
    (C,) uint8 array
        0 background, 1 grey matter, 2 white matter, 3 fluid, 255 where the
        label says nothing of it.
    """
    tissues = [_TISSUES.get(label.mapping, _UNKNOWN) for label in label_set.labels]
    tissues[0] = _BACKGROUND
    return np.array(tissues, np.uint8)


def names_tissues(label_set: LabelSet) -> bool:
    """Whether a label set says of any of its structures what tissue it is."""
    return bool((tissue_of_labels(label_set)[1:] != _UNKNOWN).any())


def disagreement(
    labels: "Sequence[NDArray[np.uint8]]", label_sets: Sequence[LabelSet]
) -> "NDArray[np.float32] | None":
    """Share of the pairs of protocols that name different tissues, at each voxel.

    Parameters
    ----------
    labels : sequence of (X, Y, Z) uint8 array
        Of each protocol, on one grid.
    label_sets : sequence of LabelSet

    Returns
    -------
    (X, Y, Z) float32 array or None
        0 where all agree, 1 where no two do; 0 too where fewer than two
        protocols say what the tissue is. None where fewer than two ever do.
    """
    if sum(names_tissues(label_set) for label_set in label_sets) < 2:
        return None
    tissues = [tissue_of_labels(s)[v] for v, s in zip(labels, label_sets, strict=True)]
    differ = np.zeros(tissues[0].shape, np.float32)
    compared = np.zeros(tissues[0].shape, np.float32)
    for first, second in combinations(tissues, 2):
        known = (first != _UNKNOWN) & (second != _UNKNOWN)
        compared += known
        differ += known & (first != second)
    return np.divide(differ, compared, out=differ, where=compared > 0)
