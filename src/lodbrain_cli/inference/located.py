"""A network that sees the brain's box, behind a coarse one that finds it.

Its group statistics are those of the box, so nothing outside needs computing;
in return the box must be like those that it was trained on. Both come from one
place, :mod:`lodbrain_cli.imaging.extent`.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from ..imaging.components import largest_component
from ..imaging.extent import MARGIN_MM, STEP_MM, extent_around
from ..imaging.intensity import z_score
from ..imaging.probability_maps import ProbabilityMaps
from ..imaging.resample import max_pooled
from .engine import Engine, PartEngine
from .prediction import Prediction

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FoundBrain", "LocatedEngine", "find_brain"]

# Passes of the network at most; the first one nearly always does.
_MAX_PASSES = 4

# A brain may come as near to a side of its box where the volume goes on.
_NEAR_MM = MARGIN_MM // 2

# Where it comes nearer, the brain may go on so far.
_FURTHER_MM = 2 * STEP_MM

# Sides of a box that was found too large may be longer by so much.
_SPARE_MM = 2 * STEP_MM

# Where the finder is so sure lies the brain's core; what hangs on it by thin bridges, such as
# a face, is not of it.
_SURE = 0.9

# What the network takes for brain so far from what the finder does is none: muscle of the
# neck is as bright as cortex, and the box shows too little of the head to tell.
_AROUND_MM = 8

# Where more than this share lies farther, it is the finder that is wrong.
_MOST_APART = 0.25

# Share of the largest slice's area below which a slice holds no more than a cord.
_SLIVER = 0.05


@dataclass(frozen=True, eq=False)
class FoundBrain:
    """Where a coarse network sees the brain.

    Parameters
    ----------
    prediction : Prediction
        Of the coarse network.
    seen : (d, h, w) bool array
        What is brain, in the box of its maps and its voxels.
    box : tuple of 3 slice or None
        Around that, in voxels of the image; None where there is none.
    """

    prediction: Prediction
    seen: "NDArray[np.bool_]"
    box: tuple[slice, ...] | None


def find_brain(
    finder: Engine,
    pool: int,
    image: "NDArray[np.float32]",
    *,
    memory_limit: int | None = None,
) -> FoundBrain:
    """Find the brain with a coarse network.

    Parameters
    ----------
    finder : Engine
    pool : int
        Factor by which its input is max-pooled.
    image : (D, H, W) float32 array
        Conformed grid, 1 mm, z-scored.
    memory_limit : int, optional
        As for :meth:`.execution.StagedNetwork.predict`.

    Raises
    ------
    ResourceError
        As there.
    """
    coarse = finder.predict(max_pooled(image, pool), memory_limit=memory_limit)
    seen = _seen_brain(coarse.maps, pool)
    return FoundBrain(coarse, seen, _box_of(seen, coarse.maps.origin, pool))


@dataclass
class LocatedEngine(PartEngine):
    """Find the brain, then run a network on the box around it.

    Parameters
    ----------
    network : Engine
        Of the network that sees the box.
    heads : tuple of int
        Classes of each of its heads.
    finder : Engine
        Of the coarse network, which sees the whole volume.
    pool : int
        Factor by which the finder's input is max-pooled.
    judges_box : bool
        Whether what the network finds is the brain, so that it shows if the box is right.
    """

    finder: Engine
    pool: int
    judges_box: bool = True

    def predict(
        self,
        image: "NDArray[np.float32]",
        *,
        only_brain: bool = False,
        memory_limit: int | None = None,
    ) -> Prediction:
        """Compute class probabilities: see :meth:`.execution.StagedNetwork.predict`.

        Outside the box all is background. The box is taken anew, and the
        network run again, where the brain that it shows comes too near to a
        side or fills much less.

        Parameters
        ----------
        image : (D, H, W) float32 array
            Conformed grid, 1 mm; intensities up to a positive factor and an
            offset, for they are normalised over the box.
        only_brain, memory_limit
            As there.

        Raises
        ------
        ResourceError
            As there.
        """
        found = find_brain(self.finder, self.pool, image, memory_limit=memory_limit)
        coarse, brain = found.prediction, found.box
        prediction = Prediction(ProbabilityMaps.nothing(self.heads, image.shape), computed=0.0)
        notes, tried = list(coarse.notes), list[tuple[slice, ...]]()
        doubts: list[str] = []
        while brain is not None:
            box = extent_around(brain, image.shape)
            part = image[box]
            if box in tried or part.min() == part.max():
                break
            if len(tried) == _MAX_PASSES:
                notes.append("no box was found that fits the brain; look at the result")
                break
            tried.append(box)
            inside = self.network.predict(
                z_score(part), only_brain=only_brain, memory_limit=memory_limit
            )
            notes += inside.notes
            prediction = _outside_too(inside, box, image.shape)
            # Before the box is judged: it would grow after a neck.
            far = _far_from(found.seen, coarse.maps, self.pool, prediction.maps)
            if not self.judges_box:
                _clear(prediction.maps, far)
                break
            doubts = _doubts(prediction.maps, far)
            if not doubts:
                _clear(prediction.maps, far)
            shown = _box_of(_rather_brain(prediction.maps), prediction.maps.origin)
            brain = _better_place(brain, shown, box, image.shape)
        seconds = {"finder": sum(coarse.seconds.values()), **prediction.seconds}
        background = np.ones(coarse.maps.shape, np.float32)
        background[coarse.maps.box] = coarse.maps.all_background
        return replace(prediction, seconds=seconds, notes=(*notes, *doubts), coarse=background)


def _rather_brain(maps: ProbabilityMaps) -> "NDArray[np.bool_]":
    """Largest piece of the maps' box that is rather brain than background."""
    return largest_component(maps.all_background < 0.5)


def _seen_brain(coarse: ProbabilityMaps, scale: int) -> "NDArray[np.bool_]":
    """Tell what the finder takes for brain, but for what lies far from its core."""
    core = ndimage.binary_opening(coarse.all_background < 1 - _SURE)
    if not core.any():
        return _rather_brain(coarse)
    reach = -(-_AROUND_MM // scale)
    near = ndimage.binary_dilation(largest_component(core), iterations=reach)
    return largest_component((coarse.all_background < 0.5) & near)


def _box_of(
    brain: "NDArray[np.bool_]", origin: tuple[int, ...], scale: int = 1
) -> tuple[slice, ...] | None:
    """Box in mm around a brain whose array begins at `origin`.

    Slices with a sliver of it do not count: a spinal cord taken for brainstem
    would pull the box down the neck.
    """
    box = []
    for axis, first in enumerate(origin):
        others = tuple(i for i in range(3) if i != axis)
        area = brain.sum(axis=others)
        thick = np.flatnonzero(area > _SLIVER * area.max(initial=0))
        if not thick.size:
            return None
        box.append(slice(scale * (int(thick[0]) + first), scale * (int(thick[-1]) + 1 + first)))
    return tuple(box)


def _far_from(
    brain: "NDArray[np.bool_]", coarse: ProbabilityMaps, scale: int, maps: ProbabilityMaps
) -> "NDArray[np.bool_]":
    """Voxels of the maps that lie far from the finder's brain."""
    seen = np.zeros(coarse.shape, bool)
    seen[coarse.box] = brain
    near = ndimage.binary_dilation(seen, iterations=-(-_AROUND_MM // scale))
    for axis in range(3):
        near = near.repeat(scale, axis)
    far: NDArray[np.bool_] = ~near[maps.box]
    return far


def _doubts(maps: ProbabilityMaps, far: "NDArray[np.bool_]") -> list[str]:
    """Say so where so much lies far from the finder's brain that the finder must be wrong."""
    found = maps.all_background < 0.5
    apart = int(np.count_nonzero(found & far))
    if apart > _MOST_APART * int(np.count_nonzero(found)):
        return ["the coarse level sees the brain elsewhere; look at the result"]
    return []


def _clear(maps: ProbabilityMaps, far: "NDArray[np.bool_]") -> None:
    """Make background, in place."""
    for index, values in enumerate(maps.values):
        values[far] = maps.outside(index)


def _outside_too(inside: Prediction, box: tuple[slice, ...], shape: tuple[int, ...]) -> Prediction:
    """Place what was computed for a box in the whole volume."""
    placed = tuple(
        slice(s.start + b.start, s.stop + b.start)
        for s, b in zip(inside.maps.box, box, strict=True)
    )
    share = float(np.prod([(b.stop - b.start) / n for b, n in zip(box, shape, strict=True)]))
    maps = replace(inside.maps, box=placed, shape=shape)
    return replace(inside, maps=maps, computed=share * inside.computed)


def _better_place(
    guess: tuple[slice, ...],
    seen: tuple[slice, ...] | None,
    box: tuple[slice, ...],
    shape: tuple[int, ...],
) -> tuple[slice, ...] | None:
    """Where the brain lies after all; None when the box that was used will do."""
    if seen is None:
        return None
    place, cut = [], False
    for g, s, b, side in zip(guess, seen, box, shape, strict=True):
        begin, end = min(g.start, s.start), max(g.stop, s.stop)
        if s.start - b.start < _NEAR_MM and b.start > 0:
            begin, cut = max(0, begin - _FURTHER_MM), True
        if b.stop - s.stop < _NEAR_MM and b.stop < side:
            end, cut = min(side, end + _FURTHER_MM), True
        place.append(slice(begin, end))
    if cut:
        return tuple(place)
    tight = extent_around(seen, shape)
    wide = any(
        (b.stop - b.start) - (t.stop - t.start) >= _SPARE_MM
        for b, t in zip(box, tight, strict=True)
    )
    return seen if wide else None
