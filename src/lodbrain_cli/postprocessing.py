"""From class probabilities to labels: the LOD-Brain authors' cleaning (SPEC A.7 a-e)."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from .imaging.components import bounding_box, grown, largest_component
from .imaging.conform import ConformedGrid
from .imaging.probability_maps import ProbabilityMaps
from .labels import LabelSet

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["Cleaning", "clean_probabilities", "label_volume", "labels_on", "most_probable"]

_SIGMA_VOX = 0.5
_RADIUS_VOX = 2  # SciPy's own: four standard deviations
_THRESHOLD = 0.25


@dataclass(frozen=True)
class Cleaning:
    """What post-processing did.

    Parameters
    ----------
    zeroed_voxels : dict of int to int
        Per label, voxels whose probability was set to 0 for lying outside the
        label's largest component (step b).
    removed_voxels : int
        Voxels labelled as brain before and as background after steps c to e.
    """

    zeroed_voxels: dict[int, int] = field(default_factory=dict)
    removed_voxels: int = 0

    def by_name(self, label_set: LabelSet) -> dict[str, Any]:
        """JSON-ready values, labels by their names."""
        zeroed = {label_set.labels[i].name: n for i, n in self.zeroed_voxels.items()}
        return {"zeroed_voxels": zeroed, "removed_voxels": self.removed_voxels}


def clean_probabilities(
    maps: ProbabilityMaps, label_set: LabelSet
) -> tuple[ProbabilityMaps, Cleaning]:
    """Smooth, keep one piece per structure, clear outside the brain.

    a. Gaussian smoothing of each map, sigma 0.5 voxel, reflecting border.
    b. Where a one-piece label's probability exceeds 0.25 outside the largest
       6-connected component of such voxels, it becomes 0.
    c. The brain is the largest component of the labels above 0, less the
       voxels of one-piece labels outside their own largest component. (All of
       them where the label set does not cover the brain: lesions are many.)
    d. Outside the brain all probabilities become 0, except that
    e. the smoothed background probability stands everywhere.

    The labels are the most probable classes of the result. Probabilities are
    not normalised again: outside the brain only the background is left, and
    where step b struck they sum to less than 1.

    Parameters
    ----------
    maps : ProbabilityMaps
        On the conformed grid (1 mm); changed in place.
    label_set : LabelSet
        Names the one-piece labels.

    Returns
    -------
    maps : ProbabilityMaps
        The same, or with a larger box where smoothing needs it.
    cleaning : Cleaning
    """
    maps = maps.with_margin(2 * _RADIUS_VOX)
    background, others = maps.values[0], maps.values[1:]
    box = _undecided_box(background)
    if background.size:
        _smooth(background)
    if box is None:
        others[:] = 0.0
        return maps, Cleaning(dict.fromkeys(label_set.one_piece_probability, 0), 0)
    for channel in others:
        near = channel[box].copy()
        _smooth(near)
        channel[:] = 0.0
        channel[box] = near
    undecided = maps.values[(slice(None), *box)]
    zeroed = {i: _keep_largest_piece(undecided[i]) for i in label_set.one_piece_probability}
    labels = most_probable(undecided)
    brain = _brain(labels, label_set)
    removed = int(np.count_nonzero(labels[~brain]))
    undecided[1:] *= brain
    return maps, Cleaning(zeroed, removed)


def most_probable(channels: "Iterable[NDArray[np.float32]]") -> "NDArray[np.uint8]":
    """Label of the highest probability; of equals, the lowest index.

    Parameters
    ----------
    channels : iterable of (D, H, W) float32 array
        Probability of each class in turn: an array (C, D, H, W), or a
        generator where all of them at once would not fit in memory.

    Returns
    -------
    (D, H, W) uint8 array
    """
    remaining = iter(channels)
    best = next(remaining).copy()
    labels = np.zeros(best.shape, np.uint8)
    for index, channel in enumerate(remaining, start=1):
        better = channel > best
        labels[better] = index
        np.maximum(best, channel, out=best)
    return labels


def label_volume(maps: ProbabilityMaps) -> "NDArray[np.uint8]":
    """(D, H, W) uint8: the most probable class of each voxel."""
    labels = np.zeros(maps.shape, np.uint8)
    labels[maps.box] = most_probable(maps.values)
    return labels


def labels_on(maps: ProbabilityMaps, way: ConformedGrid) -> "NDArray[np.uint8]":
    """Labels on the grid that a way leads to.

    Each class is resampled where anything but background can come out, and
    the highest taken: between voxels that are all background, linear
    interpolation gives background.

    Parameters
    ----------
    maps : ProbabilityMaps
    way : ConformedGrid
        From the grid of the maps.

    Returns
    -------
    (*way.native_shape) uint8 array
    """
    labels = np.zeros(way.native_shape, np.uint8)
    found = bounding_box(label_volume(maps) > 0)
    if found is not None:
        box = way.native_box(grown(found, 1, maps.shape))
        labels[box] = most_probable(
            way.to_native(values, maps.outside(index), box, maps.origin)
            for index, values in enumerate(maps.values)
        )
    return labels


def _undecided_box(background: "NDArray[np.float32]") -> "tuple[slice, ...] | None":
    """Box outside which no step can make anything but background.

    Where the background has 0.75 or more, every other class has the threshold
    or less, before and after smoothing; so such voxels are in no component
    and have the label 0. The margin is that of the smoothing, twice: what is
    smoothed at the box's border lies in such voxels too.
    """
    box = bounding_box(background < 1 - _THRESHOLD)
    return None if box is None else grown(box, 2 * _RADIUS_VOX, background.shape)


def _smooth(channel: "NDArray[np.float32]") -> None:
    # mode "reflect" is (d c b a | a b c d): what the authors' default was
    ndimage.gaussian_filter(channel, _SIGMA_VOX, output=channel, mode="reflect", radius=_RADIUS_VOX)


def _keep_largest_piece(channel: "NDArray[np.float32]") -> int:
    likely = channel > _THRESHOLD
    stray = likely & ~largest_component(likely)
    channel[stray] = 0.0
    return int(np.count_nonzero(stray))


def _brain(labels: "NDArray[np.uint8]", label_set: LabelSet) -> "NDArray[np.bool_]":
    found = labels > 0
    brain = largest_component(found) if label_set.covers_brain else found
    for index in label_set.one_piece_label:
        structure = labels == index
        brain &= ~structure | largest_component(structure)
    return brain
