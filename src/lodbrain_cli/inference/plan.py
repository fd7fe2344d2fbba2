"""What to compute, in which order: a network cut at its normalisations.

Between two group normalisations a LOD-Brain network is local: an output voxel
depends on a few input voxels around it. So the network falls into stages. Each
computes one tensor, slab by slab, from the image and the inputs of earlier
normalisations; the only thing that needs the whole volume is the moments of
that tensor, which are gathered slab by slab too. Nothing else is kept, and
what a stage needs beside it is computed again.

This module reads a built Keras graph through its public attributes and does
not import Keras.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["Slab", "Source", "Stage", "cut_stages", "slabs"]


@dataclass(frozen=True)
class Source:
    """A tensor that a stage reads: the image, or an earlier stage's output.

    Parameters
    ----------
    layer : str
        Layer whose output it is.
    scale : int
        Voxels of the image per voxel of this tensor, along each axis.
    """

    layer: str
    scale: int


@dataclass(frozen=True)
class Stage:
    """One local piece of a network, ending before a normalisation or at the output.

    Parameters
    ----------
    output : Source
        The tensor it computes.
    sources : tuple of Source
        Tensors it reads.
    moments : tuple of str
        Layers whose group moments it is given.
    output_moments : str or None
        Layer that reduces the output to group moments; None at the end.
    halo : int
        Voxels of the image beyond a slab that its values depend on.
    alignment : int
        Slabs begin and end at multiples of this many voxels of the image.
    channels : float
        Channels of its widest tensor, per voxel of the image.
    """

    output: Source
    sources: tuple[Source, ...]
    moments: tuple[str, ...]
    output_moments: str | None
    halo: int
    alignment: int
    channels: float


@dataclass(frozen=True)
class Slab:
    """Where along the first axis to compute, and which part of that is right.

    Parameters
    ----------
    start, stop : int
        Window that is fed to the stage, in voxels of the image.
    keep_start, keep_stop : int
        Part of it, in voxels of the image, whose values are exact.
    """

    start: int
    stop: int
    keep_start: int
    keep_stop: int


def cut_stages(model: Any, output: str = "probabilities") -> tuple[Stage, ...]:
    """Cut a model at its normalisations.

    Parameters
    ----------
    model : keras.Model
        Functional graph with one input, every layer used once, whose global
        operations are ``GroupMoments`` layers only.
    output : str
        Layer where the last stage ends.

    Returns
    -------
    tuple of Stage
        In an order in which each finds its sources computed.
    """
    graph = _Graph(model)
    stages = [graph.stage(parent, moments) for parent, moments in graph.cuts()]
    return (*stages, graph.stage(output, None))


def slabs(depth: int, thickness: int, halo: int, alignment: int) -> Iterator[Slab]:
    """Windows of equal size that cover an axis, each with its exact part.

    Windows that touch an end of the axis are exact up to it, because there the
    network pads with zeros as it does in the whole volume. Equal sizes let a
    compiled graph be used again.

    Parameters
    ----------
    depth : int
        Length of the axis in voxels; a multiple of `alignment`.
    thickness : int
        Exact voxels wanted per window; rounded up to `alignment`.
    halo, alignment : int
        Of the stage.

    Yields
    ------
    Slab
        In order; the exact parts cover the axis once.
    """
    thickness = min(depth, _round_up(thickness, alignment))
    margin = _round_up(halo, alignment)
    window = min(depth, thickness + 2 * margin)
    for keep_start in range(0, depth, thickness):
        keep_stop = min(depth, keep_start + thickness)
        start = min(max(0, keep_start - margin), depth - window)
        yield Slab(start, start + window, keep_start, keep_stop)


def _round_up(value: int, step: int) -> int:
    return -(-value // step) * step


class _Graph:
    """A functional model as layers by name, their parents and their scales."""

    def __init__(self, model: Any) -> None:
        self.layers = {layer.name: layer for layer in model.layers}
        producers = {id(layer.output): layer.name for layer in model.layers}
        self.parents = {
            layer.name: [producers[id(tensor)] for tensor in _as_list(layer.input)]
            if not _is(layer, "InputLayer")
            else []
            for layer in model.layers
        }
        self.scales: dict[str, int] = {}
        for layer in model.layers:  # Keras lists layers by depth: parents first
            self.scales[layer.name] = self._scale(layer)

    def cuts(self) -> Iterator[tuple[str, str]]:
        """Layer before each normalisation, and the layer of its moments."""
        for name, layer in self.layers.items():
            if _is(layer, "GroupMoments"):
                yield self.parents[name][0], name

    def stage(self, output: str, output_moments: str | None) -> Stage:
        """Follow the graph back from a layer to the image and earlier cuts."""
        stored = {parent for parent, _ in self.cuts()} - {output}
        reach: dict[str, int] = {output: 0}
        sources: dict[str, Source] = {}
        moments: dict[str, None] = {}
        inner: dict[str, None] = {}
        # Depth-first with the largest distance kept: the graphs have some 60 layers.
        pending = [output]
        while pending:
            name = pending.pop()
            layer = self.layers[name]
            if name in stored or _is(layer, "InputLayer"):
                sources[name] = Source(name, self.scales[name])
                continue
            if _is(layer, "GroupMoments"):
                moments[name] = None
                continue
            inner[name] = None
            distance = reach[name] + self._radius(layer)
            for parent in self.parents[name]:
                if distance >= reach.get(parent, 0):
                    reach[parent] = distance
                    pending.append(parent)
        order = list(self.layers)
        return Stage(
            output=Source(output, self.scales[output]),
            sources=tuple(sorted(sources.values(), key=lambda s: order.index(s.layer))),
            moments=tuple(sorted(moments, key=order.index)),
            output_moments=output_moments,
            halo=max(reach[name] for name in sources),
            alignment=max(self.scales[name] for name in (*inner, *sources)),
            channels=self._widest((*inner, *sources)),
        )

    def _widest(self, names: Iterable[str]) -> float:
        return max(
            float(self.layers[name].output.shape[-1]) / self.scales[name] ** 3 for name in names
        )

    def _scale(self, layer: Any) -> int:
        parents = self.parents[layer.name]
        scale = self.scales[parents[0]] if parents else 1
        if _is(layer, "MaxPooling3D"):
            return scale * int(layer.pool_size[0])
        if _is(layer, "Conv3D"):
            return scale * int(layer.strides[0])
        if _is(layer, "Conv3DTranspose"):
            return scale // int(layer.strides[0])
        if _is(layer, "UpSampling3D"):
            return scale // int(layer.size[0])
        return scale

    def _radius(self, layer: Any) -> int:
        """Voxels of the image that the layer reaches beyond its own voxel."""
        if _is(layer, "Conv3D") and int(layer.strides[0]) == 1:
            return self.scales[layer.name] * (int(layer.kernel_size[0]) // 2)
        return 0  # kernel and stride are equal: blocks of voxels, kept whole by alignment


def _is(layer: Any, kind: str) -> bool:
    return type(layer).__name__ == kind


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]
