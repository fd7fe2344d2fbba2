"""Borders where FreeSurfer draws them: what lies beside a tissue has some of its brightness.

A painted label map has its borders where half of a voxel is this tissue and half
that. FreeSurfer, and who learned from it, leave voxels to the outside that are cortex
for the greater part: in four real heads with such labels the voxels beside the cortex
are 57 to 66 % as bright as it (0: fluid), in painted ones about 40 %
(``benchmarks/borders.py``; docs/training.md).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from keras import ops

from .heads import brain_tissues
from .tissues import TISSUES

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["RIMS", "Rim", "apply_rims", "sample_rims"]

# Neighbours, of 26, across a flat border.
_FLAT = 9

# What a voxel between two banks takes at most.
_MOST = 0.9


@dataclass(frozen=True, eq=False)
class Rim:
    """A border that labels draw farther inside than the brightness.

    Parameters
    ----------
    inner, outer : (T,) float32 array
        1 for the tissues on either side.
    strength : tuple of 2 float
        Range of what 1 mm outside has of the inner side's brightness, from 0 to 1.
    """

    inner: "NDArray[np.float32]"
    outer: "NDArray[np.float32]"
    strength: tuple[float, float]


def _named(*names: str) -> "NDArray[np.bool_]":
    return np.array([t.name in names for t in TISSUES])


def _rim(inner: "NDArray[np.bool_]", outer: "NDArray[np.bool_]", low: float, high: float) -> Rim:
    return Rim(inner.astype(np.float32), outer.astype(np.float32), (low, high))


#: Grey matter against what is not brain; basal ganglia against white matter.
RIMS = (
    _rim(_named("cerebral cortex", "cerebellar cortex"), ~brain_tissues(), 0.15, 0.75),
    _rim(
        _named("thalamus", "caudate", "putamen", "pallidum", "ventral diencephalon"),
        _named("cerebral white matter"),
        0.0,
        0.4,
    ),
)


def sample_rims(rng: np.random.Generator) -> tuple[float, ...]:
    """Draw how strong each of :data:`RIMS` is in an image."""
    return tuple(float(rng.uniform(*rim.strength)) for rim in RIMS)


def apply_rims(painted: Any, tissues: Any, strengths: tuple[float, ...], voxel_mm: float) -> Any:
    """Brighten, or darken, what lies beside a tissue; the tissues stay as they are.

    Parameters
    ----------
    painted : (X, Y, Z) float32 tensor
    tissues : (X, Y, Z) int32 tensor
        Index into :data:`.tissues.TISSUES`.
    strengths : tuple of float
        Of each of :data:`RIMS`; 0 changes nothing.
    voxel_mm : float

    Returns
    -------
    (X, Y, Z) float32 tensor
    """
    for rim, strength in zip(RIMS, strengths, strict=True):
        inner = ops.take(ops.convert_to_tensor(rim.inner), tissues)
        outer = ops.take(ops.convert_to_tensor(rim.outer), tissues)
        near = _around(inner)
        brightness = _around(inner * painted) / ops.maximum(near, 1.0)
        share = outer * ops.minimum(near * (strength / (voxel_mm * _FLAT)), _MOST)
        painted = painted + share * (brightness - painted)
    return painted


def _around(volume: Any) -> Any:
    """Sum over 3 x 3 x 3 voxels; outside of the image are zeros."""
    for axis in range(3):
        side = volume.shape[axis]
        padded = ops.pad(volume, [(int(a == axis), int(a == axis)) for a in range(3)])
        begin = [slice(None)] * 3
        parts = []
        for offset in range(3):
            begin[axis] = slice(offset, offset + side)
            parts.append(padded[tuple(begin)])
        volume = parts[0] + parts[1] + parts[2]
    return volume
