"""The conformed grid: 256³ voxels of 1 mm, LIA, and both ways to and from it.

This module and ``label_image`` alone multiply affines. What it promises: every world point keeps
its world coordinates. The conformed axes are the scan's own axes (made
orthogonal), reordered and flipped to be nearest to left, inferior, anterior; an
oblique scan stays oblique, so a scan that is already 1 mm is moved voxel by
voxel and never interpolated.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from nibabel.affines import apply_affine, from_matvec, voxel_sizes
from nibabel.orientations import io_orientation

from .coverage import cut_warnings, reach_of
from .resample import resample

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SIDE", "ConformedGrid", "conform_labels", "conformed_grid", "to_conformed"]


#: Voxels along each side of the conformed grid, and its extent in mm.
SIDE = 256

# World axis (RAS) and direction of each conformed axis: Left, Inferior, Anterior.
_LIA = ((0, -1.0), (2, -1.0), (1, 1.0))


@dataclass(frozen=True)
class ConformedGrid:
    """A conformed grid and the scan's own grid that it was made for.

    Parameters
    ----------
    affine : (4, 4) float64 array
        Conformed voxel index to world, RAS+ mm.
    native_affine : (4, 4) float64 array
        Scan's voxel index to world, RAS+ mm.
    native_shape : tuple of 3 int
        Sides of the scan.
    axes : tuple of 3 int
        Scan's axis that runs along each conformed axis.
    flips : tuple of 3 bool
        Whether it runs the other way.
    """

    affine: "NDArray[np.float64]"
    native_affine: "NDArray[np.float64]"
    native_shape: tuple[int, int, int]
    axes: tuple[int, int, int]
    flips: tuple[bool, bool, bool]

    def to_native(
        self,
        volume: "NDArray[np.float32]",
        outside: float = 0.0,
        box: tuple[slice, ...] | None = None,
        origin: tuple[int, ...] = (0, 0, 0),
    ) -> "NDArray[np.float32]":
        """Resample a conformed volume onto the scan's grid, linearly.

        Parameters
        ----------
        volume : (D, H, W) float32 array
            Conformed grid (LIA, 1 mm), or a part of it.
        outside : float
            Value of scan voxels that lie outside the volume.
        box : tuple of 3 slice, optional
            Part of the scan's grid that is wanted; default: all of it.
        origin : tuple of 3 int
            Conformed voxel of the volume's first.

        Returns
        -------
        (X, Y, Z) float32 array
            On the scan's grid. Values at voxels that coincide are copied.
        """
        box = box or tuple(slice(0, side) for side in self.native_shape)
        shape = tuple(box[axis].stop - box[axis].start for axis in self.axes)
        begin = np.array([s.start for s in box])
        matrix = np.linalg.inv(self.affine) @ self.native_affine @ from_matvec(np.eye(3), begin)
        matrix[:3, 3] -= origin
        oriented = resample(volume, matrix @ self._from_oriented(shape), shape, outside)
        return np.ascontiguousarray(self._unorient(oriented))

    def onto_itself(self) -> "ConformedGrid":
        """Put the conformed grid in the scan's place."""
        return replace(
            self,
            native_affine=self.affine,
            native_shape=(SIDE, SIDE, SIDE),
            axes=(0, 1, 2),
            flips=(False, False, False),
        )

    def coarser(self, factor: int) -> "ConformedGrid":
        """Make conformed voxels of `factor` mm, each over factor³ of these."""
        # The centre of the first lies between the centres that it covers.
        within = from_matvec(np.eye(3) * factor, np.full(3, (factor - 1) / 2))
        return replace(self, affine=self.affine @ within)

    def native_box(self, box: tuple[slice, ...]) -> tuple[slice, ...]:
        """Smallest box of the scan's grid that holds a box of the conformed grid.

        Parameters
        ----------
        box : tuple of 3 slice
            Conformed voxels; the voxels' centres count.

        Returns
        -------
        tuple of 3 slice
            Never empty.
        """
        corners = np.stack(np.meshgrid(*[(s.start, s.stop - 1) for s in box]), -1).reshape(-1, 3)
        voxels = apply_affine(np.linalg.inv(self.native_affine) @ self.affine, corners)
        sides = np.array(self.native_shape)
        low = np.clip(np.floor(voxels.min(axis=0)), 0, sides - 1).astype(int)
        high = np.clip(np.ceil(voxels.max(axis=0)), low, sides - 1).astype(int)
        return tuple(slice(int(a), int(b) + 1) for a, b in zip(low, high, strict=True))

    def reach(self, margin: float = 0.0) -> "tuple[NDArray[np.float64], NDArray[np.float64]]":
        """First and last conformed coordinate of the scan along each axis.

        Parameters
        ----------
        margin : float
            Scan's voxels beyond the centres of its outermost ones; with 0.5 its
            voxels count whole.

        Returns
        -------
        low, high : (3,) float64 arrays
            In voxels; beyond the conformed grid where the scan is larger.
        """
        matrix = np.linalg.inv(self.affine) @ self.native_affine
        return reach_of(matrix, self.native_shape, margin)

    def oriented(self, native: "NDArray[np.float32]") -> "NDArray[np.float32]":
        """View of a scan-grid array with axes ordered and flipped to LIA."""
        view = np.transpose(native, self.axes)
        return view[tuple(slice(None, None, -1 if f else 1) for f in self.flips)]

    def _unorient(self, oriented: "NDArray[np.float32]") -> "NDArray[np.float32]":
        view = oriented[tuple(slice(None, None, -1 if f else 1) for f in self.flips)]
        return np.transpose(view, np.argsort(self.axes))

    def _from_oriented(self, shape: tuple[int, ...] | None = None) -> "NDArray[np.float64]":
        """Index in the oriented view, of a shape, to index in what it is a view of."""
        shape = shape or tuple(self.native_shape[axis] for axis in self.axes)
        matrix = np.zeros((4, 4))
        matrix[3, 3] = 1.0
        for row, (axis, flip) in enumerate(zip(self.axes, self.flips, strict=True)):
            matrix[axis, row] = -1.0 if flip else 1.0
            matrix[axis, 3] = shape[row] - 1 if flip else 0
        return matrix

    def from_conformed(self) -> "NDArray[np.float64]":
        """(4, 4) conformed index to index in the oriented view of the scan."""
        to_oriented = np.linalg.inv(self._from_oriented())
        return to_oriented @ np.linalg.inv(self.native_affine) @ self.affine


def conformed_grid(data: "NDArray[np.float32]", affine: "NDArray[np.float64]") -> ConformedGrid:
    """Place the conformed grid over a scan.

    The scan's field of view is centred, to the voxel below, with its first
    voxel's centre on a voxel centre of the grid. Where it is longer than
    256 mm, the grid is placed over the head instead, its top kept.

    Parameters
    ----------
    data : (X, Y, Z) array
        Intensities; read only where the field of view is longer than 256 mm.
    affine : (4, 4) array
        Voxel index to world, RAS+ mm; not singular.

    Returns
    -------
    ConformedGrid
    """
    axes, flips, rotation = _nearest_lia(affine)
    corners = np.stack(np.meshgrid(*[(0, n - 1) for n in data.shape]), -1).reshape(-1, 3)
    along = apply_affine(affine, corners) @ rotation  # mm along conformed axes
    first, last = along.min(axis=0), along.max(axis=0)
    # A thousandth of a voxel keeps float noise in the header from moving the grid by one.
    pad = np.floor((SIDE - 1 - (last - first)) / 2 + 1e-3)
    grid = ConformedGrid(np.eye(4), affine, data.shape, axes, flips)
    for axis in np.flatnonzero(last - first > SIDE - 1 + 0.5):
        step = (last[axis] - first[axis]) / max(data.shape[axes[axis]] - 1, 1)
        pad[axis] = -_window_start(grid.oriented(data), int(axis), step)
    conformed = np.eye(4)
    conformed[:3, :3] = rotation
    conformed[:3, 3] = rotation @ (first - pad)
    return ConformedGrid(conformed, affine, data.shape, axes, flips)


def to_conformed(
    data: "NDArray[np.float32]", affine: "NDArray[np.float64]"
) -> "tuple[NDArray[np.float32], ConformedGrid, tuple[str, ...]]":
    """Resample a scan to 256³, 1 mm, LIA: linear, float32.

    Parameters
    ----------
    data : (X, Y, Z) float32 array
        Finite intensities on the scan's grid.
    affine : (4, 4) array
        Voxel index to world, RAS+ mm; not singular.

    Returns
    -------
    volume : (256, 256, 256) float32 array
        Conformed grid. Outside the scan it holds 0, or the scan's background
        where that is above or below 0 everywhere.
    grid : ConformedGrid
        The way back.
    warnings : tuple of str
        Says how much was cut where the scan is larger than 256 mm.
    """
    grid = conformed_grid(data, affine)
    background = float(np.clip(0.0, data.min(), np.percentile(data[::4, ::4, ::4], 5)))
    volume = resample(
        grid.oriented(data), grid.from_conformed(), (SIDE,) * 3, background, keep_edges=True
    )
    return volume, grid, cut_warnings(*grid.reach(), SIDE)


def conform_labels(
    data: "NDArray[np.float32]",
    affine: "NDArray[np.float64]",
    grid: ConformedGrid | None = None,
) -> "NDArray[np.int32]":
    """Resample label numbers to the conformed grid: nearest neighbour.

    Parameters
    ----------
    data : (X, Y, Z) float32 array
        Whole numbers on the grid of the label image.
    affine : (4, 4) array
        Voxel index to world, RAS+ mm; not singular.
    grid : ConformedGrid, optional
        Of the image that the labels belong to, whose grid they share; default:
        placed over the label image.

    Returns
    -------
    (256, 256, 256) int32 array
        0 outside the label image.
    """
    grid = grid or conformed_grid(data, affine)
    numbers = resample(
        grid.oriented(data), grid.from_conformed(), (SIDE,) * 3, 0.0, keep_edges=True, order=0
    )
    return numbers.astype(np.int32)


def _nearest_lia(
    affine: "NDArray[np.float64]",
) -> "tuple[tuple[int, int, int], tuple[bool, bool, bool], NDArray[np.float64]]":
    """Axes, flips and (3, 3) orthonormal directions of the nearest LIA grid."""
    directions = affine[:3, :3] / voxel_sizes(affine)
    left, _, right = np.linalg.svd(directions)
    orthonormal = left @ right  # polar factor: the rotation nearest to sheared axes
    orientation = io_orientation(from_matvec(orthonormal, np.zeros(3)))
    axes, flips, columns = [], [], []
    for world, sign in _LIA:
        axis = int(np.flatnonzero(orientation[:, 0] == world)[0])
        along = float(orientation[axis, 1]) * sign
        axes.append(axis)
        flips.append(along < 0)
        columns.append(orthonormal[:, axis] * along)
    return tuple(axes), tuple(flips), np.stack(columns, axis=1)  # type: ignore[return-value]


def _window_start(oriented: "NDArray[np.float32]", axis: int, step_mm: float) -> float:
    """Where along a long axis the grid begins, in mm from the scan's first voxel."""
    others = tuple(i for i in range(3) if i != axis)
    sampled = oriented[tuple(slice(None) if i == axis else slice(None, None, 2) for i in range(3))]
    share = (sampled > sampled.mean()).mean(axis=others)
    head = np.flatnonzero(share > 0.02) * step_mm
    length = (oriented.shape[axis] - 1) * step_mm
    if len(head) == 0:
        start = (length - SIDE) / 2
    elif axis == 1 and head[-1] - head[0] > SIDE - 16:
        start = head[0] - 8.0  # superior comes first in LIA: keep the top, cut the neck
    else:
        start = (head[0] + head[-1] - SIDE) / 2
    return float(np.floor(np.clip(start, 0.0, length - SIDE + 1)))
