"""Changes of intensity among the LOD-Brain authors' augmentations (SPEC A.6), and CEREBRUM-7T's.

Every ``sample_*`` draws parameters from a shape, every ``apply_*`` takes a
volume with them and is pure. Volumes are float32 on the conformed grid (LIA:
axis 0 left-right, 1 superior-inferior, 2 posterior-anterior).
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from .inhomogeneity import inhomogeneity_field

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Volume = NDArray[np.float32]

__all__ = ["INTENSITY", "sample_part"]

Parameters = dict[str, Any]
Shape = tuple[int, ...]

_FIELD_SIDE = 512  # of the authors' inhomogeneity volume, cut to 256 at random
_BELOW_ONE = 0.001  # added where the authors divide by a range
_ALMOST_EMPTY = 0.025  # of the range


def sample_inhomogeneity(rng: np.random.Generator, _shape: Shape) -> Parameters:
    """Where in the 512³ field the volume lies: first voxel 0 to 254 along each axis."""
    return {"begin": [int(b) for b in rng.integers(0, 255, 3)], "largest": 1.0}


def apply_inhomogeneity(image: "Volume", *, begin: list[int], largest: float) -> "Volume":
    """Add a part of the authors' field of 512³ voxels; see :mod:`.inhomogeneity`.

    The largest value in units of the image's standard deviation is `largest` (the
    authors' scripts say 1 or .5; which the released weights had is not known).
    """
    field = inhomogeneity_field((_FIELD_SIDE,) * 3, largest, begin, image.shape)
    return np.asarray(image + field, np.float32)


def sample_part(rng: np.random.Generator, shape: Shape) -> list[int]:
    """Where an image lies in a field of twice its size: CEREBRUM-7T's first voxels."""
    return [int(rng.integers(0, n - 1)) for n in shape]


def sample_inhomogeneity_volume(rng: np.random.Generator, shape: Shape) -> Parameters:
    """Where the image lies in a field of twice its size, and CEREBRUM-7T's strength."""
    return {"begin": sample_part(rng, shape), "largest": 0.5}


def apply_inhomogeneity_volume(image: "Volume", *, begin: list[int], largest: float) -> "Volume":
    """Add a part of a field of twice the image's size; see :mod:`.inhomogeneity`."""
    whole = [2 * n for n in image.shape]
    return np.asarray(image + inhomogeneity_field(whole, largest, begin, image.shape), np.float32)


def sample_blur(_rng: np.random.Generator, _shape: Shape) -> Parameters:
    """Nothing is drawn."""
    return {}


def apply_blur(image: "Volume") -> "Volume":
    """Mean of 3 x 3 voxels in the plane of axes 0 and 1."""
    return np.asarray(ndimage.uniform_filter(image, (3, 3, 1), mode="mirror"), np.float32)


def sample_salt_and_pepper(rng: np.random.Generator, _shape: Shape) -> Parameters:
    """Share of the voxels, share of salt among them, and a seed."""
    return {"share": 0.01, "salt": 0.2, "seed": int(rng.integers(2**31))}


def apply_salt_and_pepper(image: "Volume", *, share: float, salt: float, seed: int) -> "Volume":
    """Set single voxels to the largest or the smallest value."""
    drawn = np.random.default_rng(seed).random(image.shape, dtype=np.float32)
    noisy = np.where(drawn < share * salt, image.max(), image)
    pepper = (drawn >= share * salt) & (drawn < share)
    return np.asarray(np.where(pepper, image.min(), noisy), np.float32)


def sample_gaussian(rng: np.random.Generator, _shape: Shape) -> Parameters:
    """Share of noise, and a seed."""
    return {"share": 0.2, "seed": int(rng.integers(2**31))}


def apply_gaussian(image: "Volume", *, share: float, seed: int) -> "Volume":
    """Mix with noise of the image's own mean and standard deviation."""
    noise = np.random.default_rng(seed).standard_normal(image.shape, dtype=np.float32)
    noise = noise * image.std(dtype=np.float64) + image.mean(dtype=np.float64)
    return np.asarray((1 - share) * image + share * noise, np.float32)


def sample_ghosting(rng: np.random.Generator, _shape: Shape) -> Parameters:
    """Axis, and 1 to 4 ghosts."""
    return {"axis": int(rng.integers(3)), "ghosts": int(rng.integers(1, 5))}


def apply_ghosting(image: "Volume", *, axis: int, ghosts: int) -> "Volume":
    """Mix the image with itself, shifted ever further: what movement leaves."""
    mixed, shift = image, 0
    for ghost in range(1, ghosts + 1):
        shift += image.shape[axis] // (ghost + 1)
        mixed = np.float32(0.85) * mixed + np.float32(0.15) * np.roll(image, shift, axis)
    return mixed


def sample_downscale(rng: np.random.Generator, _shape: Shape) -> Parameters:
    """Scale .25 to .75, and the interpolation: nearest or cubic, half each."""
    return {"scale": float(rng.uniform(0.25, 0.75)), "order": int(rng.choice([0, 3]))}


def apply_downscale(image: "Volume", *, scale: float, order: int) -> "Volume":
    """Lose resolution in the plane of axes 0 and 1."""
    small = ndimage.zoom(image, (scale, scale, 1), order=order, mode="nearest")
    back = [n / m for n, m in zip(image.shape, small.shape, strict=True)]
    return np.asarray(ndimage.zoom(small, back, order=order, mode="nearest"), np.float32)


def sample_gamma(rng: np.random.Generator, _shape: Shape) -> Parameters:
    """Gamma of .5 to 3."""
    return {"gamma": float(rng.uniform(0.5, 3.0))}


def apply_gamma(image: "Volume", *, gamma: float) -> "Volume":
    """Raise each plane of axis 2, between its minimum and maximum, to 1/gamma."""
    low = image.min(axis=(0, 1))
    span = image.max(axis=(0, 1)) - low + np.float32(_BELOW_ONE)
    unit = (image - low) / span
    return np.asarray(np.power(unit, np.float32(1 / gamma)) * span + low, np.float32)


def sample_contrast(rng: np.random.Generator, _shape: Shape) -> Parameters:
    """Factor .5 to 3."""
    return {"factor": float(rng.uniform(0.5, 3.0))}


def apply_contrast(image: "Volume", *, factor: float) -> "Volume":
    """Multiply, and cut to the range that there was."""
    return np.asarray(np.clip(factor * image, image.min(), image.max()), np.float32)


def sample_slices(rng: np.random.Generator, _shape: Shape) -> Parameters:
    """Distance of 2 to 4."""
    return {"every": int(rng.integers(2, 5))}


def apply_slices(image: "Volume", *, every: int) -> "Volume":
    """Repeat every n-th slice of axis 1 up to the next."""
    return np.asarray(image[:, np.arange(image.shape[1]) // every * every], np.float32)


def sample_neck(rng: np.random.Generator, _shape: Shape) -> Parameters:
    """Repeats 10 to 29."""
    return {"repeats": int(rng.integers(10, 30))}


def apply_neck(image: "Volume", *, repeats: int) -> "Volume":
    """Repeat one slice from 10 above the last that is not empty downwards.

    Where the head goes on to the last slice, nothing is done.
    """
    low, high = float(image.min()), float(image.max())
    threshold = low + _ALMOST_EMPTY * (high - low + _BELOW_ONE)
    occupied = np.flatnonzero((image > threshold).any(axis=(0, 2)))
    if len(occupied) == 0 or occupied[-1] == image.shape[1] - 1:
        return image
    first = max(int(occupied[-1]) - 10, 0)
    longer = image.copy()
    longer[:, first : first + repeats] = image[:, first : first + 1]
    return longer


def sample_bias(rng: np.random.Generator, _shape: Shape) -> Parameters:
    """Half waves along an axis, 1 to 6, an order of the axes, and a seed."""
    return {
        "half_waves": int(rng.integers(1, 7)),
        "axes": [int(a) for a in rng.permutation(3)],
        "seed": int(rng.integers(2**31)),
    }


def apply_bias(image: "Volume", *, half_waves: int, axes: list[int], seed: int) -> "Volume":
    """Add sines of sums of the axes with a tenth of noise, but not where nothing is."""
    span = np.pi * half_waves / 2
    a, b, c = (
        np.linspace(-span, span, image.shape[axis], dtype=np.float32).reshape(
            [-1 if i == axis else 1 for i in range(3)]
        )
        for axis in axes
    )
    field = np.sin(a + 2 * c) + np.sin(a + b + c) + np.sin(a + 2 * b)
    field = (field - field.mean()) / field.std() / 2
    noise = np.random.default_rng(seed).standard_normal(image.shape, dtype=np.float32)
    field = np.float32(0.9) * field + np.float32(0.1 * field.std()) * noise
    return image + np.where(image > image.min(), field, np.float32(0))


#: Name → (sample, apply).
INTENSITY: Mapping[
    str, tuple[Callable[[np.random.Generator, Shape], Parameters], Callable[..., Any]]
] = MappingProxyType(
    {
        "inhomogeneity": (sample_inhomogeneity, apply_inhomogeneity),
        "inhomogeneity_volume": (sample_inhomogeneity_volume, apply_inhomogeneity_volume),
        "blur": (sample_blur, apply_blur),
        "downscale": (sample_downscale, apply_downscale),
        "salt_and_pepper": (sample_salt_and_pepper, apply_salt_and_pepper),
        "gaussian": (sample_gaussian, apply_gaussian),
        "ghosting": (sample_ghosting, apply_ghosting),
        "gamma": (sample_gamma, apply_gamma),
        "contrast": (sample_contrast, apply_contrast),
        "slices": (sample_slices, apply_slices),
        "neck": (sample_neck, apply_neck),
        "bias": (sample_bias, apply_bias),
    }
)
