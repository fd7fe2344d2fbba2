"""Carry a plan out: stage by stage, tile by tile, with any engine's compiled stages."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..imaging.components import grown, largest_component
from ..imaging.probability_maps import ProbabilityMaps, backgrounds_of
from ..networks.graph import Graph
from .background import GRAIN, any_in_cells, dilated
from .compiled import Compile
from .devices import return_free_memory
from .memory import (
    BUDGETS,
    Budget,
    Footprint,
    Room,
    choose_budget,
    choose_for_maps,
    measure_room,
)
from .moments import MomentsSum
from .plan import Stage, make_plan
from .prediction import Prediction
from .runner import StageRunner
from .state import State, cell_of
from .tiling import Box, Shape, Tile, scaled

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["StagedNetwork"]

# A voxel may be brain where the background has less than this: what cleaning asks (SPEC A.7 b).
_SURELY_BACKGROUND = 0.75

# The same of the coarse level, whose word is rougher, and how many voxels around it.
_COARSELY_BACKGROUND = 0.9
_MARGIN_VOX = 8

# Background kept around what is computed: as far as cleaning smooths it, twice.
_ROOM_VOX = 4

_NO_BOX = (slice(0, 0),) * 3


class StagedNetwork:
    """A network cut into stages, for volume after volume.

    Parameters
    ----------
    graph : Graph
    compile_stage : .compiled.Compile
    output : str
        Node whose values are wanted.
    compose : bool
        Compose linear operations; at the volume's border the graph as it
        stands is used, so that the result is the same but for rounding.
    budgets : sequence of Budget
        To choose from, the largest first.
    footprint : Footprint
        Memory of the engine.
    """

    def __init__(
        self,
        graph: Graph,
        compile_stage: Compile,
        *,
        output: str = "probabilities",
        compose: bool = True,
        budgets: Sequence[Budget] = BUDGETS,
        footprint: Footprint = Footprint(0, 0),  # noqa: B008 - frozen
    ) -> None:
        self._plan = make_plan(graph, output, compose=compose)
        self._backgrounds = backgrounds_of(graph.nodes[output].heads)
        self.budgets = tuple(budgets)
        self._footprint = footprint
        self._runner = StageRunner(self._plan.plain, compile_stage, self.budgets[0])

    def predict(
        self,
        image: "NDArray[np.float32]",
        *,
        only_brain: bool = False,
        memory_limit: int | None = None,
    ) -> Prediction:
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
        memory_limit : int, optional
            Bytes of resident memory that the process stays within; default:
            what is free.

        Returns
        -------
        Prediction

        Raises
        ------
        ResourceError
            When the limit is too small.
        """
        state = State(image)
        room = measure_room(memory_limit)
        self._runner.budget = choose_budget(
            self._plan, state.shape, self._footprint, room, self.budgets
        )
        seconds = {}
        for number, stage in enumerate(self._plan.stages[:-1]):
            started = time.perf_counter()
            result = self._run_everywhere(stage, state)
            if stage.kept:
                state.tensors[stage.output] = result
            state.keep_only(self._plan.read_after(number))
            seconds[stage.output] = time.perf_counter() - started
        # Where most memory is used, what stages left behind would come on top.
        return_free_memory()
        started = time.perf_counter()
        maps, computed, coarse = self._finish(state, room, only_brain=only_brain)
        seconds[self._plan.stages[-1].output] = time.perf_counter() - started
        self._runner.release()
        return Prediction(maps, state.moments, seconds, computed, coarse=coarse)

    def _run_everywhere(self, stage: Stage, state: State) -> "NDArray[np.float32]":
        """Compute a tensor and its moments, the constant part of the image once."""
        sides = state.sides(stage.scale)
        width = stage.graph.channels[stage.output]
        result = np.empty((width, *sides) if stage.kept else (0, 0, 0, 0), np.float32)
        response = self._runner.constant_response(stage, state)
        needed = state.everywhere(cell_of(stage))
        if response is not None:
            needed = state.background.reached(stage.halo, cell_of(stage))
            if stage.kept:
                response.fill(result)
        total, boxes = MomentsSum(), []
        for tile in self._runner.tiles(stage, needed, state.shape):
            boxes.append(scaled(tile.keep, stage.scale))
            values, part = self._runner.run(stage, tile, state)
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
        self._runner.release()
        return result

    def _finish(
        self, state: State, room: Room, *, only_brain: bool
    ) -> "tuple[ProbabilityMaps, float, NDArray[np.float32] | None]":
        """Compute the output, everywhere or where the brain is; tell what the coarse level saw."""
        stage = self._plan.stages[-1]
        seen = self._coarse_background(state) if only_brain and self._plan.coarse else None
        everywhere = state.everywhere(cell_of(stage))
        wanted = everywhere if seen is None else self._near_coarse_brain(seen)
        first = wanted
        width = stage.graph.channels[stage.output]
        maps = ProbabilityMaps.background(width, _NO_BOX, state.shape, self._backgrounds)
        computed = np.zeros_like(wanted)
        while (wanted & ~computed).any():
            maps = self._compute(maps, wanted & ~computed, first, state, room)
            computed |= wanted
            found = np.zeros(state.shape, bool)
            found[maps.box] = maps.all_background < _SURELY_BACKGROUND
            brain = any_in_cells(found, GRAIN)
            wanted = any_in_cells(dilated(brain, 1), cell_of(stage) // GRAIN)
        return maps, float(computed.mean()), seen

    def _compute(
        self,
        maps: ProbabilityMaps,
        needed: "NDArray[np.bool_]",
        first: "NDArray[np.bool_]",
        state: State,
        room: Room,
    ) -> ProbabilityMaps:
        """Compute the output of some cells; the maps get room for them.

        Tiles are as large as for the cells that were wanted first, so that what was
        compiled for them serves again; smaller ones where memory leaves less than thought.
        """
        stage = self._plan.stages[-1]
        while True:
            size = self._runner.tile_size(stage, first)
            work = self._runner.tiles(stage, needed, state.shape, size)
            hull = _hull(work, state.shape)
            kept = 4 * maps.num_classes * _count(hull) + state.kept_bytes
            smaller = self.budgets[self.budgets.index(self._runner.budget) :]
            budget = choose_for_maps(kept, state.shape, self._footprint, room, smaller)
            if budget == self._runner.budget:
                break
            self._runner.budget = budget
        maps = maps.covering(hull)
        for tile in work:
            values, _ = self._runner.run(stage, tile, state)
            assert values is not None  # the last stage is always kept
            maps.values[(slice(None), *maps.within(tile.keep))] = values
        return maps

    def _coarse_background(self, state: State) -> "NDArray[np.float32]":
        """Probability of background by the coarse level."""
        stage = self._plan.coarse
        assert stage is not None
        # Nothing but background where the image is constant.
        seen = np.ones(state.sides(stage.scale), np.float32)
        varied = state.background.reached(0, cell_of(stage))
        for tile in self._runner.tiles(stage, varied, state.shape):
            values, _ = self._runner.run(stage, tile, state, "coarse")
            assert values is not None
            seen[scaled(tile.keep, stage.scale)] = values[list(self._backgrounds)].min(axis=0)
        return seen

    def _near_coarse_brain(self, seen: "NDArray[np.float32]") -> "NDArray[np.bool_]":
        """Cells where the coarse level may see brain, with a margin."""
        stage = self._plan.coarse
        assert stage is not None
        steps = -(-_MARGIN_VOX // stage.scale)
        # The largest piece: near the volume's border the coarse level sees things.
        near = dilated(largest_component(seen < _COARSELY_BACKGROUND), steps)
        last = cell_of(self._plan.stages[-1])
        if last < stage.scale:
            for axis in range(3):
                near = near.repeat(stage.scale // last, axis)
        return any_in_cells(near, max(1, last // stage.scale))


def _hull(work: Sequence[Tile], shape: Shape) -> Box:
    """Box of what tiles compute, with a little more, which smoothing will fill."""
    sides = zip(*(tile.keep for tile in work), strict=True)
    hull = tuple(slice(min(s.start for s in side), max(s.stop for s in side)) for side in sides)
    first, second, third = grown(hull, _ROOM_VOX, shape)
    return first, second, third


def _count(box: Box) -> int:
    return int(np.prod([s.stop - s.start for s in box]))
