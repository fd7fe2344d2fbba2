"""Turn a volume about its centre and back."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["rotated", "rotated_back", "turn_matrix"]


def rotated(volume: "NDArray[np.float32]", turn: Sequence[float]) -> "NDArray[np.float32]":
    """Turn a volume about its centre; what comes in from outside is its lowest value.

    Parameters
    ----------
    volume : (X, Y, Z) float32 array
    turn : sequence of 3 float
        Radians about the first, second and third axis, one after the other.

    Returns
    -------
    (X, Y, Z) float32 array
        Linear interpolation.
    """
    return _moved(volume, turn_matrix(turn), float(volume.min()))


def rotated_back(volume: "NDArray[np.float32]", turn: Sequence[float]) -> "NDArray[np.float32]":
    """Undo :func:`rotated`; what comes in from outside is 0."""
    return _moved(volume, turn_matrix(turn).T, 0.0)


def _moved(
    volume: "NDArray[np.float32]", matrix: "NDArray[np.float64]", outside: float
) -> "NDArray[np.float32]":
    centre = (np.array(volume.shape) - 1) / 2
    moved: NDArray[np.float32] = ndimage.affine_transform(
        volume, matrix, centre - matrix @ centre, order=1, mode="constant", cval=outside
    )
    return moved


def turn_matrix(turn: Sequence[float]) -> "NDArray[np.float64]":
    """(3, 3) matrix of turns, in radians, about the first, second and third axis in turn."""
    matrix = np.eye(3)
    for axis, angle in enumerate(turn):
        first, second = [a for a in range(3) if a != axis]
        step = np.eye(3)
        step[[first, second], [first, second]] = np.cos(angle)
        step[first, second], step[second, first] = -np.sin(angle), np.sin(angle)
        matrix = step @ matrix
    return matrix
