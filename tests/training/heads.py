"""A label map of a simple head: shells and balls with FreeSurfer's numbers."""

from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.affines import from_matvec

#: Number, centre and radii in mm (right, anterior, superior), painted in this order.
_PARTS = (
    (258, (0, 5, -5), (80, 100, 97)),
    (165, (0, 5, 5), (74, 94, 88)),
    (24, (0, 5, 6), (70, 90, 84)),
    (3, (0, 8, 20), (66, 82, 64)),
    (2, (0, 8, 22), (48, 62, 46)),
    (11, (26, 8, 14), (22, 34, 24)),
    (50, (-26, 8, 14), (22, 34, 24)),
    (4, (0, 0, 32), (18, 34, 22)),
    (8, (0, -42, -40), (46, 34, 30)),
    (16, (0, 2, -44), (24, 24, 34)),
)
_LIA = np.array([[-1.0, 0, 0], [0, 0, 1], [0, -1, 0]])


def label_map(seed: int = 0) -> np.ndarray:
    """(256, 256, 256) int16 on a conformed grid; another seed is another person."""
    rng = np.random.default_rng(seed)
    stretch = rng.uniform(0.97, 1.03, 3)
    axes = [np.arange(256) - 127.5 for _ in range(3)]
    left, inferior, anterior = np.meshgrid(*axes, indexing="ij", sparse=True)
    right, superior = -left, -inferior
    numbers = np.zeros((256, 256, 256), np.int16)
    for number, centre, radii in _PARTS:
        x, y, z = (
            (axis - c * s) / (r * s)
            for axis, c, r, s in zip(
                (right, anterior, superior), centre, radii, stretch, strict=True
            )
        )
        numbers[x * x + y * y + z * z <= 1] = number
    return numbers


def save_label_map(path: Path, seed: int = 0) -> Path:
    """Write a label map as NIfTI."""
    affine = from_matvec(_LIA, -_LIA @ np.full(3, 127.5))
    nib.save(nib.Nifti1Image(label_map(seed), affine), path)
    return path
