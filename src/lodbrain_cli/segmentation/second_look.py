"""A second look at a scan, mirrored and moved a little: the answer should be the same."""

from typing import TYPE_CHECKING

import numpy as np

from ..evaluation.overlap import dice_scores
from ..imaging.probability_maps import ProbabilityMaps
from ..labels import LabelSet

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["second_look"]

# Voxels, to the back and down: no multiple of a network's stride, which would meet the same grid.
_SHIFT = 3


def second_look(
    predict: "Callable[[NDArray[np.float32]], ProbabilityMaps]",
    image: "NDArray[np.float32]",
    first: ProbabilityMaps,
    label_set: LabelSet,
) -> float:
    """Compare what a network says of an image with what it says of the image moved.

    Parameters
    ----------
    predict : callable
        Gives the maps of one label set for a (D, H, W) float32 image.
    image : (D, H, W) float32 array
        The network's input; left to right is its first axis.
    first : ProbabilityMaps
        What it said of that.
    label_set : LabelSet
        Sided structures change places in the mirror.

    Returns
    -------
    float
        Mean Dice of both answers over the structures that one of them has; 0
        where neither has any.
    """
    moved = np.full_like(image, image.flat[0])
    moved[:, _SHIFT:, _SHIFT:] = image[::-1, :-_SHIFT, :-_SHIFT]
    second = _labels(predict(moved))[::-1, _SHIFT:, _SHIFT:]
    back = np.array(label_set.mirrored, np.uint8)[second]
    seen = _labels(first)[:, :-_SHIFT, :-_SHIFT]
    scores = dice_scores(back, seen, label_set.num_classes)
    return float(np.nanmean(scores)) if not np.isnan(scores).all() else 0.0


def _labels(maps: ProbabilityMaps) -> "NDArray[np.uint8]":
    """(D, H, W) most probable label, on the network's own grid."""
    labels = np.zeros(maps.shape, np.uint8)
    if maps.values.size:
        labels[maps.box] = maps.values.argmax(axis=0)
    return labels
