"""A smooth field over an image, as of a receive coil: CEREBRUM-7T's inhomogeneity volume.

SPEC D.3 (``misc/inhomogeneity_volume.py`` of its code) is read so: a normal density in
three dimensions is laid over the unit cube, its mean at (.5, .5, .5), each variance 2.0
and each covariance .3. The voxels of the volume, twice as many along each axis as the
images have, go from 0 to 1 along each side, both ends among them, whatever their number.
From the density the mean over these voxels is subtracted, and the rest is scaled so that
the value farthest from 0 is .5 (or -.5: it is the corners that lie farthest). What an
image gets is a random part of its own size, added to it. Nothing of an image goes into
the volume but its size.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..files import replacing
from ..outputs.images import Space, check_image_name, write_image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["check_field_name", "inhomogeneity_field", "write_field"]

_INVERSE = np.linalg.inv(np.full((3, 3), 0.3) + np.eye(3) * 1.7)
_SQUARE, _PRODUCT = float(_INVERSE[0, 0]), float(_INVERSE[0, 1])
# Of the polynomial that stands for the density when its mean is taken: exact but for rounding.
_NODES = 12
_NUMPY = ".npy"


def inhomogeneity_field(
    whole: "Sequence[int]",
    largest: float,
    begin: "Sequence[int]" = (0, 0, 0),
    shape: "Sequence[int] | None" = None,
) -> "NDArray[np.float32]":
    """Compute a field, or a part of one.

    Parameters
    ----------
    whole : sequence of 3 int
        Sides of the field in voxels; at least 4.
    largest : float
        Its value farthest from 0, in the units of the image that it is added to.
    begin : sequence of 3 int
        First voxel of the part.
    shape : sequence of 3 int, optional
        Sides of the part; default: all of the field.

    Returns
    -------
    (X, Y, Z) float32 array
        Mean 0 over the whole field.
    """
    shape = shape or whole
    axes = [
        (np.arange(b, b + n) / (side - 1) - 0.5).astype(np.float32)
        for b, n, side in zip(begin, shape, whole, strict=True)
    ]
    mean = _mean(whole)
    # The density only falls from its middle: it is least in a corner, most at the middle.
    ends = [np.array([0, (n - 1) // 2, n // 2, n - 1]) / (n - 1) - 0.5 for n in whole]
    scale = largest / np.abs(_density(*np.meshgrid(*ends, indexing="ij")) - mean).max()
    field = np.empty(tuple(shape), np.float32)
    y, z = axes[1][:, None], axes[2][None, :]
    for plane, x in zip(field, axes[0], strict=True):
        plane[:] = (_density(x, y, z) - np.float32(mean)) * np.float32(scale)
    return field


def _density(x: "NDArray[Any]", y: "NDArray[Any]", z: "NDArray[Any]") -> "NDArray[Any]":
    """Density at places from the middle of the cube, but for its constant factor."""
    squares = _SQUARE * (x * x + y * y + z * z)
    found: NDArray[Any] = np.exp(-0.5 * (squares + 2 * _PRODUCT * (x * y + x * z + y * z)))
    return found


def _mean(whole: "Sequence[int]") -> float:
    """Mean of the density over all voxels: its values at few nodes, weighted."""
    chebyshev = np.polynomial.chebyshev
    nodes = chebyshev.chebpts1(_NODES)
    weights = [
        np.linalg.solve(
            chebyshev.chebvander(nodes, _NODES - 1).T,
            chebyshev.chebvander(np.linspace(-1, 1, side), _NODES - 1).mean(axis=0),
        )
        for side in whole
    ]
    values = _density(*np.meshgrid(*[nodes / 2] * 3, indexing="ij"))
    return float(np.einsum("xyz,x,y,z", values, *weights))


def check_field_name(path: Path) -> None:
    """Refuse a name whose extension tells neither an image format nor ``.npy``.

    Raises
    ------
    UsageError
    """
    if path.suffix.lower() != _NUMPY:
        check_image_name(path)


def write_field(path: Path, field: "NDArray[np.float32]") -> None:
    """Write a field, whole or not at all.

    Parameters
    ----------
    path : Path
        NIfTI or MGH, voxels of 1 mm along LIA axes; or ``.npy``, which the code of
        CEREBRUM-7T and LOD-Brain reads.
    field : (X, Y, Z) float32 array

    Raises
    ------
    UsageError, OutputError
        On another extension; when it cannot be written.
    """
    if path.suffix.lower() == _NUMPY:
        with replacing(path) as temporary:
            np.save(temporary, field)
        return
    x, y, z = field.shape
    write_image(path, field, Space.of_no_scan((x, y, z)), "estimate", "inhomogeneity field")
