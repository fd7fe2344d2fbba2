"""A head-like phantom with unequal sides and a marker on the left only."""

from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.affines import from_matvec

#: World position (RAS mm) of the centre of the marker: left, anterior, superior.
MARKER_MM = np.array([-40.0, 15.0, 12.0])
MARKER_RADIUS_MM = 9.0
HEAD_RADII_MM = np.array([70.0, 88.0, 76.0])
HEAD, MARKER = 100.0, 400.0

#: Axis directions of awkward grids: columns are RAS directions of the voxel axes.
GRIDS = {
    "RAS": np.diag([1.0, 1, 1]),
    "LAS": np.diag([-1.0, 1, 1]),
    "LPS": np.diag([-1.0, -1, 1]),
    "LIA": np.array([[-1.0, 0, 0], [0, 0, 1], [0, -1, 0]]),
    "PIR": np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]]),
}


def rotation(degrees: tuple[float, float, float]) -> np.ndarray:
    """(3, 3) rotation about x, then y, then z."""
    matrix = np.eye(3)
    for axis, angle in enumerate(np.deg2rad(degrees)):
        i, j = [a for a in range(3) if a != axis]
        turn = np.eye(3)
        turn[i, i] = turn[j, j] = np.cos(angle)
        turn[i, j], turn[j, i] = -np.sin(angle), np.sin(angle)
        matrix = turn @ matrix
    return matrix


def centred_affine(
    directions: np.ndarray,
    voxel_mm: tuple[float, float, float],
    shape: tuple[int, int, int],
    centre_mm: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> np.ndarray:
    """Affine of a grid whose middle lies at a world position."""
    linear = directions @ np.diag(voxel_mm)
    middle = (np.array(shape) - 1) / 2
    return from_matvec(linear, np.array(centre_mm) - linear @ middle)


def world_coordinates(affine: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """(X, Y, Z, 3) RAS mm of every voxel centre."""
    index = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"), -1)
    return index @ affine[:3, :3].T + affine[:3, 3]


def paint(affine: np.ndarray, shape: tuple[int, ...], dtype: str = "float32") -> np.ndarray:
    """Ellipsoid head with a bright ball in its left half, in any grid."""
    world = world_coordinates(affine, shape)
    head = (np.square(world / HEAD_RADII_MM).sum(-1) <= 1) * HEAD
    marker = np.square(world - MARKER_MM).sum(-1) <= MARKER_RADIUS_MM**2
    return np.where(marker, MARKER, head).astype(dtype)


def phantom(
    folder: Path,
    name: str = "head_T1w.nii.gz",
    directions: np.ndarray = GRIDS["RAS"],
    voxel_mm: tuple[float, float, float] = (2.0, 2.2, 2.6),
    shape: tuple[int, int, int] = (80, 96, 70),
    dtype: str = "int16",
) -> Path:
    """Write a phantom as NIfTI and return its path."""
    affine = centred_affine(directions, voxel_mm, shape)
    image = nib.Nifti1Image(paint(affine, shape, dtype), affine)
    image.header.set_xyzt_units("mm")
    image.set_sform(affine, code=1)
    image.set_qform(affine, code=1)
    path = folder / name
    nib.save(image, path)
    return path


def centroid_mm(mask: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """World position of the centre of a mask."""
    return np.argwhere(mask).mean(axis=0) @ affine[:3, :3].T + affine[:3, 3]
