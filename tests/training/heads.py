"""A label map of a simple head: shells and balls with FreeSurfer's numbers."""

from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.affines import from_matvec

#: Number, centre and radii in mm (right, anterior, superior), painted in this order.
_PARTS = (
    (258, (0, 5, 4), (80, 100, 102)),
    (165, (0, 5, 4), (75, 95, 94)),
    (24, (0, 5, 4), (71, 91, 90)),
    (3, (0, 6, 30), (66, 82, 58)),
    (2, (0, 6, 32), (48, 62, 42)),
    (11, (25, 8, 26), (20, 34, 22)),
    (50, (-25, 8, 26), (20, 34, 22)),
    (4, (0, 0, 44), (16, 34, 20)),
    (8, (0, -38, -56), (46, 34, 24)),
    (16, (0, 20, -44), (20, 20, 34)),
)
_LIA = np.array([[-1.0, 0, 0], [0, 0, 1], [0, -1, 0]])


def label_map(seed: int = 0, *, skull: bool = True) -> np.ndarray:
    """(256, 256, 256) int16 on a conformed grid; another seed is another person."""
    rng = np.random.default_rng(seed)
    stretch = rng.uniform(0.97, 1.03, 3)
    axes = [np.arange(256) - 127.5 for _ in range(3)]
    left, inferior, anterior = np.meshgrid(*axes, indexing="ij", sparse=True)
    right, superior = -left, -inferior
    numbers = np.zeros((256, 256, 256), np.int16)
    for number, centre, radii in _PARTS if skull else _PARTS[2:]:
        x, y, z = (
            (axis - c * s) / (r * s)
            for axis, c, r, s in zip(
                (right, anterior, superior), centre, radii, stretch, strict=True
            )
        )
        numbers[x * x + y * y + z * z <= 1] = number
    return numbers


def save_label_map(path: Path, seed: int = 0, *, skull: bool = True) -> Path:
    """Write a label map as NIfTI."""
    affine = from_matvec(_LIA, -_LIA @ np.full(3, 127.5))
    nib.save(nib.Nifti1Image(label_map(seed, skull=skull), affine), path)
    return path
