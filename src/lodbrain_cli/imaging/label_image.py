"""Label images of any protocol: read, reduced to a label set, brought to another grid."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from nibabel.affines import apply_affine

from ..errors import InputError
from ..labels import LabelMap
from .corners import SAME_VOXEL, corner_voxels, farthest_mm
from .nifti import Scan, read_image
from .resample import resample

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "LabelImage",
    "read_any_labels",
    "read_label_numbers",
    "read_labels",
    "reduce_numbers",
    "to_grid_of",
]

_LARGEST_NUMBER = 2**24  # float32 holds whole numbers exactly up to here


@dataclass(frozen=True, eq=False)
class LabelImage:
    """Labels of a label set on a grid.

    Parameters
    ----------
    labels : (X, Y, Z) uint8 array
    affine : (4, 4) float64 array
        Voxel index to world, RAS+ mm.
    name : str
        What to call it in messages.
    warnings : tuple of str
        What is odd about the file.
    """

    labels: "NDArray[np.uint8]"
    affine: "NDArray[np.float64]"
    name: str
    warnings: tuple[str, ...] = ()


def read_any_labels(path: Path) -> tuple[Scan, list[int]]:
    """Read a label image of whatever protocol.

    Parameters
    ----------
    path : Path
        NIfTI or MGH.

    Returns
    -------
    scan : Scan
        Whole numbers, float32.
    present : list of int
        Those that occur, ascending.

    Raises
    ------
    InputError
        When the file cannot be read, or holds values that are no label numbers.
    """
    scan = read_image(path)
    bad = ~((scan.data >= 0) & (scan.data < _LARGEST_NUMBER) & (scan.data == np.rint(scan.data)))
    if bad.any():
        msg = f"{path}: holds values that are no label numbers, such as {scan.data[bad][0]:g}"
        raise InputError(msg)
    return scan, _present(scan.data)


def read_label_numbers(path: Path, label_map: LabelMap) -> Scan:
    """Read a label image of a protocol, with its own numbers.

    Parameters
    ----------
    path : Path
        NIfTI or MGH.
    label_map : LabelMap
        Of the protocol.

    Returns
    -------
    Scan
        Whole numbers that the protocol knows, float32; all 0 is accepted.

    Raises
    ------
    InputError
        When the file cannot be read, or holds values that are no label
        numbers or not of the protocol.
    """
    scan, present = read_any_labels(path)
    foreign = [n for n in present if not label_map.knows(n)]
    if foreign:
        msg = (
            f"{path}: {len(foreign)} label numbers are not of the protocol "
            f"{label_map.name!r}, the first is {foreign[0]}; name the right label map"
        )
        raise InputError(msg)
    return scan


def _present(numbers: "NDArray[np.float32]") -> list[int]:
    """Numbers that occur; counting is faster than sorting."""
    return [int(n) for n in np.flatnonzero(np.bincount(numbers.ravel().astype(np.int32)))]


def reduce_numbers(
    numbers: "NDArray[np.floating[Any] | np.integer[Any]]", label_map: LabelMap
) -> "NDArray[np.uint8]":
    """Turn a protocol's numbers into the labels of a label set.

    Parameters
    ----------
    numbers : (X, Y, Z) array
        Whole numbers, not negative.
    label_map : LabelMap

    Returns
    -------
    (X, Y, Z) uint8 array
    """
    table = [label_map.reduce(n) for n in range(int(numbers.max()) + 1)]
    reduced: NDArray[np.uint8] = np.array(table, np.uint8)[numbers.astype(np.int32)]
    return reduced


def read_labels(path: Path, label_map: LabelMap) -> LabelImage:
    """Read a label image and reduce it to a label set.

    Parameters
    ----------
    path : Path
        NIfTI or MGH.
    label_map : LabelMap
        Of the numbers in the file.

    Raises
    ------
    InputError
        As :func:`read_label_numbers`.
    """
    scan = read_label_numbers(path, label_map)
    labels = reduce_numbers(scan.data, label_map)
    return LabelImage(labels, scan.affine, scan.name, scan.warnings)


def to_grid_of(
    image: LabelImage, reference: LabelImage, *, resampling: bool = False
) -> "NDArray[np.uint8]":
    """Bring labels to the grid of a reference.

    Where both have the same voxels, to a tenth of one, in another order (RAS
    and LIA, say), they are only reordered.

    Parameters
    ----------
    image, reference : LabelImage
    resampling : bool
        Take the nearest voxel where the grids differ; background beyond the
        image.

    Returns
    -------
    (X, Y, Z) uint8 array
        On the reference's grid.

    Raises
    ------
    InputError
        When the grids differ and `resampling` is off.
    """
    shape = reference.labels.shape
    matrix = np.linalg.inv(image.affine) @ reference.affine
    reordered = _reordered(image.labels, matrix, shape)
    if reordered is not None:
        return reordered
    if not resampling:
        apart = farthest_mm(image.affine, reference.affine, shape)
        msg = (
            f"{image.name}: lies on another grid than its reference {reference.name}: shapes "
            f"{image.labels.shape} and {shape}, same voxels up to {apart:.1f} mm apart; "
            "resample it first, or use --resample"
        )
        raise InputError(msg)
    moved = resample(image.labels.astype(np.float32), matrix, shape, 0.0, keep_edges=True, order=0)
    return np.rint(moved).astype(np.uint8)


def _reordered(
    labels: "NDArray[np.uint8]", matrix: "NDArray[np.float64]", shape: tuple[int, ...]
) -> "NDArray[np.uint8] | None":
    """View with axes ordered and flipped as `matrix` (index to index) says; None if it is more."""
    turn = np.rint(matrix[:3, :3])
    if not np.array_equal(turn @ turn.T, np.eye(3)):
        return None
    axes = [int(axis) for axis in np.abs(turn).argmax(axis=0)]  # of the labels, in the new order
    if tuple(labels.shape[axis] for axis in axes) != shape:
        return None
    flips = [bool(turn[axis, new] < 0) for new, axis in enumerate(axes)]
    expected = np.eye(4)
    expected[:3, :3] = turn
    for axis, flip in zip(axes, flips, strict=True):
        expected[axis, 3] = labels.shape[axis] - 1 if flip else 0
    corners = corner_voxels(shape)
    apart = apply_affine(matrix, corners) - apply_affine(expected, corners)
    if np.abs(apart).max() > SAME_VOXEL:
        return None
    view = np.transpose(labels, axes)
    return view[tuple(slice(None, None, -1 if flip else 1) for flip in flips)]
