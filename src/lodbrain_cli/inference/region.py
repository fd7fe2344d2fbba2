"""Where the brain is: what level 0 alone says, for the fine level to be computed only there."""

from dataclasses import replace

import numpy as np

from ..networks.compose import compose_kernels
from ..networks.graph import Graph, Node

__all__ = ["coarse_view"]


def coarse_view(graph: Graph, output: str = "probabilities") -> Graph | None:
    """Network that applies the head to the features of the coarsest level alone.

    Its result is taken at every second voxel of that level, which is enough to
    say where the brain is and an eighth of the work.

    Parameters
    ----------
    graph : Graph
        Of a LOD-Brain network, as it is built.
    output : str
        Softmax after the head.

    Returns
    -------
    Graph or None
        With the same `output`; None where there is only one level.
    """
    head = graph.nodes[graph.nodes[output].inputs[0]]
    total = graph.nodes[head.inputs[0]]
    if head.kind != "convolve" or total.kind != "add":
        return None
    features = [_before_upsampling(graph, name) for name in total.inputs]
    coarsest = max(features, key=lambda node: graph.scales[node.name])
    if coarsest.kernel is None or coarsest.kind != "convolve" or coarsest.factor != 1:
        return None
    assert head.kernel is not None
    kernel = compose_kernels(coarsest.kernel, head.kernel)
    bias = np.zeros(kernel.shape[-1], np.float32)
    if coarsest.bias is not None:
        bias += coarsest.bias @ head.kernel[0, 0, 0]
    if head.bias is not None:
        bias += head.bias
    # One zero plane more makes a 3³ kernel fit a stride of 2: it reads voxels -1 to 2.
    kernel = np.pad(kernel, [(0, 1)] * 3 + [(0, 0)] * 2)
    nodes = dict(graph.nodes)
    nodes[head.name] = replace(head, inputs=coarsest.inputs, kernel=kernel, bias=bias, factor=2)
    return Graph(nodes).needed_for(output)


def _before_upsampling(graph: Graph, name: str) -> Node:
    node = graph.nodes[name]
    while node.kind == "upsample":
        node = graph.nodes[node.inputs[0]]
    return node
