"""Mean and variance of a tensor that is seen in parts."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["MomentsSum"]


class MomentsSum:
    """Pools moments of disjoint parts in float64.

    Chan, Golub and LeVeque (1983): means and sums of squares about the mean
    combine without the cancellation of E[x²] - E[x]².
    """

    def __init__(self) -> None:
        self._count = 0
        self._mean: NDArray[np.float64] | float = 0.0
        self._squares: NDArray[np.float64] | float = 0.0

    def add(self, moments: "NDArray[np.floating]", count: int) -> None:
        """Add a part.

        Parameters
        ----------
        moments : (2, groups) array
            Mean and biased variance of each group over the part.
        count : int
            Voxels of the part.
        """
        mean, variance = np.asarray(moments, np.float64)
        whole = self._count + count
        difference = mean - self._mean
        self._mean = self._mean + difference * (count / whole)
        self._squares = (
            self._squares + variance * count + difference**2 * (self._count * count / whole)
        )
        self._count = whole

    @property
    def moments(self) -> "NDArray[np.float64]":
        """(2, groups) mean and biased variance of all parts together."""
        return np.stack([self._mean, np.asarray(self._squares) / max(self._count, 1)])
