"""The outline of a head: a mask on a coarse grid and the largest ball inside.

The ball finds the cranium whichever way the head is turned, for no part of a
head is as thick; neck, nose and shoulders do not move it.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from ..imaging.components import largest_component
from ..imaging.conform import SIDE, ConformedGrid
from ..imaging.intensity import most_frequent
from ..imaging.resample import mean_pooled

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["STEP_MM", "CloseUp", "Outline", "find_outline"]

#: Side of a voxel of the coarse grid.
STEP_MM = 4
_FINER_MM = 2
_CLOSING_STEPS = 3  # 12 mm: over the dark skull between scalp and brain
_FEWEST_CELLS = 5  # along each axis: 20 mm are no head
_CORE = 0.65  # of the ball's radius


@dataclass(frozen=True, eq=False)
class CloseUp:
    """The surroundings of the cranium in voxels of 2 mm, conformed axes.

    Parameters
    ----------
    image : (A, B, C) float32 array
        Intensities above air.
    inside : (A, B, C) bool array
        Within the outline.
    offsets_mm : (3, A, B, C) float32 array
        From the centre of the ball, towards L, I, A.
    """

    image: "NDArray[np.float32]"
    inside: "NDArray[np.bool_]"
    offsets_mm: "NDArray[np.float32]"

    @cached_property
    def distance_mm(self) -> "NDArray[np.float32]":
        """(A, B, C) distances from the centre of the ball."""
        distance: NDArray[np.float32] = np.sqrt(np.square(self.offsets_mm).sum(axis=0))
        return distance


@dataclass(frozen=True, eq=False)
class Outline:
    """A head's outline in the conformed grid (LIA, 1 mm).

    Parameters
    ----------
    image : (256, 256, 256) float32 array
        Intensities on the conformed grid.
    grid : ConformedGrid
    origin : (3,) int array
        Coarse voxel at which `coarse` begins: the field of view, padding of one
        value left out.
    coarse : (X, Y, Z) float32 array
        Mean intensity of voxels of 4 mm.
    bright : (X, Y, Z) bool array
        Brighter than air.
    inside : (X, Y, Z) bool array
        Within the head, its holes filled.
    centre : (3,) float64 array
        Of the largest ball inside; conformed voxels.
    radius_mm : float
        Of that ball.
    air : float
        Mean intensity of what is darker than the head.
    threshold : float
        Intensity from which on a voxel is brighter than air.
    common : float
        Intensity that most voxels have: of padding and masked air.
    field : tuple of 3 slice
        Conformed voxels that the scan covers.
    """

    image: "NDArray[np.float32]"
    grid: ConformedGrid
    origin: "NDArray[np.int_]"
    coarse: "NDArray[np.float32]"
    bright: "NDArray[np.bool_]"
    inside: "NDArray[np.bool_]"
    centre: "NDArray[np.float64]"
    radius_mm: float
    air: float
    threshold: float
    common: float
    field: tuple[slice, ...]

    @property
    def volume_ml(self) -> float:
        """Volume of what is within the outline."""
        return float(np.count_nonzero(self.inside)) * STEP_MM**3 / 1000

    @cached_property
    def offsets_mm(self) -> "NDArray[np.float32]":
        """(3, X, Y, Z) offsets of the coarse voxels from the centre, towards L, I, A."""
        return _offsets(self.origin, self.inside.shape, STEP_MM, self.centre)

    @cached_property
    def core(self) -> "NDArray[np.float32]":
        """(N,) intensities above air in the middle of the ball, coarse voxels."""
        distance = np.linalg.norm(self.offsets_mm, axis=0)
        core: NDArray[np.float32] = self.coarse[distance < _CORE * self.radius_mm]
        return core - np.float32(self.air)

    @cached_property
    def close_up(self) -> CloseUp:
        """The cranium and what is near it."""
        step, reach = _FINER_MM, 1.5 * self.radius_mm
        begin = np.clip(np.floor((self.centre - reach) / step), 0, None).astype(int)
        end = np.clip(np.ceil((self.centre + reach) / step), None, SIDE // step).astype(int)
        part = tuple(slice(step * a, step * b) for a, b in zip(begin, end, strict=True))
        image = mean_pooled(self.image[part], step) - np.float32(self.air)
        whole = np.zeros((SIDE // STEP_MM,) * 3, bool)
        placed = zip(self.origin, self.inside.shape, strict=True)
        whole[tuple(slice(o, o + n) for o, n in placed)] = self.inside
        ratio = STEP_MM // step
        inside = whole[np.ix_(*[np.arange(a, b) // ratio for a, b in zip(begin, end, strict=True)])]
        return CloseUp(image, inside, _offsets(begin, image.shape, step, self.centre))


def find_outline(image: "NDArray[np.float32]", grid: ConformedGrid) -> Outline | None:
    """Find the outline of what was scanned.

    Parameters
    ----------
    image : (256, 256, 256) float32 array
        Intensities on the conformed grid; finite, not constant.
    grid : ConformedGrid

    Returns
    -------
    Outline or None
        None where nothing stands out from the air.
    """
    common = most_frequent(image)
    low, high = grid.reach(margin=0.5)  # whole voxels: from -0.5 to 255.5 in the grid's own
    field = [(max(0.0, a + 0.5), min(float(SIDE), b + 0.5)) for a, b in zip(low, high, strict=True)]
    seen = _whole_cells(field)
    content = [_varied(image, axis, common) for axis in range(3)]
    view = _whole_cells(
        [(max(a[0], b[0]), min(a[1], b[1])) for a, b in zip(field, content, strict=True)]
    )
    if any(part.stop - part.start < _FEWEST_CELLS for part in view):
        return None
    coarse = mean_pooled(image, STEP_MM)[view]
    origin = np.array([part.start for part in view])
    clipped = np.minimum(coarse, np.percentile(coarse, 99))
    if clipped.min() == clipped.max():
        return None
    between = _otsu(clipped)
    air = float(clipped[clipped <= between].mean())
    # Half-way down from Otsu's threshold: fluid and muscle are darker than it in T1w.
    threshold = (between + air) / 2
    bright = clipped > threshold
    inside = _filled(ndimage.binary_opening(bright))
    if not inside.any():
        return None
    # Beyond the field of view the head goes on, but for its lower end: shoulders are thick.
    room = np.pad(inside, 1, mode="edge")
    room[:, -1] = False
    depth = ndimage.distance_transform_edt(room)[1:-1, 1:-1, 1:-1] * STEP_MM
    deepest = np.array(np.unravel_index(depth.argmax(), depth.shape))
    centre = (deepest + origin + 0.5) * STEP_MM - 0.5
    radius = float(depth.max())
    return Outline(
        image, grid, origin, coarse, bright, inside, centre, radius, air, threshold, common,
        tuple(slice(STEP_MM * part.start, STEP_MM * part.stop) for part in seen),
    )  # fmt: skip


def _whole_cells(extents: "Iterable[tuple[float, float]]") -> tuple[slice, ...]:
    """Coarse voxels that lie within extents of conformed voxels; a hundredth is rounding."""
    return tuple(
        slice(int(np.ceil(a / STEP_MM - 0.01)), int(np.floor(b / STEP_MM + 0.01)))
        for a, b in extents
    )


def _varied(image: "NDArray[np.float32]", axis: int, common: float) -> tuple[int, int]:
    """Where along an axis there are other values than the common one: first, and after last."""
    every = tuple(slice(None) if a == axis else slice(None, None, 3) for a in range(3))
    others = tuple(a for a in range(3) if a != axis)
    places = np.flatnonzero((image[every] != np.float32(common)).any(axis=others))
    return (int(places[0]), int(places[-1]) + 1) if len(places) else (0, 0)


def _filled(bright: "NDArray[np.bool_]") -> "NDArray[np.bool_]":
    """Largest piece after closing gaps and filling holes."""
    wide = np.pad(bright, _CLOSING_STEPS + 1, mode="edge")
    closed = ndimage.binary_fill_holes(ndimage.binary_closing(wide, iterations=_CLOSING_STEPS))
    middle = slice(_CLOSING_STEPS + 1, -_CLOSING_STEPS - 1)
    return largest_component(closed[middle, middle, middle])


def _otsu(values: "NDArray[np.float32]") -> float:
    """Threshold between two classes of largest variance between them (Otsu 1979)."""
    counts, edges = np.histogram(values, 256)
    middles = (edges[1:] + edges[:-1]) / 2
    below = np.cumsum(counts)
    total, moment = below[-1], np.cumsum(counts * middles)
    between = np.zeros(len(counts))
    apart = (below > 0) & (below < total)
    gap = moment[-1] * below[apart] - moment[apart] * total
    between[apart] = gap**2 / (below[apart] * (total - below[apart]).astype(float))
    return float(middles[between.argmax()])


def _offsets(
    origin: "NDArray[np.int_]", shape: tuple[int, ...], step: int, centre: "NDArray[np.float64]"
) -> "NDArray[np.float32]":
    """(3, *shape) mm from a centre, in conformed voxels, to the middles of larger voxels."""
    lines = [
        ((np.arange(n) + o + 0.5) * step - 0.5 - c).astype(np.float32)
        for n, o, c in zip(shape, origin, centre, strict=True)
    ]
    return np.stack(np.meshgrid(*lines, indexing="ij"))
