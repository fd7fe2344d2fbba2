"""Carry a plan out: stage by stage, tile by tile, with any engine's compiled stages."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ..networks.graph import Graph
from .compose import compose_graph
from .moments import MomentsSum
from .plan import Box, Stage, Tile, cut_stages, tiles

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["CompiledStage", "Prediction", "StagedNetwork"]

# Bytes of the widest tensor of a tile; a handful of such tensors live at once.
_TILE_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Prediction:
    """What a network computes for one image.

    Parameters
    ----------
    output : (C, D, H, W) float32 array
        Values of the requested node, class by class, on the image's grid.
    moments : mapping of str to (2, groups) float64 array
        Mean and biased variance of every group, per normalisation.
    seconds : mapping of str to float
        Wall time of each stage, by the tensor that it computes.
    """

    output: "NDArray[np.float32]"
    moments: "Mapping[str, NDArray[np.float64]]"
    seconds: Mapping[str, float] = field(default_factory=dict)


class CompiledStage(Protocol):
    """A stage as an engine can run it."""

    def __call__(
        self,
        inputs: "list[NDArray[np.float32]]",
        moments: "list[NDArray[np.float32]]",
        keep: Box,
    ) -> "tuple[NDArray[np.float32] | None, NDArray[np.float64] | None]":
        """Compute one tile.

        Parameters
        ----------
        inputs : list of (C, d, h, w) float32 array
            Windows of the tensors that the stage reads.
        moments : list of (2, groups) float32 array
            What it is given.
        keep : Box
            Exact part of the output, in voxels of the output's window.

        Returns
        -------
        values : (C, ...) float32 array or None
            The exact part, where the stage is kept.
        moments : (2, groups) float64 array or None
            Moments of the exact part, where a normalisation follows.
        """

    def release(self) -> None:
        """Give back the memory that is only needed while computing."""


class StagedNetwork:
    """A network cut into stages, for volume after volume.

    Parameters
    ----------
    graph : Graph
    compile_stage : callable
        Makes a :class:`CompiledStage` of a :class:`Stage`.
    output : str
        Node whose values are wanted.
    compose : bool
        Compose linear operations; at the volume's border the graph as it
        stands is used, so that the result is the same but for rounding.
    tile_bytes : int
        Bound on the widest tensor of a tile.
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
        chosen = compose_graph(graph, output) if compose else graph
        self.stages = cut_stages(chosen, output)
        kept = frozenset(s.output for s in self.stages if s.kept)
        self._plain = {s.output: s for s in cut_stages(graph, output, kept)}
        self.tile_bytes = tile_bytes
        self._compile = compile_stage
        self._compiled: dict[tuple[str, bool], CompiledStage] = {}

    def predict(self, image: "NDArray[np.float32]") -> Prediction:
        """Compute the output for one image.

        Parameters
        ----------
        image : (D, H, W) float32 array
            Normalised intensities on the network's grid (conformed, LIA, 1 mm);
            sides are multiples of the config's alignment.

        Returns
        -------
        Prediction
        """
        tensors = {"image": image[None]}
        moments: dict[str, NDArray[np.float64]] = {}
        seconds = {}
        result = None
        for number, stage in enumerate(self.stages):
            started = time.perf_counter()
            result, total = self._run(stage, tensors, moments)
            if stage.moments is not None:
                moments[stage.moments] = total
            if result is not None:
                tensors[stage.output] = result
            self._forget(tensors, number)
            for compiled in self._compiled.values():
                compiled.release()
            seconds[stage.output] = time.perf_counter() - started
        assert result is not None  # the last stage is always kept
        return Prediction(result, moments, seconds)

    def _run(
        self,
        stage: Stage,
        tensors: "Mapping[str, NDArray[np.float32]]",
        moments: "Mapping[str, NDArray[np.float64]]",
    ) -> "tuple[NDArray[np.float32] | None, NDArray[np.float64]]":
        shape = tensors["image"].shape[1:]
        sides = [side // stage.scale for side in shape]
        width = stage.graph.channels[stage.output]
        result = np.empty((width, *sides), np.float32) if stage.kept else None
        total = MomentsSum()
        plane_bytes = 4 * stage.widest * shape[1] * shape[2]
        thickness = max(1, int(self.tile_bytes / plane_bytes))
        for tile in tiles((shape[0], shape[1], shape[2]), stage, thickness):
            used = self._plain[stage.output] if tile.border else stage
            inputs = [
                tensors[name][(slice(None), *_scaled(tile.window, scale))]
                for name, scale in used.source_scales.items()
            ]
            given = [moments[name].astype(np.float32) for name in used.given_moments]
            values, part = self._compiled_stage(used, tile)(inputs, given, _local(tile, stage))
            kept = _scaled(tile.keep, stage.scale)
            if result is not None:
                result[(slice(None), *kept)] = values
            if part is not None:
                total.add(part, int(np.prod([s.stop - s.start for s in kept])))
        return result, total.moments

    def _compiled_stage(self, stage: Stage, tile: Tile) -> CompiledStage:
        key = (stage.output, tile.border)
        if key not in self._compiled:
            self._compiled[key] = self._compile(stage)
        return self._compiled[key]

    def _forget(self, tensors: "dict[str, NDArray[np.float32]]", number: int) -> None:
        """Drop what no later stage reads."""
        later = {name for s in self.stages[number + 1 :] for name in s.source_scales}
        for name in set(tensors) - later - {"image"}:
            del tensors[name]


def _scaled(box: Box, scale: int) -> Box:
    first, second, third = (slice(s.start // scale, s.stop // scale) for s in box)
    return first, second, third


def _local(tile: Tile, stage: Stage) -> Box:
    """Give the exact part of a tile in voxels of the output's window."""
    first, second, third = (
        slice((k.start - w.start) // stage.scale, (k.stop - w.start) // stage.scale)
        for k, w in zip(tile.keep, tile.window, strict=True)
    )
    return first, second, third
