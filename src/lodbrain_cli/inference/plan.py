"""What to compute, in which order: a network cut at its normalisations.

Between two group normalisations a LOD-Brain network is local: an output voxel
depends on a few input voxels around it. So the network falls into stages. Each
computes one tensor, tile by tile, from the image and what earlier stages kept;
the only thing that needs the whole volume is the moments of that tensor, which
are gathered tile by tile too. What is cheap to compute from the image is not
kept but computed again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ..networks.compose import compose_graph
from ..networks.graph import Graph, Node
from .fold import fold_before_strides, foldable, join_folds
from .region import coarse_view

__all__ = ["Plan", "Stage", "cut_stages", "make_plan"]


@dataclass(frozen=True)
class Stage:
    """One local piece of a network, ending before a normalisation or at the output.

    Parameters
    ----------
    output : str
        The tensor it computes.
    graph : Graph
        What it computes it with: its ``image`` nodes are the tensors that it
        reads, its ``moments`` nodes have no inputs and are given.
    scale : int
        Voxels of the image per voxel of the output, along an axis.
    source_scales : dict of str to int
        The same of each tensor that it reads, in the graph's order.
    moments : str or None
        Node that reduces the output to group moments; None at the end.
    kept : bool
        Whether later stages read the output.
    halo : int
        Voxels of the image beyond a tile that its values depend on.
    seam : int
        Depth, in voxels of the image, at the volume's border where composed
        convolutions make the output inexact.
    alignment : int
        Tiles begin and end at multiples of this many voxels of the image.
    widest : float
        Channels of its widest tensor, per voxel of the image.
    """

    output: str
    graph: Graph
    scale: int
    source_scales: dict[str, int]
    moments: str | None
    groups: int
    kept: bool
    halo: int
    seam: int
    alignment: int
    widest: float

    @property
    def given_moments(self) -> list[str]:
        """Moments that it is given, in the graph's order."""
        return [n.name for n in self.graph.nodes.values() if n.kind == "moments"]


@dataclass(frozen=True)
class Plan:
    """A network's stages, in the order in which they are computed.

    Parameters
    ----------
    stages : tuple of Stage
        The last one computes the output.
    plain : mapping of str to Stage
        For each tensor the stage without composing, exact at the volume's border too.
    coarse : Stage or None
        Shows where the brain is (:func:`.region.coarse_view`), from what the
        stages before the last keep.
    """

    stages: tuple[Stage, ...]
    plain: Mapping[str, Stage]
    coarse: Stage | None

    def read_after(self, number: int) -> frozenset[str]:
        """Tensors that a stage after that number reads, or the coarse view."""
        later = [*self.stages[number + 1 :], *([self.coarse] if self.coarse else [])]
        return frozenset(name for stage in later for name in stage.source_scales)


def make_plan(graph: Graph, output: str, *, compose: bool = True) -> Plan:
    """Plan how to compute one tensor of a network.

    Parameters
    ----------
    graph : Graph
        With one image.
    output : str
    compose : bool
        Compose linear operations and fold narrow convolutions.
    """
    plain, chosen = _composed(graph, output) if compose else (graph, graph)
    stages = cut_stages(chosen, output)
    kept = frozenset(stage.output for stage in stages if stage.kept)
    view = coarse_view(graph, output)
    coarse = None
    if view is not None:
        # Near the volume's border it differs by a seam that does no harm here.
        shown = _composed(view, output)[1] if compose else view
        coarse = replace(cut_stages(shown, output, kept)[-1], seam=0)
    return Plan(stages, {s.output: s for s in cut_stages(plain, output, kept)}, coarse)


def _composed(graph: Graph, output: str) -> tuple[Graph, Graph]:
    """Graph as it stands and composed, both with the same tensors before normalisations."""
    composed = compose_graph(graph, output)
    narrow = foldable(composed)
    return fold_before_strides(graph, narrow), join_folds(fold_before_strides(composed, narrow))


def cut_stages(graph: Graph, output: str, kept: frozenset[str] | None = None) -> tuple[Stage, ...]:
    """Cut a network at its normalisations.

    Parameters
    ----------
    graph : Graph
        With one image.
    output : str
        Node where the last stage ends.
    kept : frozenset of str, optional
        Inputs of normalisations that are stored for later stages; default:
        all but convolutions of the image itself.

    Returns
    -------
    tuple of Stage
        In an order in which each finds what it reads.
    """
    graph = graph.needed_for(output)
    cuts = {n.inputs[0]: n for n in graph.nodes.values() if n.kind == "moments"}
    if kept is None:
        kept = frozenset(name for name in cuts if not _is_of_image(graph, name))
    stages = [_stage(graph, name, moments, kept) for name, moments in cuts.items()]
    return (*stages, _stage(graph, output, None, kept))


def _stage(graph: Graph, output: str, moments: Node | None, kept: frozenset[str]) -> Stage:
    """Follow the graph back from a tensor to the image and what is kept."""
    stored = kept - {output}
    nodes = _cut_before(graph, output, stored)
    scales = graph.scales
    piece = Graph(nodes).needed_for(output)
    sources = {n.name: scales[n.name] for n in piece.nodes.values() if n.kind == "image"}
    inner = [n for n in piece.nodes.values() if n.kind != "moments"]
    return Stage(
        output=output,
        graph=piece,
        scale=scales[output],
        source_scales=sources,
        moments=moments.name if moments else None,
        groups=moments.groups if moments else 0,
        kept=output in kept or moments is None,
        halo=_reach(piece, output, scales),
        seam=_seam(piece, output, scales),
        alignment=max(scales[n.name] for n in inner),
        widest=max(graph.channels[n.name] / scales[n.name] ** 3 for n in inner),
    )


def _cut_before(graph: Graph, output: str, stored: frozenset[str]) -> dict[str, Node]:
    """Turn stored tensors into images and moments into givens."""
    nodes = {}
    for name, node in graph.nodes.items():
        if name in stored:
            nodes[name] = Node(name, "image", width=graph.channels[name])
        elif node.kind == "moments":
            nodes[name] = Node(name, "moments", groups=node.groups)
        else:
            nodes[name] = node
        if name == output:
            break
    return nodes


def _is_of_image(graph: Graph, name: str) -> bool:
    """Whether a tensor is a convolution of the image at full size: too large to be kept."""
    return graph.nodes[graph.nodes[name].inputs[0]].kind == "image"


def _reach(graph: Graph, output: str, scales: dict[str, int]) -> int:
    """Voxels of the image beyond a tile, which ends with whole voxels of every scale."""
    reach = dict.fromkeys(graph.nodes, -1)
    reach[output] = 0
    for node in reversed(list(graph.nodes.values())):
        for name in node.inputs if reach[node.name] >= 0 else ():
            # A fine voxel beyond the tile depends on all of the coarse one that it lies in.
            own = _round_up(reach[node.name], scales[name])
            reach[name] = max(reach[name], own + node.radius * scales[name])
    return max(reach[n.name] for n in graph.nodes.values() if n.kind == "image")


def _seam(graph: Graph, output: str, scales: dict[str, int]) -> int:
    """Depth in voxels of the image to which composing spoils the border of the output."""
    seams: dict[str, int] = {}
    for node in graph.nodes.values():
        deepest = max((seams[name] for name in node.inputs), default=0)
        if deepest:
            # A coarser voxel is spoilt when any of its own is.
            reach = node.radius * scales[node.inputs[0]]
            deepest = _round_up(deepest + reach, scales[node.name])
        seams[node.name] = max(deepest, node.seam * scales[node.name])
    return seams[output]


def _round_up(value: int, step: int) -> int:
    return -(-value // step) * step
