"""Run stages on tiles: what was compiled is kept, memory is given back after each stage."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from .background import ConstantResponse
from .compiled import Compile, CompiledStage
from .devices import return_free_memory
from .plan import Stage
from .state import State, cell_of
from .tiling import Box, Shape, Tile, borders, box_size, scaled, tiles

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .memory import Budget

__all__ = ["StageRunner"]

# Voxels of a volume from which on its constant part is computed apart.
_WORTH_A_CUBE = 96**3


class StageRunner:
    """Stages of a plan, compiled when they are first needed.

    Parameters
    ----------
    plain : mapping of str to Stage
        For each tensor the stage without composing, for the volume's border.
    compile_stage : .compiled.Compile
    budget : Budget
        Size of the tiles, and whether what was compiled is kept.
    """

    def __init__(
        self,
        plain: Mapping[str, Stage],
        compile_stage: Compile,
        budget: "Budget",
    ) -> None:
        self.budget = budget
        self._plain = plain
        self._compile = compile_stage
        self._compiled: dict[tuple[str, str], CompiledStage] = {}

    def tiles(
        self, stage: Stage, needed: "NDArray[np.bool_]", shape: Shape, size: Shape | None = None
    ) -> list[Tile]:
        """Cover cells of a volume with tiles.

        Parameters
        ----------
        stage : Stage
        needed : (a, b, c) bool array
            Cells of :func:`.state.cell_of` voxels.
        shape : tuple of 3 int
            Of the volume.
        size : tuple of 3 int, optional
            Of a tile in cells; default: :meth:`tile_size`.
        """
        cell = cell_of(stage)
        return tiles(shape, stage, cell, needed, size or self.tile_size(stage, needed))

    def tile_size(self, stage: Stage, needed: "NDArray[np.bool_]") -> Shape:
        """Sides of a tile in cells, about as large as the budget says."""
        # Small boxes follow what is needed; where all is, fewer kinds of them need compiling.
        size = self.budget.tile_bytes * (self.budget.larger_where_all if needed.all() else 1)
        return box_size(needed, int(size / (4 * stage.widest)), cell_of(stage))

    def run(
        self, stage: Stage, tile: Tile, state: State, kind: str = "inner"
    ) -> "tuple[NDArray[np.float32] | None, NDArray[np.float64] | None]":
        """Compute a tile's exact part and its moments; see :class:`.compiled.CompiledStage`."""
        used = self._plain[stage.output] if tile.border else stage
        inputs = [
            state.tensors[name][(slice(None), *scaled(tile.window, scale))]
            for name, scale in used.source_scales.items()
        ]
        compiled = self._compiled_stage(used, "border" if tile.border else kind)
        keep = _local(tile, stage.scale)
        return compiled(inputs, state.given(used), keep, borders(tile, state.shape))

    def constant_response(self, stage: Stage, state: State) -> ConstantResponse | None:
        """Compute what becomes of the background; None where that saves nothing.

        A stage that reads more than the image has no constant part, and a small
        volume is computed sooner than a cube is compiled.
        """
        if set(stage.source_scales) != {"image"} or state.background.varied.all():
            return None
        if math.prod(state.shape) < _WORTH_A_CUBE:
            return None
        step = stage.alignment
        reach = -(-(stage.halo + stage.seam) // step) * step
        side = 2 * (reach + step)
        if side > min(state.shape):
            return None
        plain = replace(self._plain[stage.output], kept=True)
        cube = np.full((1, side, side, side), state.background.value, np.float32)
        keep = (slice(0, side // stage.scale),) * 3
        compiled = self._compiled_stage(plain, "constant")
        values, _ = compiled([cube], state.given(plain), keep, ((True, True),) * 3)
        assert values is not None
        return ConstantResponse(values.copy(), state.sides(stage.scale))

    def release(self) -> None:
        """Give back the memory that only computing needs."""
        for compiled in self._compiled.values():
            compiled.release()
        if not self.budget.keep_compiled:
            self._compiled.clear()
            return_free_memory()

    def _compiled_stage(self, stage: Stage, kind: str) -> CompiledStage:
        key = (stage.output, kind)
        if key not in self._compiled:
            self._compiled[key] = self._compile(stage, self.budget.keep_compiled)
        return self._compiled[key]


def _local(tile: Tile, scale: int) -> Box:
    """Give the exact part of a tile in voxels of the output's window."""
    first, second, third = (
        slice((k.start - w.start) // scale, (k.stop - w.start) // scale)
        for k, w in zip(tile.keep, tile.window, strict=True)
    )
    return first, second, third
