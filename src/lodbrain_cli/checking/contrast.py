"""Whether the contrast is that of a T1w image: two orders of intensities, no atlas.

In T1w what is extreme in the middle of a head is dark (fluid), in T2w and in
inverted images it is bright. And in T1w tissue deep below the brain's surface
(white matter) is brighter than the cortex; in FLAIR, PD and T2w it is not.
Both are relative and local, so that a receive field matters little.
"""

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from ..imaging.components import bounding_box
from ..imaging.resample import mean_pooled
from .findings import Finding, Verdict
from .outline import Outline
from .thresholds import (
    DARK_TO_BRIGHT_TAIL,
    DARK_TO_BRIGHT_TAIL_SURE,
    DEEP_TO_CORTEX,
    DEEP_TO_CORTEX_SURE,
    DEEP_TO_CORTEX_UNSURE,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["contrast_finding"]

_TISSUE = 0.6  # of the core's median: below is fluid, bone and air
_EROSION_STEPS = 2  # of 2 mm: parts brain from scalp
_FIELD_MM = 16.0  # standard deviation of the mean that takes the receive field out
_CORTEX_MM, _DEEP_MM = (2.5, 4.1), 8.1
_FEWEST = 200  # voxels of 2 mm, for a median to mean something
_REACH = 1.15  # of the ball's radius: where brain may be


def contrast_finding(outline: Outline, *, noisy: bool) -> Finding:
    """Compare fluid with tissue, and deep tissue with the cortex.

    Parameters
    ----------
    outline : Outline
    noisy : bool
        Whether noise hides the difference between grey and white matter.
    """
    low, middle, high = np.percentile(outline.core, [10, 50, 90])
    tail = float((middle - low) / (high - middle)) if high > middle else None
    order = _deep_to_cortex(outline, float(middle))
    values = {
        "dark_to_bright_tail": None if tail is None else round(tail, 3),
        "deep_to_cortex": None if order is None else round(order, 3),
    }
    bright_fluid = tail is not None and tail < DARK_TO_BRIGHT_TAIL
    if bright_fluid and order is not None and order > DEEP_TO_CORTEX_SURE:
        # A receive field that is bright in the middle makes a tail as fluid does.
        bright_fluid = tail is not None and tail < DARK_TO_BRIGHT_TAIL_SURE
        if not bright_fluid:
            text = "uneven brightness, or fluid is bright: T1w or not cannot be told"
            return Finding("contrast", Verdict.UNKNOWN, text, values)
    if bright_fluid:
        text = "not T1w-like: fluid is bright (T2w, or inverted?); labels will be wrong"
        return Finding("contrast", Verdict.WARN, text, values)
    if tail is None or order is None:
        return Finding("contrast", Verdict.UNKNOWN, "cannot be told", values)
    if noisy and order < DEEP_TO_CORTEX_UNSURE:
        return Finding("contrast", Verdict.UNKNOWN, "cannot be told: too noisy", values)
    if order < DEEP_TO_CORTEX:
        text = (
            "not T1w-like: white matter is not brighter than grey matter (FLAIR, PD, T2w or an "
            "infant?); labels will be wrong"
        )
        return Finding("contrast", Verdict.WARN, text, values)
    if order < DEEP_TO_CORTEX_UNSURE:
        text = "white matter is hardly brighter than grey matter: T1w or not cannot be told"
        return Finding("contrast", Verdict.UNKNOWN, text, values)
    return Finding("contrast", Verdict.OK, "T1w-like", values)


def _deep_to_cortex(outline: Outline, median: float) -> float | None:
    """Brightness well below the surface of tissue over that of the cortex' depth."""
    near = outline.close_up
    tissue = (near.image > _TISSUE * median) & (near.distance_mm < _REACH * outline.radius_mm)
    pieces, count = ndimage.label(ndimage.binary_erosion(tissue, iterations=_EROSION_STEPS))
    if count == 0:
        return None
    sizes = np.bincount(pieces[near.distance_mm < outline.radius_mm / 2], minlength=count + 1)
    sizes[0] = 0
    brain = ndimage.binary_dilation(pieces == sizes.argmax(), iterations=_EROSION_STEPS) & tissue
    box = bounding_box(brain)
    if box is None:
        return None
    brain, image = brain[box], near.image[box]
    depth_mm = ndimage.distance_transform_edt(np.pad(brain, 1))[1:-1, 1:-1, 1:-1] * 2
    cortex = (depth_mm >= _CORTEX_MM[0]) & (depth_mm < _CORTEX_MM[1])
    deep = depth_mm >= _DEEP_MM
    if min(np.count_nonzero(cortex), np.count_nonzero(deep)) < _FEWEST:
        return None
    relative = image / _receive_field(image, brain)
    return float(np.median(relative[deep]) / np.median(relative[cortex]))


def _receive_field(
    image: "NDArray[np.float32]", mask: "NDArray[np.bool_]"
) -> "NDArray[np.float32]":
    """Local mean of an image within a mask, as if there were nothing else; same shape."""
    step, sigma = 2, _FIELD_MM / 4  # smooth enough for voxels of 4 mm
    padding = [(0, -n % step) for n in image.shape]
    held = np.pad(np.where(mask, image, np.float32(0)), padding)
    weight = np.pad(mask.astype(np.float32), padding)
    smooth, share = (
        ndimage.gaussian_filter(mean_pooled(volume, step), sigma) for volume in (held, weight)
    )
    mean = np.maximum(smooth, 1e-6) / np.maximum(share, 1e-3)
    for axis, side in enumerate(image.shape):
        mean = np.repeat(mean, step, axis)
        mean = np.take(mean, np.arange(side), axis)
    result: NDArray[np.float32] = mean
    return result
