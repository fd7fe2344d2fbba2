"""What a scanner does to an image: coils, slices, noise, movement, gamma, a cut field of view.

Every effect is a pair: ``sample_acquisition`` draws its parameters,
``apply_acquisition`` is a pure function of them.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from keras import ops, random

from .separable import acquisition_matrices, along_axes, spline_matrix

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["NEUTRAL", "Acquisition", "apply_acquisition", "field_of_view", "sample_acquisition"]

_BIAS_CONTROLS = 5

# In real T1w images of 3 T the basal ganglia, darker than white matter, are as bright as it or
# brighter (medians .83 to 1.2 of it): below 0 there is no bump.
_BUMP = (-0.2, 1.2)

# What a receive field spans: not the part of a head that is shown.
_FIELD_MM = 256


@dataclass(frozen=True)
class Acquisition:
    """Parameters of one scan.

    Parameters
    ----------
    bias : (A, B, C) float32 array
        Control points of the logarithm of the receive field, over 256 mm.
    centre_mm : tuple of 3 float
        Where the receive field's centre lies, from the middle of the image.
    centre_gain : (3,) float32 array
        Logarithm of how much darker it is 128 mm from the centre along each axis:
        towards the neck the head coil ends.
    bump : float
        Logarithm of how much brighter the centre is, as at 3 T.
    bump_mm : float
        Standard deviation of that Gaussian.
    slice_mm : tuple of 3 float
        Resolution along each axis.
    noise : float
        Standard deviation of the noise in each channel, in units of the brightest tissue.
    seed : int
        Of the noise.
    ghost : tuple of (int, float, float)
        Axis, shift as a share of the field of view, and strength of the ghost
        that movement leaves; strength 0 for none.
    gamma : float
        Exponent on intensities between 0 and 1.
    kept : tuple of 3 (float, float)
        Part of each axis that was in the field of view, 0 to 1.
    """

    bias: "NDArray[np.float32]"
    centre_mm: tuple[float, float, float]
    centre_gain: "NDArray[np.float32]"
    bump: float
    bump_mm: float
    slice_mm: tuple[float, float, float]
    noise: float
    seed: int
    ghost: tuple[int, float, float]
    gamma: float
    kept: tuple[tuple[float, float], ...]


#: Changes nothing.
NEUTRAL = Acquisition(
    bias=np.zeros((_BIAS_CONTROLS,) * 3, np.float32),
    centre_mm=(0.0, 0.0, 0.0),
    centre_gain=np.zeros(3, np.float32),
    bump=0.0,
    bump_mm=60.0,
    slice_mm=(1.0, 1.0, 1.0),
    noise=0.0,
    seed=0,
    ghost=(0, 0.0, 0.0),
    gamma=1.0,
    kept=((0.0, 1.0),) * 3,
)


def sample_acquisition(
    rng: np.random.Generator, brain_mm: "Sequence[float]" = (0.0, 0.0, 0.0)
) -> Acquisition:
    """Draw a scan of a head whose brain's centre lies there, from the middle of the image.

    Half of the scans are isotropic with 1 to 1.5 mm, a quarter isotropic with
    up to 3 mm, a quarter have slices of up to 6 mm along one axis. One in ten
    shows a ghost, one in five has lost some of its field of view.
    """
    bias = rng.standard_normal((_BIAS_CONTROLS,) * 3, dtype=np.float32) * rng.uniform(0, 0.25)
    kind = rng.random()
    resolution = np.full(3, rng.uniform(1.0, 1.5 if kind < 0.75 else 3.0))
    if kind < 0.25:
        resolution[rng.integers(3)] = rng.uniform(1.5, 6.0)
    strength = rng.uniform(0.05, 0.3) if rng.random() < 0.1 else 0.0
    kept = [(0.0, 1.0)] * 3
    if rng.random() < 0.2:
        lost = rng.uniform(0, 0.12)
        kept[rng.integers(3)] = (lost, 1.0) if rng.random() < 0.5 else (0.0, 1.0 - lost)
    return Acquisition(
        bias=bias.astype(np.float32),
        centre_mm=tuple(float(b + rng.normal(0, 8)) for b in brain_mm),  # type: ignore[arg-type]
        centre_gain=rng.uniform(0, (0.4, 1.2, 0.4)).astype(np.float32),
        bump=float(max(0.0, rng.uniform(*_BUMP))),
        bump_mm=float(rng.uniform(40, 65)),
        slice_mm=tuple(float(r) for r in resolution),  # type: ignore[arg-type]
        noise=float(0.04 * rng.uniform() ** 2),
        seed=int(rng.integers(2**31)),
        ghost=(int(rng.integers(3)), float(rng.uniform(0.1, 0.5)), float(strength)),
        gamma=float(np.exp(rng.normal(0, 0.2))),
        kept=tuple(kept),
    )


def apply_acquisition(image: Any, acquisition: Acquisition, voxel_mm: float) -> Any:
    """Scan a painted head.

    Parameters
    ----------
    image : (X, Y, Z) float32 tensor
    acquisition : Acquisition
    voxel_mm : float
        Sides of its voxels.

    Returns
    -------
    (X, Y, Z) float32 tensor
        Not negative: magnitudes.
    """
    shape = tuple(image.shape)
    image = image * ops.exp(_log_gain(shape, acquisition, voxel_mm))
    pairs = [
        acquisition_matrices(n, voxel_mm, s)
        for n, s in zip(shape, acquisition.slice_mm, strict=True)
    ]
    axis, shift, strength = acquisition.ghost
    if strength > 0:
        moved = ops.roll(image, int(shift * shape[axis]), axis=axis)
        image = (1 - strength) * image + strength * moved
    image = along_axes(image, [p and p[0] for p in pairs])
    brightest = ops.max(image) + 1e-6
    noise = random.normal((2, *image.shape), seed=acquisition.seed) * acquisition.noise
    # The magnitude of a complex signal with noise in both channels: Rician.
    image = ops.sqrt(ops.square(image / brightest + noise[0]) + ops.square(noise[1]))
    image = along_axes(image, [p and p[1] for p in pairs])
    image = ops.power(ops.maximum(image, 1e-6), acquisition.gamma)
    return image * field_of_view(shape, acquisition)


def field_of_view(shape: tuple[int, ...], acquisition: Acquisition) -> Any:
    """Tell where there is an image: (X, Y, Z) float32 tensor of ones and zeros."""
    seen = ops.ones(shape, "float32")
    for axis, ((begin, end), side) in enumerate(zip(acquisition.kept, shape, strict=True)):
        inside = np.zeros(side, np.float32)
        inside[round(begin * side) : round(end * side)] = 1
        seen = seen * _on_axis(inside, axis)
    return seen


def _log_gain(shape: tuple[int, ...], acquisition: Acquisition, voxel_mm: float) -> Any:
    """Logarithm of the receive field: smooth and random, and brighter at the centre."""
    whole = [max(n, round(_FIELD_MM / voxel_mm)) for n in shape]
    middle = [slice((w - n) // 2, (w - n) // 2 + n) for n, w in zip(shape, whole, strict=True)]
    splines = [
        spline_matrix(w, m)[part]
        for w, m, part in zip(whole, acquisition.bias.shape, middle, strict=True)
    ]
    field = along_axes(ops.convert_to_tensor(acquisition.bias), splines)
    bump: Any = acquisition.bump
    for axis, (side, centre) in enumerate(zip(shape, acquisition.centre_mm, strict=True)):
        place_mm = (np.arange(side, dtype=np.float32) - (side - 1) / 2) * voxel_mm - centre
        far = acquisition.centre_gain[axis] * np.square(place_mm / (_FIELD_MM / 2))
        field = field - _on_axis(far.astype(np.float32), axis)
        near = np.exp(-0.5 * np.square(place_mm / acquisition.bump_mm))
        bump = bump * _on_axis(near.astype(np.float32), axis)
    return field + bump


def _on_axis(values: "NDArray[np.float32]", axis: int) -> Any:
    """Reshape values for broadcasting along one axis of a volume."""
    return ops.convert_to_tensor(values.reshape([-1 if i == axis else 1 for i in range(3)]))
