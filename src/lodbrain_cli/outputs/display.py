"""A scan and its labels as they are looked at: cropped to the head, 8 bits, nearly RAS+.

Axes are only reordered and flipped, never resampled: what is seen are the voxels of the
results. On an oblique scan the planes are therefore those of the scan.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
from nibabel.affines import voxel_sizes

from ..labels import LabelSet
from .palette import picture_colors

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Display", "Overlay", "make_display"]

_MARGIN_MM = 6.0
# A voxel of the head is brighter than this share of the brain's median, above the darkest.
_HEAD = 0.2
# A slice with fewer such voxels shows no head.
_FEWEST = 0.004
_STEP = 2  # voxels; the outline of a head needs no more
_ENDS = (0.05, 99.95)  # percentiles that 0 and 255 stand for
_WINDOW = (1.0, 99.7)  # of what is shown first


@dataclass(frozen=True, eq=False)
class Overlay:
    """Labels over a scan.

    Parameters
    ----------
    name : str
        Who made them.
    labels : (X, Y, Z) uint8 array
    label_set : LabelSet
    """

    name: str
    labels: "NDArray[np.uint8]"
    label_set: LabelSet

    @property
    def colors(self) -> tuple[str, ...]:
        """Of the structures, ``#rrggbb``."""
        return picture_colors(self.label_set)


@dataclass(frozen=True, eq=False)
class Display:
    """What is drawn.

    Parameters
    ----------
    name : str
        Of the scan.
    image : (X, Y, Z) uint8 array
        Intensities; axes point to right, anterior, superior, or nearly so.
    overlays : tuple of Overlay
        On the same grid; the first is the result.
    affine : (4, 4) float64 array
        Voxel index to world, RAS+ mm.
    intensity : tuple of 2 float
        What 0 and 255 stand for.
    window : tuple of 2 float
        Intensities that are shown black and white.
    probability : (X, Y, Z) uint8 array, optional
        On the same grid; 255 stands for 1. Pictures show it in place of the first overlay,
        which tells where it is 0.5 and more.
    """

    name: str
    image: "NDArray[np.uint8]"
    overlays: tuple[Overlay, ...]
    affine: "NDArray[np.float64]"
    intensity: tuple[float, float]
    window: tuple[float, float]
    probability: "NDArray[np.uint8] | None" = None

    @property
    def voxel_size_mm(self) -> "NDArray[np.float64]":
        """(3,) voxel sides in mm."""
        sizes: NDArray[np.float64] = voxel_sizes(self.affine)
        return sizes

    @property
    def tilt_degrees(self) -> float:
        """Largest angle between a voxel axis and the axis of the scanner that it is named after."""
        cosines = np.diag(self.affine[:3, :3]) / self.voxel_size_mm
        return float(np.rad2deg(np.arccos(np.clip(cosines, -1, 1))).max())


def make_display(
    name: str,
    image: "NDArray[np.float32]",
    affine: "NDArray[np.float64]",
    overlays: Sequence[Overlay],
    probability: "NDArray[np.float32] | None" = None,
) -> Display:
    """Reorder, crop and scale a scan with its labels.

    Parameters
    ----------
    name : str
    image : (X, Y, Z) float32 array
        Intensities, finite.
    affine : (4, 4) float64 array
        Voxel index to world, RAS+ mm.
    overlays : sequence of Overlay
        At least one, on the grid of the image.
    probability : (X, Y, Z) float32 array, optional
        0 to 1, on the same grid.
    """
    turn = nib.io_orientation(affine)
    affine = affine @ nib.orientations.inv_ornt_aff(turn, image.shape)
    image = nib.apply_orientation(image, turn)
    turned = [nib.apply_orientation(each.labels, turn) for each in overlays]
    box = _head_box(image, turned, voxel_sizes(affine))
    shown = image[box]
    low, high, *window = (float(v) for v in np.percentile(shown[::2, ::2, ::2], _ENDS + _WINDOW))
    if not high > low:
        low, high = float(shown.min()), float(shown.max())
        window = [low, high]
    span = (high - low) or 1.0
    grey = np.empty(shown.shape, np.uint8)
    for k in range(shown.shape[2]):  # slice by slice: a scan of 0.5 mm is a gigabyte
        scaled = (shown[:, :, k] - low) * np.float32(255 / span)
        grey[:, :, k] = np.rint(np.clip(scaled, 0, 255))
    moved = affine.copy()
    moved[:3, 3] += affine[:3, :3] @ [part.start for part in box]
    return Display(
        name,
        grey,
        tuple(
            Overlay(each.name, np.ascontiguousarray(labels[box]), each.label_set)
            for each, labels in zip(overlays, turned, strict=True)
        ),
        moved,
        (low, low + span),
        (window[0], max(window[1], window[0] + span / 255)),
        None if probability is None else _in_bytes(nib.apply_orientation(probability, turn)[box]),
    )


def _in_bytes(probability: "NDArray[np.float32]") -> "NDArray[np.uint8]":
    scaled: NDArray[np.uint8] = np.rint(np.clip(probability, 0, 1) * 255).astype(np.uint8)
    return scaled


def _head_box(
    image: "NDArray[np.float32]",
    labels: "Sequence[NDArray[np.uint8]]",
    sides_mm: "NDArray[np.float64]",
) -> tuple[slice, ...]:
    """Box around the head and all labels, with a margin; everything where there is no head."""
    coarse = image[::_STEP, ::_STEP, ::_STEP]
    inside = np.logical_or.reduce([each[::_STEP, ::_STEP, ::_STEP] > 0 for each in labels])
    darkest = np.percentile(coarse, 1)
    typical = np.median(coarse[inside]) if inside.any() else np.percentile(coarse, 95)
    head = coarse > darkest + _HEAD * (typical - darkest)
    box = []
    for axis, count in enumerate(image.shape):
        others: Any = tuple(i for i in range(3) if i != axis)
        filled = (head.mean(axis=others) > _FEWEST) | inside.any(axis=others)
        places = np.flatnonzero(filled) * _STEP
        if len(places) == 0:
            places = np.array([0, count - 1])
        margin = int(np.ceil(_MARGIN_MM / sides_mm[axis])) + _STEP
        box.append(slice(max(0, int(places[0]) - margin), min(count, int(places[-1]) + margin + 1)))
    return tuple(box)
