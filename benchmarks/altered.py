"""Scans with one thing wrong, each with the item of `lodbrain check` that should say so.

Alterations take a nibabel image along RAS axes and its brain mask (None where there are no
labels) and give an image; noise comes from a fixed seed.
"""

from collections.abc import Callable

import nibabel as nib
import numpy as np
from scipy import ndimage

from lodbrain_cli.imaging.components import bounding_box, largest_component

SEED = 20261121
RIGHT, FRONT, TOP = 0, 1, 2


def of(image, data, affine=None):
    """Make an image with other values."""
    affine = image.affine if affine is None else affine
    return nib.Nifti1Image(np.asarray(data, np.float32), affine)


def values(image):
    """Voxels as float32."""
    return np.asarray(image.dataobj, np.float32)


def tissue_levels(image, labels):
    """Medians of fluid, grey and white matter."""
    data = values(image)
    return [float(np.median(data[labels == n])) for n in (4, 1, 3)]


def noisy(percent):
    """Rician noise with a standard deviation of so much of white matter."""

    def alter(image, labels):
        data = values(image)
        sigma = percent / 100 * tissue_levels(image, labels)[2]
        real, imaginary = np.random.default_rng(SEED).normal(0, sigma, (2, *data.shape))
        return of(image, np.hypot(data + real, imaginary))

    return alter


def cut(axis, end, lost_mm, *, padded=False):
    """End the field of view so that so much of the brain is lost; padded: zeros instead."""

    def alter(image, labels):
        box = bounding_box(labels > 0)[axis]
        lost = round(lost_mm / image.header.get_zooms()[axis])
        kept = slice(None, box.stop - lost) if end else slice(box.start + lost, None)
        where = tuple(kept if a == axis else slice(None) for a in range(3))
        if not padded:
            return image.slicer[where]
        data = np.zeros(image.shape, np.float32)
        data[where] = values(image)[where]
        return of(image, data)

    return alter


def stripped(image, labels):
    """Brain and the fluid between alone."""
    mask = ndimage.binary_fill_holes(ndimage.binary_closing(labels > 0, iterations=2))
    return of(image, values(image) * mask)


def defaced(image, labels):
    """Nothing before an oblique plane that touches the brain from the front and below."""
    world = np.stack(np.indices(image.shape), -1) * image.header.get_zooms()
    outwards = np.array([0.0, 1.0, -1.0]) / np.sqrt(2)
    distance = world @ outwards
    return of(image, np.where(distance > distance[labels > 0].max() + 5, 0, values(image)))


def head_mask(image, labels):
    """Everything but air."""
    white = tissue_levels(image, labels)[2]
    return ndimage.binary_fill_holes(largest_component(values(image) > 0.15 * white))


def inverted(image, labels):
    """Dark becomes bright inside the head; air stays dark."""
    data, head = values(image), head_mask(image, labels)
    brightest = np.percentile(data[head], 99.5)
    return of(image, np.where(head, np.clip(brightest - data, 0, None), 0))


def negative(image, _labels):
    """Dark becomes bright, air too."""
    data = values(image)
    return of(image, data.max() - data)


def flair_like(image, labels):
    """Fluid dark, grey matter brighter than white, by a curve through the tissues' medians."""
    fluid, grey, white = tissue_levels(image, labels)
    curve = [0, fluid, grey, white, 1.6 * white], [0, 0.12, 1.0, 0.8, 0.9]
    return of(image, 1000 * np.interp(values(image), *curve))


def t2w_like(image, labels):
    """Fluid bright, white matter darkest; bone becomes bright too."""
    fluid, grey, white = tissue_levels(image, labels)
    curve = [0, fluid, grey, white, 1.6 * white], [0.9, 0.9, 0.5, 0.35, 0.6]
    head = head_mask(image, labels)
    return of(image, 1000 * np.where(head, np.interp(values(image), *curve), 0))


def sheared(image, _labels):
    """Axes 10 degrees off right angles, in the header alone."""
    affine = image.affine.copy()
    affine[:3, 1] += np.tan(np.deg2rad(10)) * affine[:3, 0]
    return of(image, values(image), affine)


def without_orientation(image, _labels):
    """Neither qform nor sform."""
    bare = nib.Nifti1Image(values(image), None)
    bare.header.set_zooms(image.header.get_zooms()[:3])
    return bare


def disagreeing(image, _labels):
    """Set a qform 5 mm beside the sform."""
    both = of(image, values(image))
    moved = image.affine.copy()
    moved[0, 3] += 5
    both.set_sform(image.affine, 1)
    both.set_qform(moved, 1)
    return both


def with_value(value, count):
    """So many voxels of one value."""

    def alter(image, _labels):
        data = values(image)
        places = np.random.default_rng(SEED).choice(data.size, count, replace=False)
        data.flat[places] = value
        return of(image, data)

    return alter


def of_8_bytes(image, _labels):
    """Whole numbers of 8 bytes."""
    return nib.Nifti1Image(values(image).astype(np.int64), image.affine, dtype=np.int64)


def thick(millimetres):
    """Slices averaged to so many mm, at least, along the head."""

    def alter(image, _labels):
        factor = int(np.ceil(millimetres / image.header.get_zooms()[TOP]))
        data = values(image)[..., : image.shape[TOP] // factor * factor]
        data = data.reshape(*data.shape[:2], -1, factor).mean(axis=-1)
        return of(image, data, image.affine @ np.diag([1, 1, factor, 1]))

    return alter


#: What was done → (alteration, item that should say so; None: no item should).
ALTERED: dict[str, tuple[Callable, str | None]] = {
    "noise of 3 % of white matter": (noisy(3), None),
    "noise of 10 %": (noisy(10), None),
    "noise of 20 %": (noisy(20), "noise"),
    "scalp lost at the top, brain just not": (cut(TOP, 1, 0), "field of view"),
    "10 mm of brain lost at the top": (cut(TOP, 1, 10), "field of view"),
    "10 mm lost at the top, padded with 0": (cut(TOP, 1, 10, padded=True), "field of view"),
    "10 mm lost on the left": (cut(RIGHT, 0, 10), "field of view"),
    "10 mm lost at the back": (cut(FRONT, 0, 10), "field of view"),
    "10 mm lost at the bottom": (cut(TOP, 0, 10), "field of view"),
    "40 mm lost at the bottom": (cut(TOP, 0, 40), "field of view"),
    "inverted, air dark": (inverted, "contrast"),
    "T2w-like curve": (t2w_like, "contrast"),
    "FLAIR-like curve": (flair_like, "contrast"),
    "negative, air bright": (negative, "head"),
    "skull-stripped": (stripped, "skull"),
    "face cut off": (defaced, "face"),
    "slices of 4 mm": (thick(4), "voxel size"),
    "neither qform nor sform": (without_orientation, "orientation"),
    "qform 5 mm off": (disagreeing, "orientation"),
    "axes sheared by 10 degrees": (sheared, "axes"),
    "int64": (of_8_bytes, "data type"),
    "20 voxels of 1e7": (with_value(1e7, 20), "intensities"),
    "20 voxels NaN": (with_value(np.nan, 20), "intensities"),
    "4-D": (lambda image, _: nib.concat_images([image, image]), "dimensions"),
}
