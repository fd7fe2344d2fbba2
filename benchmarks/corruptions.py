"""What can go wrong with a scan, in steps, with labels that stay where the anatomy is.

All work on the conformed grid (256³ of 1 mm, LIA: axis 0 left-right, 1 superior-inferior,
2 posterior-anterior) and are pure; noise and fields come from a fixed seed. Where not said
otherwise the labels stay as they are.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy import ndimage

from lodbrain_cli.imaging.components import largest_component
from lodbrain_cli.training.acquisition import NEUTRAL, apply_acquisition
from lodbrain_cli.training.spatial_augmentation import SPATIAL

WHITE_MATTER = 3
SEED = 20261121


def noise(image, labels, percent):
    """Rician noise: standard deviation in each channel, in per cent of white matter's median."""
    white = np.median(image[labels == WHITE_MATTER])
    return acquired(image, noise=float(percent / 100 * white / image.max()), seed=SEED), labels


def bias(image, labels, strength):
    """Smooth receive field: standard deviation of its logarithm within the brain."""
    controls = np.random.default_rng(SEED).standard_normal((5, 5, 5), dtype=np.float32)
    ones = np.ones(image.shape, np.float32)
    spread = np.log(acquired(ones, bias=controls)[labels > 0]).std()
    return acquired(image, bias=controls * np.float32(strength / spread)), labels


def rotation(image, labels, degrees):
    """Turn the head about the superior-inferior axis, as for lying on a side (90) or prone (180).

    Image (cubic) and labels (nearest neighbour) are turned alike, in the grid.
    """
    apply = SPATIAL["rotation"][1]
    turned, found = apply(image, labels, degrees=degrees, axes=[0, 2])
    return np.clip(turned, image.min(), image.max()), found


def slices(image, labels, thickness_mm):
    """Thick slices along superior-inferior, interpolated back to 1 mm as segmenting them would."""
    return acquired(image, slice_mm=(1.0, float(thickness_mm), 1.0)), labels


def crop(image, labels, lost_mm):
    """Field of view that ends below the brain's top; what is lost is taken from the labels too."""
    top = int(np.flatnonzero((labels > 0).any(axis=(0, 2)))[0])
    begin = top + round(lost_mm)
    inside = np.where(np.arange(labels.shape[1])[None, :, None] >= begin, labels, 0)
    kept = ((0.0, 1.0), (begin / labels.shape[1], 1.0), (0.0, 1.0))
    return acquired(image, kept=kept), inside.astype(labels.dtype)


def stripped(image, labels, margin_mm):
    """Nothing outside the reference's brain, closed and grown by a margin."""
    grown = ndimage.distance_transform_edt(labels == 0) <= margin_mm
    return image * ndimage.binary_fill_holes(grown), labels


def inverted(image, labels, _level):
    """Dark becomes bright inside the head; air stays dark."""
    white = np.median(image[labels == WHITE_MATTER])
    head = ndimage.binary_fill_holes(largest_component(image > 0.15 * white))
    brightest = np.percentile(image[head], 99.5)
    return np.where(head, np.clip(brightest - image, 0, None), 0).astype(np.float32), labels


def acquired(image, **changes):
    import keras

    scanned = apply_acquisition(
        keras.ops.convert_to_tensor(image), replace(NEUTRAL, **changes), 1.0
    )
    return np.asarray(keras.ops.convert_to_numpy(scanned))


#: Name → (function, levels, what the level means).
CORRUPTIONS: dict[str, tuple[Callable, tuple[float, ...], str]] = {
    "noise": (noise, (3, 6, 10, 20), "noise, % of white matter"),
    "bias": (bias, (0.1, 0.2, 0.3, 0.45), "receive field, SD of its logarithm"),
    "rotation": (rotation, (15, 30, 60, 90, 135, 180), "rotation, degrees"),
    "slices": (slices, (2, 3, 4, 6), "slice thickness, mm"),
    "crop": (crop, (20, 40, 60), "brain cut off at the top, mm"),
    "stripped": (stripped, (3,), "skull-stripped, margin in mm"),
    "inverted": (inverted, (1,), "inverted contrast"),
}
