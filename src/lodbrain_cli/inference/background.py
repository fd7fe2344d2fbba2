"""The constant part of a volume: computed once, on a small cube, and counted.

Conformed scans are padded, and many have a background of one value. Where all
that a voxel depends on has this value, the voxel's result depends only on how
near the volume's border is. A cube just large enough to hold every such
nearness stands for all of it, exactly.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..imaging.intensity import most_frequent
from .tiling import Box, Shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "GRAIN",
    "Background",
    "ConstantResponse",
    "any_in_cells",
    "dilated",
    "find_background",
]

#: Side, in voxels, of the cells in which masks are kept.
GRAIN = 2


@dataclass(frozen=True)
class Background:
    """Where an image has one and the same value.

    Parameters
    ----------
    value : float
    varied : (D / 2, H / 2, W / 2) bool array
        Cells of 2³ voxels that hold another value too.
    """

    value: float
    varied: "NDArray[np.bool_]"

    def reached(self, halo: int, cell: int) -> "NDArray[np.bool_]":
        """Cells with a voxel that has another value within `halo` voxels.

        Parameters
        ----------
        halo : int
            In voxels.
        cell : int
            Side of a cell in voxels, even.
        """
        return any_in_cells(dilated(self.varied, -(-halo // GRAIN)), cell // GRAIN)


def find_background(image: "NDArray[np.float32]") -> Background:
    """Find the value that most voxels of an image have.

    Parameters
    ----------
    image : (D, H, W) float32 array
    """
    value = most_frequent(image)
    return Background(value, any_in_cells(image != np.float32(value), GRAIN))


def any_in_cells(mask: "NDArray[np.bool_]", cell: int) -> "NDArray[np.bool_]":
    """Whether any voxel of each cell is True; the last cells may be smaller.

    Parameters
    ----------
    mask : (D, H, W) bool array
    cell : int

    Returns
    -------
    (ceil(D / cell), ceil(H / cell), ceil(W / cell)) bool array
    """
    missing = [(0, -side % cell) for side in mask.shape]
    if any(after for _, after in missing):
        mask = np.pad(mask, missing)
    for axis in range(3):
        line = np.moveaxis(mask, axis, 0)
        found = line[::cell].copy()
        for offset in range(1, cell):
            found |= line[offset::cell]
        mask = np.moveaxis(found, 0, axis)
    return mask


def dilated(cells: "NDArray[np.bool_]", steps: int) -> "NDArray[np.bool_]":
    """Cells and their neighbours (also across edges and corners), `steps` times."""
    for axis in range(3):
        line = np.moveaxis(cells, axis, 0)
        grown = line.copy()
        for step in range(1, min(steps, len(line) - 1) + 1):
            grown[step:] |= line[:-step]
            grown[:-step] |= line[step:]
        cells = np.moveaxis(grown, 0, axis)
    return cells


class ConstantResponse:
    """What a stage computes for an image of one value, for a volume of any size.

    Parameters
    ----------
    cube : (C, s, s, s) float32 array
        Its output for a cube of that value; s is at least twice its reach.
    sides : tuple of 3 int
        Of the volume's tensor, each at least s.
    """

    def __init__(self, cube: "NDArray[np.float32]", sides: Shape) -> None:
        small = cube.shape[1]
        half = small // 2
        self._cube = cube
        self._places = []
        for side in sides:
            place = np.arange(side)
            self._places.append(
                np.where(place < half, place, np.maximum(half, place - side + small))
            )

    def fill(self, result: "NDArray[np.float32]") -> None:
        """Write it into (C, D, H, W) `result`."""
        first, second, third = self._places
        for channel, cube in zip(result, self._cube, strict=True):
            channel[:] = cube[first][:, second][:, :, third]

    def moments(self, groups: int, apart_from: Iterable[Box]) -> "tuple[NDArray[np.float64], int]":
        """Moments of what lies outside disjoint boxes, and how many voxels that are.

        Parameters
        ----------
        groups : int
        apart_from : iterable of Box
            In voxels of the tensor.

        Returns
        -------
        moments : (2, groups) float64 array
        count : int
        """
        weights = self._counts([slice(0, len(place)) for place in self._places])
        for box in apart_from:
            weights -= self._counts(list(box))
        count = int(weights.sum())
        values = self._cube.reshape(groups, -1, *weights.shape).astype(np.float64)
        total = count * values.shape[1]
        if not count:
            return np.zeros((2, groups)), 0
        mean = (values * weights).sum(axis=(1, 2, 3, 4)) / total
        squares = (values - mean[:, None, None, None, None]) ** 2 * weights
        return np.stack([mean, squares.sum(axis=(1, 2, 3, 4)) / total]), count

    def _counts(self, box: list[slice]) -> "NDArray[np.int64]":
        """How often each voxel of the cube stands for one of a box."""
        small = self._cube.shape[1]
        first, second, third = (
            np.bincount(place[part], minlength=small)
            for place, part in zip(self._places, box, strict=True)
        )
        return first[:, None, None] * second[:, None] * third
