"""Sampling a volume on another grid, given how indices go from one to the other."""

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["max_pooled", "mean_pooled", "resample"]


def resample(
    volume: "NDArray[np.float32]",
    matrix: "NDArray[np.float64]",
    shape: tuple[int, ...],
    outside: float,
    *,
    keep_edges: bool = False,
    order: Literal[0, 1] = 1,
) -> "NDArray[np.float32]":
    """Sample a volume, or copy it where voxels coincide.

    Parameters
    ----------
    volume : (X, Y, Z) float32 array
    matrix : (4, 4) array
        Index in the output to index in `volume`.
    shape : tuple of 3 int
        Of the output.
    outside : float
        Value beyond the volume.
    keep_edges : bool
        A voxel at the border fills its own extent, half a voxel beyond its
        centre; else `outside` begins at the centre.
    order : {0, 1}
        Nearest neighbour, for label numbers, or linear.

    Returns
    -------
    (*shape) float32 array
    """
    diagonal = np.diag(matrix)[:3]
    offset = matrix[:3, 3]
    longest = max(*shape, *volume.shape)
    straight = np.abs(matrix[:3, :3] - np.diag(diagonal)).max() * longest < 1e-2
    if straight and np.abs(diagonal - 1).max() * longest < 1e-2:
        shift = np.rint(offset).astype(int)
        if np.abs(offset - shift).max() < 1e-2:
            return _shifted(volume, shift, shape, outside)
    if straight and order == 1:
        return _along_axes(volume, diagonal, offset, shape, outside, keep_edges=keep_edges)
    transform = diagonal if straight else matrix[:3, :3]
    result: NDArray[np.float32] = ndimage.affine_transform(
        volume,
        transform,
        offset,
        shape,
        np.float32,
        order=order,
        mode="nearest" if keep_edges else "constant",
        cval=outside,
    )
    if not keep_edges:
        return result
    if straight:
        _blank_outside(result, diagonal, offset, volume.shape, outside, margin=0.5)
    else:
        inside = ndimage.affine_transform(
            np.ones(volume.shape, np.uint8), transform, offset, shape, order=0, mode="grid-constant"
        )
        result[inside == 0] = outside
    return result


def max_pooled(volume: "NDArray[np.float32]", factor: int) -> "NDArray[np.float32]":
    """Largest value of each factor³ voxels.

    Parameters
    ----------
    volume : (X, Y, Z) float32 array
        Sides are multiples of `factor`.
    factor : int

    Returns
    -------
    (X / factor, Y / factor, Z / factor) float32 array
        The volume itself when the factor is 1.
    """
    return _pooled(volume, factor, np.maximum)


def mean_pooled(volume: "NDArray[np.float32]", factor: int) -> "NDArray[np.float32]":
    """Mean of each factor³ voxels; as :func:`max_pooled`."""
    pooled = _pooled(volume, factor, np.add)
    return pooled if factor == 1 else pooled / np.float32(factor**3)


def _pooled(volume: "NDArray[np.float32]", factor: int, combine: Any) -> "NDArray[np.float32]":
    if factor == 1:
        return volume
    for axis in range(3):
        line = np.moveaxis(volume, axis, 0)
        pooled = line[::factor].copy()
        for offset in range(1, factor):
            combine(pooled, line[offset::factor], out=pooled)
        volume = np.moveaxis(pooled, 0, axis)
    return np.ascontiguousarray(volume)


def _shifted(
    volume: "NDArray[np.float32]",
    shift: "NDArray[np.int_]",
    shape: tuple[int, ...],
    outside: float,
) -> "NDArray[np.float32]":
    """Copy voxels that coincide: ``result[i] = volume[i + shift]``."""
    result = np.full(shape, outside, np.float32)
    target = tuple(
        slice(max(0, -s), max(0, min(n, m - s)))
        for s, n, m in zip(shift, shape, volume.shape, strict=True)
    )
    source = tuple(slice(t.start + s, t.stop + s) for t, s in zip(target, shift, strict=True))
    if all(t.stop > t.start for t in target):
        result[target] = volume[source]
    return result


def _along_axes(
    volume: "NDArray[np.float32]",
    scale: "NDArray[np.float64]",
    offset: "NDArray[np.float64]",
    shape: tuple[int, ...],
    outside: float,
    *,
    keep_edges: bool,
) -> "NDArray[np.float32]":
    """Interpolate linearly along one axis after the other: several times faster than at once."""
    result = volume
    # Shrinking axes first: less is left for the others.
    for axis in sorted(range(3), key=lambda a: shape[a] / volume.shape[a]):
        position = np.arange(shape[axis]) * scale[axis] + offset[axis]
        result = _along_axis(result, axis, position)
    if keep_edges:
        _blank_outside(result, scale, offset, volume.shape, outside, margin=0.5)
    else:
        _blank_outside(result, scale, offset, volume.shape, outside, margin=1e-6)
    return result


def _along_axis(
    volume: "NDArray[np.float32]", axis: int, position: "NDArray[np.float64]"
) -> "NDArray[np.float32]":
    """Values at positions along an axis, those beyond it at its ends."""
    last = volume.shape[axis] - 1
    position = np.clip(position, 0, last)
    below = np.minimum(position.astype(int), max(last - 1, 0))
    weight = (position - below).astype(np.float32)
    across = [1, 1, 1]
    across[axis] = len(position)
    result: NDArray[np.float32] = np.take(volume, below, axis)
    step = np.take(volume, np.minimum(below + 1, last), axis)
    step -= result
    step *= weight.reshape(across)
    result += step
    return result


def _blank_outside(
    result: "NDArray[np.float32]",
    scale: "NDArray[np.float64]",
    offset: "NDArray[np.float64]",
    source_shape: tuple[int, ...],
    outside: float,
    margin: float,
) -> None:
    """Set what lies more than a margin, in source voxels, beyond the outermost ones, in place."""
    for axis in range(3):
        position = np.arange(result.shape[axis]) * scale[axis] + offset[axis]
        beyond = (position < -margin) | (position > source_shape[axis] - 1 + margin)
        result[tuple(beyond if i == axis else slice(None) for i in range(3))] = outside
