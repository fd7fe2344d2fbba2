"""The part of the conformed volume that a network native to the brain's box is given.

A network whose group statistics are those of a box must be trained and run on
boxes of one kind, so this is the one place that says what the box is.
"""

from collections.abc import Sequence

__all__ = ["MARGIN_MM", "STEP_MM", "extent_around", "extent_sides"]

#: Least distance from the brain to the box's sides.
MARGIN_MM = 8

#: Sides are multiples of it: few shapes to compile, and every network's alignment.
STEP_MM = 16


def extent_sides(brain_mm: Sequence[int]) -> tuple[int, int, int]:
    """Sides of the box around a brain of these sides, in mm."""
    first, second, third = (-(-(n + 2 * MARGIN_MM) // STEP_MM) * STEP_MM for n in brain_mm)
    return first, second, third


def extent_around(brain: tuple[slice, ...], shape: Sequence[int]) -> tuple[slice, slice, slice]:
    """Box around a brain, with its margin where the volume goes so far.

    Parameters
    ----------
    brain : tuple of 3 slice
        Voxels of 1 mm from the first to the last of the brain.
    shape : tuple of 3 int
        Of the volume, multiples of :data:`STEP_MM`.

    Returns
    -------
    tuple of 3 slice
        The brain lies in the middle, or nearer to a side where that is the volume's.
    """
    sides = extent_sides([s.stop - s.start for s in brain])
    box = []
    for found, side, whole in zip(brain, sides, shape, strict=True):
        side = min(side, whole)
        begin = (found.start + found.stop - side) // 2
        begin = max(0, min(begin, whole - side))
        box.append(slice(begin, begin + side))
    first, second, third = box
    return first, second, third
