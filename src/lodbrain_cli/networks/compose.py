"""Compose linear operations that follow one another (SPEC A.10).

A convolution of a convolution is one convolution with a larger kernel, and a
1³ convolution moves through sums and nearest up-sampling. LOD-Brain's first
layers (1 → 32 channels, no activation) and last ones fall together that way:
about 1,190 G multiply-adds a volume become about 380 G.

The result is the same but for rounding, except in the outermost voxels: there
the network pads the inner convolution's output with zeros, which one larger
kernel does not. ``Node.seam`` says how deep that reaches.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from .graph import Graph, Node

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["compose_graph", "compose_kernels"]


def compose_graph(graph: Graph, output: str) -> Graph:
    """Compose what makes `output` cheaper; other tensors of the graph may vanish.

    Parameters
    ----------
    graph : Graph
    output : str
        Tensor that must stay, with all group moments that it depends on.

    Returns
    -------
    Graph
        Computes the same `output` and the same inputs of every ``moments``.
    """
    graph = _with_origins(graph.needed_for(output))
    rules = (
        _join_with_pointwise,
        _flatten_sums,
        _move_pointwise_down,
        _take_entry_out_of_sum,
        _join_with_entry,
    )
    for rule in rules:
        changed: Graph | None = graph
        while changed is not None:
            graph = changed.needed_for(output)
            changed = rule(graph)
    return graph


def compose_kernels(
    first: "NDArray[np.float32]", second: "NDArray[np.float32]"
) -> "NDArray[np.float32]":
    """Kernel of two convolutions in a row.

    Parameters
    ----------
    first : (a, a, a, in, mid) array
    second : (b, b, b, mid, out) array

    Returns
    -------
    (a + b - 1, a + b - 1, a + b - 1, in, out) float32 array
    """
    a, b = first.shape[0], second.shape[0]
    result = np.zeros((*[a + b - 1] * 3, first.shape[3], second.shape[4]))
    for i, j, k in np.ndindex(b, b, b):
        part = first.astype(np.float64) @ second[i, j, k].astype(np.float64)
        result[i : i + a, j : j + a, k : k + a] += part
    return result.astype(np.float32)


def _composed(first: Node, second: Node, name: str, *, bias: bool) -> Node:
    """`second` after `first` as one node; `bias` of `second` in or left out."""
    assert first.kernel is not None
    assert second.kernel is not None
    total = np.zeros(second.kernel.shape[-1])
    if first.bias is not None:
        total = first.bias.astype(np.float64) @ second.kernel.sum(axis=(0, 1, 2), dtype=np.float64)
    if bias and second.bias is not None:
        total = total + second.bias
    kernel = compose_kernels(first.kernel, second.kernel)
    seam = max(first.seam, second.seam, second.radius)
    biased = bias and second.bias is not None
    made_of = (*first.made_of, *((n, b and biased) for n, b in second.made_of))
    return replace(
        second,
        name=name,
        inputs=first.inputs,
        kernel=kernel,
        bias=total.astype(np.float32),
        seam=seam,
        made_of=made_of,
    )


def _with_origins(graph: Graph) -> Graph:
    """Let every convolution name itself as what it is made of."""
    return Graph(
        {
            name: replace(node, made_of=((name, node.bias is not None),))
            if node.kind == "convolve"
            else node
            for name, node in graph.nodes.items()
        }
    )


def _is_linear(node: Node) -> bool:
    return node.kind == "convolve" and node.factor == 1


def _alone(graph: Graph, name: str) -> bool:
    return len(graph.consumers(name)) == 1


def _with(graph: Graph, changes: Mapping[str, list[Node]]) -> Graph:
    """Put lists of nodes in the places of others."""
    nodes: dict[str, Node] = {}
    for name, node in graph.nodes.items():
        for new in changes.get(name, [node]):
            nodes[new.name] = new
    return Graph(nodes)


def _flatten_sums(graph: Graph) -> Graph | None:
    """Write (a + b) + c as a + b + c, where nothing else reads a + b."""
    for node in graph.nodes.values():
        for name in node.inputs if node.kind == "add" else ():
            inner = graph.nodes[name]
            if inner.kind == "add" and _alone(graph, name):
                rest = tuple(i for i in node.inputs if i != name)
                return _with(graph, {node.name: [replace(node, inputs=(*inner.inputs, *rest))]})
    return None


def _join_with_pointwise(graph: Graph) -> Graph | None:
    """1³ convolution of a linear convolution → one narrower convolution."""
    for node in graph.nodes.values():
        if _is_linear(node) and not node.radius:
            inner = graph.nodes[node.inputs[0]]
            if _is_linear(inner) and _alone(graph, inner.name):
                joined = _composed(inner, node, node.name, bias=True)
                return _with(graph, {inner.name: [], node.name: [joined]})
    return None


def _move_pointwise_down(graph: Graph) -> Graph | None:
    """1³ convolution of a sum of (up-sampled) linear convolutions → sum of narrower ones."""
    for node in graph.nodes.values():
        if not _is_linear(node) or node.radius or graph.nodes[node.inputs[0]].kind != "add":
            continue
        total = graph.nodes[node.inputs[0]]
        chains = [_chain_to_linear(graph, name) for name in total.inputs]
        if not _alone(graph, total.name) or not all(chains):
            continue
        changes: dict[str, list[Node]] = {}
        for position, chain in enumerate(chains):
            # The bias of the 1³ convolution is added once.
            first = graph.nodes[chain[-1]]
            changes[first.name] = [_composed(first, node, first.name, bias=position == 0)]
        changes[total.name] = []
        changes[node.name] = [Node(node.name, "add", total.inputs)]
        return _with(graph, changes)
    return None


def _chain_to_linear(graph: Graph, name: str) -> list[str]:
    """Names from a tensor through up-samplings to a linear convolution; [] where it is none."""
    chain = [name]
    while _alone(graph, chain[-1]):
        node = graph.nodes[chain[-1]]
        if _is_linear(node):
            return chain
        if node.kind != "upsample":
            break
        chain.append(node.inputs[0])
    return []


def _is_entry(graph: Graph, name: str) -> bool:
    """Linear convolution of a one-channel image, pooled or not."""
    node = graph.nodes[name]
    return _is_linear(node) and node.kernel is not None and node.kernel.shape[-2] == 1


def _take_entry_out_of_sum(graph: Graph) -> Graph | None:
    """conv(a + entry(image)) → conv(a) + wider conv(image)."""
    for node in graph.nodes.values():
        if not _is_linear(node) or graph.nodes[node.inputs[0]].kind != "add":
            continue
        total = graph.nodes[node.inputs[0]]
        entries = [name for name in total.inputs if _is_entry(graph, name)]
        rest = tuple(name for name in total.inputs if name not in entries)
        if not _alone(graph, total.name) or not entries or not rest:
            continue
        of_rest = replace(node, name=f"{node.name}_of_features", inputs=(total.name,))
        of_image = [
            _composed(graph.nodes[name], node, f"{node.name}_of_image{i}", bias=False)
            for i, name in enumerate(entries)
        ]
        parts = (of_rest.name, *(n.name for n in of_image))
        sums = [] if len(rest) == 1 else [replace(total, inputs=rest)]
        if not sums:
            of_rest = replace(of_rest, inputs=rest)
        return _with(
            graph,
            {total.name: sums, node.name: [of_rest, *of_image, Node(node.name, "add", parts)]},
        )
    return None


def _join_with_entry(graph: Graph) -> Graph | None:
    """conv(entry(image)) → one wider convolution of the image."""
    for node in graph.nodes.values():
        if _is_linear(node) and node.radius and _is_entry(graph, node.inputs[0]):
            entry = graph.nodes[node.inputs[0]]
            if not _is_entry(graph, node.name):
                return _with(graph, {node.name: [_composed(entry, node, node.name, bias=True)]})
    return None
