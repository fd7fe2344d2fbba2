"""Which part of a window a stage's exact part depends on."""

from ..networks.graph import Node
from .plan import Stage
from .tiling import Box

__all__ = ["needed_of_sources"]


def needed_of_sources(
    stage: Stage, shapes: tuple[tuple[int, ...], ...], keep: Box
) -> dict[str, Box]:
    """Part of each tensor that a stage reads that its exact part depends on.

    Ranges are rounded outwards so that nothing up-sampled has to be cut: that
    would cost more than what is computed in vain.

    Parameters
    ----------
    stage, shapes, keep
        The stage, (C, d, h, w) of the window of each tensor that it reads, and the
        exact part in voxels of the output's window.

    Returns
    -------
    dict of str to Box
        In voxels of each tensor's window, in the graph's order.
    """
    nodes = [node for node in stage.graph.nodes.values() if node.kind != "moments"]
    grain: dict[str, int] = {}
    for node in nodes:
        rough = max((grain.get(name, 1) for name in node.inputs), default=1)
        if node.kind in ("upsample", "upsample_linear", "convolve_up"):
            rough = node.factor
        grain[node.name] = 1 if node.kind in ("convolve", "max_pool", "fold") else rough
    ranges: dict[str, list[tuple[int, int]]] = {stage.output: [(s.start, s.stop) for s in keep]}
    for node in reversed(nodes):
        wide = [_rounded(begin, stop, grain[node.name]) for begin, stop in ranges[node.name]]
        ranges[node.name] = wide
        for name in node.inputs:
            if name in grain:
                asked = [_range_of_input(node, begin, stop) for begin, stop in wide]
                known = ranges.get(name, asked)
                ranges[name] = [
                    (min(a[0], k[0]), max(a[1], k[1])) for a, k in zip(asked, known, strict=True)
                ]
    images = [node.name for node in nodes if node.kind == "image"]
    result = {}
    for name, (_, *sides) in zip(images, shapes, strict=True):
        first, second, third = (
            slice(max(0, begin), min(side, stop))
            for (begin, stop), side in zip(ranges[name], sides, strict=True)
        )
        result[name] = (first, second, third)
    return result


def _range_of_input(node: Node, begin: int, stop: int) -> tuple[int, int]:
    if node.kind in ("convolve", "max_pool", "fold"):
        return begin * node.factor - node.radius, stop * node.factor + node.radius
    if node.kind in ("upsample", "upsample_linear", "convolve_up"):
        return begin // node.factor - node.radius, -(-stop // node.factor) + node.radius
    return begin, stop


def _rounded(begin: int, stop: int, step: int) -> tuple[int, int]:
    return begin // step * step, -(-stop // step) * step
