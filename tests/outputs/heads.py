"""Displays of the phantom with its left-only marker."""

import nibabel as nib
import numpy as np

from lodbrain_cli.labels import get_label_set
from lodbrain_cli.outputs.display import Display, Overlay, make_display

from ..phantoms import GRIDS, HEAD, MARKER, centred_affine, paint

SHAPE, VOXEL_MM = (80, 96, 70), (2.0, 2.2, 2.6)


def labels_of(image: np.ndarray) -> np.ndarray:
    """Head → white matter, its left-only marker → brainstem."""
    return np.select([image >= MARKER, image >= HEAD], [6, 3], 0).astype(np.uint8)


def phantom_display(
    directions: np.ndarray = GRIDS["RAS"],
    name: str = "head_T1w.nii.gz",
    others: tuple[str, ...] = (),
    noise: float = 0.0,
) -> Display:
    affine = centred_affine(directions, VOXEL_MM, SHAPE)
    image = paint(affine, SHAPE)
    labels = labels_of(image)
    image += noise * np.random.default_rng(7).standard_normal(image.shape, np.float32)
    names = get_label_set("lod-brain-7")
    overlays = [Overlay("result", labels, names)]
    # Others see grey matter in place of white.
    overlays += [Overlay(other, np.where(labels == 3, 1, labels), names) for other in others]
    return make_display(name, image, affine, overlays)


def phantom_files(folder, name="head_T1w.nii.gz", **options):
    """Scan and labels as files; paths of both."""
    from ..phantoms import phantom

    scan = phantom(folder, name, **options)
    image = nib.load(scan)
    labels = nib.Nifti1Image(labels_of(image.get_fdata()), image.affine)
    path = folder / "seg.nii.gz"
    nib.save(labels, path)
    return scan, path
