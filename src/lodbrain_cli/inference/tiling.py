"""Where to compute: boxes that cover the cells that are needed, and what is fed for each."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .plan import Stage

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Box", "Shape", "Tile", "borders", "box_size", "cell_boxes", "scaled", "tiles"]

# Cells that a box should measure across, at least.
_THICK = 2

#: Voxels, along each axis.
Box = tuple[slice, slice, slice]
Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Tile:
    """Where to compute, and which part of that is right.

    Parameters
    ----------
    window : Box
        What is fed to the stage, in voxels of the image.
    keep : Box
        Part of it whose values are exact.
    border : bool
        Whether it lies in the seam, where the uncomposed graph must be used.
    """

    window: Box
    keep: Box
    border: bool = False


def tiles(
    shape: Shape, stage: Stage, cell: int, needed: "NDArray[np.bool_]", size: Shape
) -> list[Tile]:
    """Windows that cover what is needed of a volume, each with its exact part.

    Inside the seam that composing leaves, boxes; in the seam, thin faces for the
    uncomposed graph. A window that touches the volume's border is exact up to
    it, because the network pads with zeros there as it does in the whole volume.

    Parameters
    ----------
    shape : tuple of 3 int
        Of the volume in voxels, each side a multiple of the stage's alignment.
    stage : Stage
    cell : int
        Side of a cell in voxels; a multiple of the stage's alignment.
    needed : (ceil(D / cell), ...) bool array
        Cells of which every voxel is wanted.
    size : tuple of 3 int
        Of a box, in cells.

    Returns
    -------
    list of Tile
        Their exact parts are disjoint; those of equal shape follow one another.
    """
    seam = _round_up(stage.seam, stage.scale)
    inner = tuple(slice(seam, side - seam) for side in shape)
    found = []
    for box in cell_boxes(needed, size):
        keep = _intersection([slice(s.start * cell, s.stop * cell) for s in box], inner)
        if keep is not None:
            found.append(_tile(shape, stage, keep))
    if seam:
        found.extend(_faces(shape, stage, seam, cell, needed, size))
    return sorted(found, key=lambda tile: _kind(tile, shape))


def cell_boxes(needed: "NDArray[np.bool_]", size: Shape) -> Iterator[Box]:
    """Disjoint boxes of one size that hold all cells that are needed.

    A regular grid of boxes, beginning where the needed cells do; those without
    a needed cell are left out.

    Parameters
    ----------
    needed : (a, b, c) bool array
    size : tuple of 3 int
        Of a box, in cells; only where the volume ends it is smaller.

    Yields
    ------
    Box
        In cells.
    """
    others = ((1, 2), (0, 2), (0, 1))
    lines = [np.asarray(needed.any(axis=axes)) for axes in others]
    steps = [list(_steps(line, side)) for line, side in zip(lines, size, strict=True)]
    for slab, row, part in itertools.product(*steps):
        if needed[slab, row, part].any():
            yield slab, row, part


def box_size(needed: "NDArray[np.bool_]", voxels: int, cell: int) -> Shape:
    """Size of boxes, in cells, of about so many voxels, that divides what is needed evenly.

    Boxes reach through along the last axis where that leaves them thick enough: there
    are fewer kinds of them to compile then, and no more halo.

    Parameters
    ----------
    needed : (a, b, c) bool array
    voxels : int
    cell : int
        Side of a cell in voxels.
    """
    lengths = [np.flatnonzero(needed.any(axis=others)) for others in ((1, 2), (0, 2), (0, 1))]
    spans = [int(w[-1] - w[0]) + 1 if w.size else 1 for w in lengths]
    cells = voxels / cell**3
    side = math.sqrt(cells / spans[2])
    if side >= _THICK:
        most = (round(0.8 * side), round(1.25 * side), spans[2])
    else:
        side = cells ** (1 / 3)
        first, second = max(1, round(0.5 * side)), max(1, round(0.8 * side))
        most = (first, second, max(1, int(cells / (first * second))))
    one, two, three = (-(-span // -(-span // m)) for span, m in zip(spans, most, strict=True))
    return one, two, three


def scaled(box: Box, scale: int) -> Box:
    """Box of a tensor with fewer voxels than the image."""
    first, second, third = (slice(s.start // scale, s.stop // scale) for s in box)
    return first, second, third


def borders(tile: Tile, shape: Shape) -> tuple[tuple[bool, bool], ...]:
    """Whether a window touches the volume's border, at the begin and end of each axis."""
    return tuple((w.start == 0, w.stop == n) for w, n in zip(tile.window, shape, strict=True))


def _steps(line: "NDArray[np.bool_]", size: int) -> Iterator[slice]:
    """Yield steps of one size from the first True to the last, within the volume if that fits."""
    where = np.flatnonzero(line)
    if where.size:
        begin, span = int(where[0]), int(where[-1] - where[0]) + 1
        begin = max(0, min(begin, line.size - -(-span // size) * size))
        for start in range(begin, int(where[-1]) + 1, size):
            yield slice(start, min(start + size, line.size))


def _kind(tile: Tile, shape: Shape) -> tuple[object, ...]:
    """Tell what tiles have in common that one compiled stage serves."""
    sides = [s.stop - s.start for s in (*tile.window, *tile.keep)]
    return (tile.border, sides, borders(tile, shape))


def _tile(shape: Shape, stage: Stage, keep: Box, *, border: bool = False) -> Tile:
    """Feed a halo around an exact part, up to the volume's border."""
    step = stage.alignment
    first, second, third = (
        slice(
            max(0, (k.start - stage.halo) // step * step),
            min(side, _round_up(k.stop + stage.halo, step)),
        )
        for k, side in zip(keep, shape, strict=True)
    )
    return Tile((first, second, third), keep, border)


def _faces(
    shape: Shape, stage: Stage, seam: int, cell: int, needed: "NDArray[np.bool_]", size: Shape
) -> Iterator[Tile]:
    """Cover what is needed of the six sides of a volume, `seam` deep, disjoint."""
    layers = -(-seam // cell)
    # Long strips, so that few kinds need compiling, of twice as many voxels as a box has.
    strip = max(1, int(2 * math.prod(size) * cell / seam / max(needed.shape)))
    for axis, side in enumerate(shape):
        ends = (
            (slice(0, min(seam, side)), slice(0, layers)),
            (slice(max(side - seam, seam), side), slice((side - seam) // cell, None)),
        )
        # Earlier axes have these edges already.
        within = [slice(0, s) if a > axis else slice(seam, s - seam) for a, s in enumerate(shape)]
        for depth, layer in ends:
            flat = np.zeros_like(needed)
            seen = np.moveaxis(needed, axis, 0)[layer].any(axis=0)
            np.moveaxis(flat, axis, 0)[0] = seen
            for box in cell_boxes(flat, _strip(needed.shape, axis, strip)):
                wanted = [slice(s.start * cell, s.stop * cell) for s in box]
                wanted[axis] = within[axis] = depth
                keep = _intersection(wanted, within)
                if keep is not None:
                    yield _tile(shape, stage, keep, border=True)


def _strip(cells: tuple[int, ...], axis: int, width: int) -> Shape:
    """Size of strips, in cells, of a face across `axis`: as long as it is."""
    across = 1 if axis == 0 else 0
    pieces = -(-cells[across] // width)
    first, second, third = (
        -(-side // pieces) if number == across else side for number, side in enumerate(cells)
    )
    return first, second, third


def _intersection(one: "list[slice]", other: "list[slice] | tuple[slice, ...]") -> Box | None:
    first, second, third = (
        slice(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(one, other, strict=True)
    )
    if any(s.start >= s.stop for s in (first, second, third)):
        return None
    return first, second, third


def _round_up(value: int, step: int) -> int:
    return -(-value // step) * step
