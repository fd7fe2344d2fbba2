"""Intensities as the released weights expect them."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["most_frequent", "z_score"]

# Every so many voxels along each axis one is looked at for the most frequent value.
_SAMPLED = 8


def z_score(
    volume: "NDArray[np.float32]", out: "NDArray[np.float32] | None" = None
) -> "NDArray[np.float32]":
    """Subtract the mean and divide by the standard deviation of all voxels.

    Padding included, population standard deviation (ddof 0), no clipping:
    SPEC A.7 step 5. Sums run in float64.

    Parameters
    ----------
    volume : (X, Y, Z) float32 array
        Conformed grid; not constant.
    out : (X, Y, Z) float32 array, optional
        Where to write the result; may be `volume`.

    Returns
    -------
    (X, Y, Z) float32 array
        Mean 0, standard deviation 1.
    """
    mean = volume.mean(dtype=np.float64)
    # One array, touched once: new memory costs more than the arithmetic.
    centred = np.subtract(volume, np.float32(mean), out=out)
    total = sum(float(np.square(plane).sum(dtype=np.float64)) for plane in centred)
    centred /= np.float32(np.sqrt(total / centred.size))
    return centred


def most_frequent(volume: "NDArray[np.float32]") -> float:
    """Value that most voxels have, as a sample of them says: of padding or masked air.

    Parameters
    ----------
    volume : (X, Y, Z) float32 array
    """
    values, counts = np.unique(volume[::_SAMPLED, ::_SAMPLED, ::_SAMPLED], return_counts=True)
    return float(values[counts.argmax()])
