"""Carry a plan out: stage by stage, tile by tile, with any engine's compiled stages."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from ..imaging.components import grown, largest_component
from ..imaging.probability_maps import ProbabilityMaps
from ..networks.graph import Graph
from .background import (
    GRAIN,
    ConstantResponse,
    any_in_cells,
    dilated,
)
from .compiled import CompiledStage
from .moments import MomentsSum
from .plan import Stage, make_plan
from .state import State, cell_of
from .tiling import Box, Shape, Tile, borders, box_size, scaled, tiles

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Prediction", "StagedNetwork"]

# Bytes of the widest tensor of a tile: small ones stay in a processor's cache.
_TILE_BYTES = 8 * 2**20

# How much larger tiles are where the whole volume is computed.
_LARGER_WHERE_ALL = 4

# A voxel may be brain where the background has less than this: what cleaning asks (SPEC A.7 b).
_SURELY_BACKGROUND = 0.75

# The same of the coarse level, whose word is rougher, and how many voxels around it.
_COARSELY_BACKGROUND = 0.9
_MARGIN_VOX = 8

# Background kept around what is computed: as far as cleaning smooths it, twice.
_ROOM_VOX = 4


@dataclass(frozen=True)
class Prediction:
    """What a network computes for one image.

    Parameters
    ----------
    maps : ProbabilityMaps
        Values of the requested node, class by class, on the image's grid.
    moments : mapping of str to (2, groups) float64 array
        Mean and biased variance of every group, per normalisation.
    seconds : mapping of str to float
        Wall time of each stage, by the tensor that it computes.
    computed : float
        Share of the volume whose output was computed; the rest is background.
    """

    maps: ProbabilityMaps
    moments: "Mapping[str, NDArray[np.float64]]"
    seconds: Mapping[str, float] = field(default_factory=dict)
    computed: float = 1.0

    @property
    def output(self) -> "NDArray[np.float32]":
        """(C, D, H, W) values everywhere."""
        return self.maps.array()


class StagedNetwork:
    """A network cut into stages, for volume after volume.

    Parameters
    ----------
    graph : Graph
    compile_stage : callable
        Makes a :class:`.compiled.CompiledStage` of a :class:`Stage`.
    output : str
        Node whose values are wanted.
    compose : bool
        Compose linear operations; at the volume's border the graph as it
        stands is used, so that the result is the same but for rounding.
    tile_bytes : int
        Of the widest tensor of a tile, about; four times that where a stage is
        computed for the whole volume.
    """

    def __init__(
        self,
        graph: Graph,
        compile_stage: Callable[[Stage], CompiledStage],
        *,
        output: str = "probabilities",
        compose: bool = True,
        tile_bytes: int = _TILE_BYTES,
    ) -> None:
        self._plan = make_plan(graph, output, compose=compose)
        self.tile_bytes = tile_bytes
        self._compile = compile_stage
        self._compiled: dict[tuple[str, str], CompiledStage] = {}

    def predict(self, image: "NDArray[np.float32]", *, only_brain: bool = False) -> Prediction:
        """Compute the output for one image.

        Parameters
        ----------
        image : (D, H, W) float32 array
            Normalised intensities on the network's grid (conformed, LIA, 1 mm);
            sides are multiples of the config's alignment.
        only_brain : bool
            Compute the output only where the coarse level sees brain, and
            onwards from there as long as brain is found. Elsewhere the
            background has probability 1. Group moments are always those of the
            whole volume.

        Returns
        -------
        Prediction
        """
        state = State(image)
        seconds = {}
        for number, stage in enumerate(self._plan.stages[:-1]):
            started = time.perf_counter()
            result = self._run_everywhere(stage, state)
            if stage.kept:
                state.tensors[stage.output] = result
            self._forget(state, number)
            seconds[stage.output] = time.perf_counter() - started
        started = time.perf_counter()
        maps, computed = self._finish(state, only_brain=only_brain)
        seconds[self._plan.stages[-1].output] = time.perf_counter() - started
        self._release()
        return Prediction(maps, state.moments, seconds, computed)

    def _run_everywhere(self, stage: Stage, state: State) -> "NDArray[np.float32]":
        """Compute a tensor and its moments, the constant part of the image once."""
        sides = state.sides(stage.scale)
        width = stage.graph.channels[stage.output]
        result = np.empty((width, *sides) if stage.kept else (0, 0, 0, 0), np.float32)
        response = self._constant_response(stage, state)
        needed = state.everywhere(cell_of(stage))
        if response is not None:
            needed = state.background.reached(stage.halo, cell_of(stage))
            if stage.kept:
                response.fill(result)
        total, boxes = MomentsSum(), []
        for tile in self._tiles(stage, needed, state):
            boxes.append(scaled(tile.keep, stage.scale))
            values, part = self._run(stage, tile, state)
            if values is not None and stage.kept:
                result[(slice(None), *boxes[-1])] = values
            if part is not None:
                total.add(part, _count(boxes[-1]))
        if stage.moments is not None:
            if response is not None:
                part, count = response.moments(stage.groups, boxes)
                if count:
                    total.add(part, count)
            state.moments[stage.moments] = total.moments
        self._release()
        return result

    def _finish(self, state: State, *, only_brain: bool) -> tuple[ProbabilityMaps, float]:
        """Compute the output, everywhere or where the brain is."""
        stage = self._plan.stages[-1]
        width = stage.graph.channels[stage.output]
        if not only_brain or self._plan.coarse is None:
            maps = ProbabilityMaps.whole(np.empty((width, *state.shape), np.float32))
            everywhere = state.everywhere(cell_of(stage))
            self._run_into(maps, everywhere, self._box_size(stage, everywhere), state)
            return maps, 1.0
        wanted = self._coarse_brain(state)
        size = self._box_size(stage, wanted)
        maps = ProbabilityMaps.background(width, (slice(0, 0),) * 3, state.shape)
        computed = np.zeros_like(wanted)
        while (wanted & ~computed).any():
            maps = self._run_into(maps, wanted & ~computed, size, state)
            computed |= wanted
            found = np.zeros(state.shape, bool)
            found[maps.box] = maps.values[0] < _SURELY_BACKGROUND
            brain = any_in_cells(found, GRAIN)
            wanted = any_in_cells(dilated(brain, 1), cell_of(stage) // GRAIN)
        return maps, float(computed.mean())

    def _run_into(
        self,
        maps: ProbabilityMaps,
        needed: "NDArray[np.bool_]",
        size: Shape,
        state: State,
    ) -> ProbabilityMaps:
        """Compute the output of some cells; the maps get room for them."""
        stage = self._plan.stages[-1]
        work = tiles(state.shape, stage, cell_of(stage), needed, size)
        maps = maps.covering(_room(work, state.shape))
        for tile in work:
            values, _ = self._run(stage, tile, state)
            assert values is not None  # the last stage is always kept
            maps.values[(slice(None), *maps.within(tile.keep))] = values
        return maps

    def _coarse_brain(self, state: State) -> "NDArray[np.bool_]":
        """Cells where the coarse level may see brain, with a margin."""
        stage = self._plan.coarse
        assert stage is not None
        # Nothing but background where the image is constant.
        seen = np.ones(state.sides(stage.scale), np.float32)
        varied = state.background.reached(0, cell_of(stage))
        for tile in self._tiles(stage, varied, state):
            values, _ = self._run(stage, tile, state, "coarse")
            assert values is not None
            seen[scaled(tile.keep, stage.scale)] = values[0]
        steps = -(-_MARGIN_VOX // stage.scale)
        # The largest piece: near the volume's border the coarse level sees things.
        near = dilated(largest_component(seen < _COARSELY_BACKGROUND), steps)
        last = cell_of(self._plan.stages[-1])
        if last < stage.scale:
            for axis in range(3):
                near = near.repeat(stage.scale // last, axis)
        return any_in_cells(near, max(1, last // stage.scale))

    def _run(
        self, stage: Stage, tile: Tile, state: State, kind: str = "inner"
    ) -> "tuple[NDArray[np.float32] | None, NDArray[np.float64] | None]":
        used = self._plan.plain[stage.output] if tile.border else stage
        inputs = [
            state.tensors[name][(slice(None), *scaled(tile.window, scale))]
            for name, scale in used.source_scales.items()
        ]
        given = [state.moments[name].astype(np.float32) for name in used.given_moments]
        compiled = self._compiled_stage(used, "border" if tile.border else kind)
        return compiled(inputs, given, _local(tile, stage.scale), borders(tile, state.shape))

    def _constant_response(self, stage: Stage, state: State) -> ConstantResponse | None:
        """Compute what becomes of the background; None where a stage reads more than the image."""
        if set(stage.source_scales) != {"image"} or state.background.varied.all():
            return None
        step = stage.alignment
        reach = -(-(stage.halo + stage.seam) // step) * step
        side = 2 * (reach + step)
        sides = state.sides(stage.scale)
        if side > min(state.shape):
            return None
        plain = replace(self._plan.plain[stage.output], kept=True)
        cube = np.full((1, side, side, side), state.background.value, np.float32)
        given = [state.moments[name].astype(np.float32) for name in plain.given_moments]
        keep = (slice(0, side // stage.scale),) * 3
        compiled = self._compiled_stage(plain, "constant")
        values, _ = compiled([cube], given, keep, ((True, True),) * 3)
        assert values is not None
        return ConstantResponse(values, sides)

    def _tiles(self, stage: Stage, needed: "NDArray[np.bool_]", state: State) -> list[Tile]:
        size = self._box_size(stage, needed)
        return tiles(state.shape, stage, cell_of(stage), needed, size)

    def _box_size(self, stage: Stage, needed: "NDArray[np.bool_]") -> Shape:
        # Small boxes follow what is needed; where all is, fewer kinds of them need compiling.
        size = self.tile_bytes * (_LARGER_WHERE_ALL if needed.all() else 1)
        return box_size(needed, int(size / (4 * stage.widest)), cell_of(stage))

    def _compiled_stage(self, stage: Stage, kind: str) -> CompiledStage:
        key = (stage.output, kind)
        if key not in self._compiled:
            self._compiled[key] = self._compile(stage)
        return self._compiled[key]

    def _release(self) -> None:
        for compiled in self._compiled.values():
            compiled.release()

    def _forget(self, state: State, number: int) -> None:
        """Drop what no later stage reads."""
        later = [
            *self._plan.stages[number + 1 :],
            *([self._plan.coarse] if self._plan.coarse else []),
        ]
        needed = {name for stage in later for name in stage.source_scales}
        for name in set(state.tensors) - needed - {"image"}:
            del state.tensors[name]


def _room(work: "Sequence[Tile]", shape: Shape) -> tuple[slice, ...]:
    """Box of what tiles compute, with a little more, which smoothing will fill."""
    sides = zip(*(tile.keep for tile in work), strict=True)
    hull = tuple(slice(min(s.start for s in side), max(s.stop for s in side)) for side in sides)
    return grown(hull, _ROOM_VOX, shape)


def _count(box: Box) -> int:
    return int(np.prod([s.stop - s.start for s in box]))


def _local(tile: Tile, scale: int) -> Box:
    """Give the exact part of a tile in voxels of the output's window."""
    first, second, third = (
        slice((k.start - w.start) // scale, (k.stop - w.start) // scale)
        for k, w in zip(tile.keep, tile.window, strict=True)
    )
    return first, second, third
