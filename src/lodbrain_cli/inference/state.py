"""What is known of one image while a network is computed for it."""

import math
from typing import TYPE_CHECKING

import numpy as np

from .background import find_background
from .plan import Stage
from .tiling import Shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["State", "cell_of"]

# Side of a cell of the volume, in voxels: what is computed or not is decided by the cell.
_CELL = 4


class State:
    """Image, tensors that are kept, and moments so far.

    Parameters
    ----------
    image : (D, H, W) float32 array
    """

    def __init__(self, image: "NDArray[np.float32]") -> None:
        self.tensors = {"image": image[None]}
        self.moments: dict[str, NDArray[np.float64]] = {}
        self.shape: Shape = (image.shape[0], image.shape[1], image.shape[2])
        self.background = find_background(image)

    def sides(self, scale: int) -> Shape:
        """Sides of a tensor of that scale."""
        first, second, third = (side // scale for side in self.shape)
        return first, second, third

    def given(self, stage: Stage) -> "list[NDArray[np.float32]]":
        """Moments that a stage is given."""
        return [self.moments[name].astype(np.float32) for name in stage.given_moments]

    def keep_only(self, names: frozenset[str]) -> None:
        """Drop all tensors but some and the image."""
        for name in set(self.tensors) - names - {"image"}:
            del self.tensors[name]

    @property
    def kept_bytes(self) -> int:
        """Of all tensors but the image."""
        return sum(t.nbytes for name, t in self.tensors.items() if name != "image")

    def everywhere(self, cell: int) -> "NDArray[np.bool_]":
        """All cells of the volume."""
        first, second, third = (-(-side // cell) for side in self.shape)
        return np.ones((first, second, third), bool)


def cell_of(stage: Stage) -> int:
    """Side in voxels of the cells by which a stage is computed."""
    return math.lcm(_CELL, stage.alignment)
