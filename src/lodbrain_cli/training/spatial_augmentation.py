"""Changes of shape: the LOD-Brain authors' augmentations (SPEC A.6), and by name all others.

Every ``sample_*`` draws parameters, every ``apply_*`` takes a volume and its
labels with them and is pure. Volumes are float32 on the conformed grid (LIA:
axis 0 left-right, 1 superior-inferior, 2 posterior-anterior), labels uint8 and
sampled by nearest neighbour.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import interpolate, ndimage

from .freeform_augmentation import apply_elastic, apply_rigid, sample_elastic, sample_rigid

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SPATIAL"]

Parameters = dict[str, Any]
Shape = tuple[int, ...]
Pair = tuple["NDArray[np.float32]", "NDArray[np.uint8]"]

_CELLS, _DISTORTION = 5, 0.10


def sample_flip(_rng: np.random.Generator, _shape: Shape) -> Parameters:
    """Nothing is drawn."""
    return {}


def apply_flip(image: "NDArray[np.float32]", labels: "NDArray[np.uint8]") -> Pair:
    """Mirror left and right; the seven classes have no sides."""
    return image[::-1], labels[::-1]


def sample_grid(rng: np.random.Generator, _shape: Shape) -> Parameters:
    """Widths of 5 cells along axes 0 and 1, 0.9 to 1.1 of what they were."""
    return {"widths": rng.uniform(1 - _DISTORTION, 1 + _DISTORTION, (2, _CELLS)).tolist()}


def apply_grid(
    image: "NDArray[np.float32]", labels: "NDArray[np.uint8]", *, widths: list[list[float]]
) -> Pair:
    """Stretch and squeeze all planes of axis 2 alike, the border repeated.

    Cubic splines stand for the authors' Lanczos kernel.
    """
    for axis, cells in enumerate(widths):
        side = image.shape[axis]
        knots = np.linspace(0, side - 1, _CELLS + 1)
        moved = np.concatenate([[0.0], np.cumsum(cells) * (side - 1) / _CELLS])
        place = np.clip(np.interp(np.arange(side), knots, moved), 0, side - 1)
        image, labels = _resampled(image, labels, axis, place)
    return image, labels


def sample_crop(rng: np.random.Generator, _shape: Shape) -> Parameters:
    """Begin and end of a part of .9 to 1 of the plane, its sides' ratio .8 to 1.2."""
    area, sides = rng.uniform(0.9, 1.0), np.array([2.0, 2.0])
    while sides.max() > 1:  # drawn again until the part fits
        ratio = np.exp(rng.uniform(np.log(0.8), np.log(1.2)))
        sides = np.sqrt([area * ratio, area / ratio])
    begin = rng.uniform(0, 1 - sides)
    return {"part": np.stack([begin, begin + sides], axis=1).tolist()}


def apply_crop(
    image: "NDArray[np.float32]", labels: "NDArray[np.uint8]", *, part: list[list[float]]
) -> Pair:
    """Enlarge a part of the plane of axes 0 and 1 to the whole."""
    for axis, (begin, end) in enumerate(part):
        last = image.shape[axis] - 1
        place = np.linspace(begin * last, end * last, last + 1)
        image, labels = _resampled(image, labels, axis, place)
    return image, labels


def sample_rotation(rng: np.random.Generator, _shape: Shape) -> Parameters:
    """Whole degrees from -10 to 9 about one of the three axes."""
    axes = rng.choice(3, 2, replace=False)
    return {"degrees": int(rng.integers(-10, 10)), "axes": [int(a) for a in axes]}


def apply_rotation(
    image: "NDArray[np.float32]", labels: "NDArray[np.uint8]", *, degrees: int, axes: list[int]
) -> Pair:
    """Turn about the centre; cubic splines, the border repeated, beyond it no label."""
    turned = ndimage.rotate(image, degrees, tuple(axes), reshape=False, order=3, mode="nearest")
    found = ndimage.rotate(labels, degrees, tuple(axes), reshape=False, order=0, mode="constant")
    return turned, found


def sample_translation(rng: np.random.Generator, _shape: Shape) -> Parameters:
    """Whole voxels from -20 to 19 along each axis."""
    return {"voxels": [int(v) for v in rng.integers(-20, 20, 3)]}


def apply_translation(
    image: "NDArray[np.float32]", labels: "NDArray[np.uint8]", *, voxels: list[int]
) -> Pair:
    """Shift, the border repeated, beyond it no label."""
    for axis, shift in enumerate(voxels):
        side = image.shape[axis]
        place = np.arange(side) - shift
        inside = np.clip(place, 0, side - 1)
        image, labels = image.take(inside, axis), labels.take(inside, axis)
        np.moveaxis(labels, axis, 0)[place != inside] = 0
    return image, labels


def _resampled(
    image: "NDArray[np.float32]",
    labels: "NDArray[np.uint8]",
    axis: int,
    place: "NDArray[np.float64]",
) -> Pair:
    """Sample along one axis: a cubic spline as a matrix, and the nearest label."""
    side = image.shape[axis]
    spline = interpolate.make_interp_spline(np.arange(side), np.eye(side), k=3)
    matrix = spline(place).astype(np.float32)
    moved = np.moveaxis(np.tensordot(matrix, image, (1, axis)), 0, axis)
    return np.ascontiguousarray(moved), labels.take(np.rint(place).astype(int), axis)


#: Name → (sample, apply).
SPATIAL: Mapping[
    str, tuple[Callable[[np.random.Generator, Shape], Parameters], Callable[..., Pair]]
] = MappingProxyType(
    {
        "flip": (sample_flip, apply_flip),
        "grid": (sample_grid, apply_grid),
        "crop": (sample_crop, apply_crop),
        "rotation": (sample_rotation, apply_rotation),
        "translation": (sample_translation, apply_translation),
        "rigid": (sample_rigid, apply_rigid),
        "elastic": (sample_elastic, apply_elastic),
    }
)
