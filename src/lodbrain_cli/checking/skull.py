"""What was taken away from a head before: its skull, its face.

Both show only where masked air has one value; scanned air is noise.
"""

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from .findings import Finding, Verdict
from .outline import Outline
from .thresholds import (
    BRIGHT_SHARE,
    FACE_CUT_MM2,
    HEAD_ML_STRIPPED,
    MASKED_AIR_SHARE,
    SKULL_DIP,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["face_finding", "skull_finding"]

_DEPTHS_MM = np.arange(2.0, 22.0, 2.0)
_AWAY_STEPS = 2  # coarse voxels around the head that are neither head nor air
_BEFORE_MM, _ABOVE_MM = 20.0, 30.0  # the face: this far before the centre, at most this above


def skull_finding(outline: Outline) -> Finding:
    """Look for the dark shell of the skull below the surface.

    Parameters
    ----------
    outline : Outline
    """
    air = ~ndimage.binary_dilation(outline.inside, iterations=_AWAY_STEPS)
    masked = float(np.mean(outline.coarse[air] == np.float32(outline.common))) if air.any() else 0.0
    values = {"masked_air_share": round(masked, 3), "volume_ml": round(outline.volume_ml)}
    if masked < MASKED_AIR_SHARE:
        return Finding("skull", Verdict.OK, "there: the air around the head holds signal", values)
    if outline.volume_ml > HEAD_ML_STRIPPED:
        return Finding("skull", Verdict.OK, "there: larger than a brain", values)
    profile = _profile(outline)
    if profile is None:
        return Finding("skull", Verdict.UNKNOWN, "cannot be told: no surface to look at", values)
    dip = float((np.maximum.accumulate(profile) - profile).max())
    values["skull_dip"] = round(dip, 3)
    if dip > SKULL_DIP:
        return Finding("skull", Verdict.OK, "there: a dark shell around the brain", values)
    text = "skull-stripped: the weights know heads with their skull; give the whole head"
    return Finding("skull", Verdict.WARN, text, values)


def _profile(outline: Outline) -> "NDArray[np.float64] | None":
    """(N,) median brightness at depths below the upper surface, relative to the core's."""
    near = outline.close_up
    bright = near.image > outline.threshold - outline.air
    # The surface of what is bright; holes are those of the outline, below its own surface.
    deep = ndimage.binary_erosion(near.inside, iterations=_AWAY_STEPS)
    depth_mm = ndimage.distance_transform_edt((bright & near.inside) | deep) * 2
    above = near.offsets_mm[1] < 0
    shells = [above & (depth_mm > d - 0.5) & (depth_mm <= d + 1.5) for d in _DEPTHS_MM]
    if not all(shell.any() for shell in shells):
        return None
    middle = np.median(outline.core)
    return np.array([np.median(near.image[shell]) for shell in shells]) / middle


def face_finding(outline: Outline, *, stripped: bool) -> Finding:
    """Look for a cut through tissue before and below the brain.

    Skin fades into the air over a voxel or two; where a face was cut off, bright
    tissue lies beside air of one value. Defacing leaves the brain alone, so it
    never warns.

    Parameters
    ----------
    outline : Outline
    stripped : bool
        Whether the skull was removed, and the face with it.
    """
    if stripped:
        return Finding("face", Verdict.OK, "removed with the skull")
    area = _cut_mm2(outline)
    values = {"cut_mm2": area}
    if area < FACE_CUT_MM2:
        return Finding("face", Verdict.OK, "no cut is seen", values)
    text = f"removed (defaced): a cut of {area / 100:.0f} cm2"
    return Finding("face", Verdict.OK, text, values)


def _cut_mm2(outline: Outline) -> int:
    """Area before and below the brain where bright tissue lies beside masked air."""
    _, below, before = outline.field
    top = max(below.start, int(outline.centre[1] - _ABOVE_MM))
    front = max(before.start, int(outline.centre[2] + _BEFORE_MM))
    part = outline.image[outline.field[0], top : below.stop, front : before.stop]
    masked = part == np.float32(outline.common)
    middle = float(np.median(outline.core))
    bright = part > outline.air + BRIGHT_SHARE * middle
    cut = np.zeros(part.shape, bool)
    for axis in range(3):
        air, tissue, found = (np.moveaxis(a, axis, 0) for a in (masked, bright, cut))
        found[2:] |= air[:-2] & tissue[2:]
        found[:-2] |= tissue[:-2] & air[2:]
    return int(np.count_nonzero(cut))
