"""What to compute, in which order: a network cut at its normalisations.

Between two group normalisations a LOD-Brain network is local: an output voxel
depends on a few input voxels around it. So the network falls into stages. Each
computes one tensor, tile by tile, from the image and what earlier stages kept;
the only thing that needs the whole volume is the moments of that tensor, which
are gathered tile by tile too. What is cheap to compute from the image is not
kept but computed again.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ..networks.graph import Graph, Node

__all__ = ["Box", "Stage", "Tile", "cut_stages", "tiles"]

#: Voxels of the image, along each axis.
Box = tuple[slice, slice, slice]


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
class Tile:
    """Where to compute, and which part of that is right.

    Parameters
    ----------
    window : Box
        What is fed to the stage.
    keep : Box
        Part of it whose values are exact.
    border : bool
        Whether it lies in the seam, where the uncomposed graph must be used.
    """

    window: Box
    keep: Box
    border: bool = False


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
        all that are more than one convolution of the image.

    Returns
    -------
    tuple of Stage
        In an order in which each finds what it reads.
    """
    graph = graph.needed_for(output)
    cuts = {n.inputs[0]: n for n in graph.nodes.values() if n.kind == "moments"}
    if kept is None:
        kept = frozenset(name for name in cuts if not _is_cheap(graph.nodes[name]))
    stages = [_stage(graph, name, moments, kept) for name, moments in cuts.items()]
    return (*stages, _stage(graph, output, None, kept))


def tiles(shape: tuple[int, int, int], stage: Stage, thickness: int) -> Iterator[Tile]:
    """Windows that cover a volume, each with its exact part.

    Slabs along the first axis, all of one size, so that a compiled graph is used
    again; and where composing has made a seam, six thin faces for the
    uncomposed graph. A window that touches the volume's border is exact up to
    it, because the network pads with zeros there as it does in the whole volume.

    Parameters
    ----------
    shape : tuple of 3 int
        Of the volume, each side a multiple of the stage's alignment.
    stage : Stage
    thickness : int
        Exact voxels wanted per slab; rounded up to the alignment.

    Yields
    ------
    Tile
        Their exact parts cover the volume once.
    """
    seam = _round_up(stage.seam, stage.scale)
    depth = shape[0]
    step = min(depth, _round_up(thickness, stage.alignment))
    margin = _round_up(stage.halo, stage.alignment)
    window = min(depth, step + 2 * margin)
    inner = [slice(seam, side - seam) for side in shape]
    whole = [slice(0, side) for side in shape]
    for begin in range(0, depth, step):
        first = min(max(0, begin - margin), depth - window)
        keep = slice(max(begin, seam), min(depth, begin + step, depth - seam))
        if all(s.start < s.stop for s in (keep, inner[1], inner[2])):
            place = slice(first, first + window)
            yield Tile((place, whole[1], whole[2]), (keep, inner[1], inner[2]))
    if seam:
        yield from _faces(shape, stage, seam)


def _faces(shape: tuple[int, int, int], stage: Stage, seam: int) -> Iterator[Tile]:
    """Cover the six sides of a volume, `seam` deep, disjoint."""
    reach = _round_up(seam + stage.halo, stage.alignment)
    for axis, side in enumerate(shape):
        ends = (
            (slice(0, min(seam, side)), slice(0, min(reach, side))),
            (slice(max(side - seam, seam), side), slice(max(side - reach, 0), side)),
        )
        for keep, window in ends:
            kept = [slice(0, s) if a > axis else slice(seam, s - seam) for a, s in enumerate(shape)]
            fed = [slice(0, s) for s in shape]
            kept[axis], fed[axis] = keep, window
            if all(s.start < s.stop for s in kept):  # a small volume may be all border
                yield Tile((fed[0], fed[1], fed[2]), (kept[0], kept[1], kept[2]), border=True)


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


def _is_cheap(node: Node) -> bool:
    """Whether a tensor is one convolution of the image: computed again, not kept."""
    return node.kind == "convolve" and node.kernel is not None and node.kernel.shape[-2] == 1


def _reach(graph: Graph, output: str, scales: dict[str, int]) -> int:
    """Voxels of the image, beyond its own, that an output voxel depends on."""
    reach = dict.fromkeys(graph.nodes, -1)
    reach[output] = 0
    for node in reversed(list(graph.nodes.values())):
        distance = reach[node.name] + node.radius * scales[node.name]
        for name in node.inputs if reach[node.name] >= 0 else ():
            reach[name] = max(reach[name], distance)
    return max(reach[n.name] for n in graph.nodes.values() if n.kind == "image")


def _seam(graph: Graph, output: str, scales: dict[str, int]) -> int:
    """Depth in voxels of the image to which composing spoils the border of the output."""
    seams: dict[str, int] = {}
    for node in graph.nodes.values():
        deepest = max((seams[name] for name in node.inputs), default=0)
        if deepest:
            # A coarser voxel is spoilt when any of its own is.
            deepest = _round_up(deepest + node.radius * scales[node.name], scales[node.name])
        seams[node.name] = max(deepest, node.seam * scales[node.name])
    return seams[output]


def _round_up(value: int, step: int) -> int:
    return -(-value // step) * step
