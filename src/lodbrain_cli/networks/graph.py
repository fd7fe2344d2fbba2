"""A network as plain data: operations by name, with their weights as NumPy arrays.

A built Keras model is read into this once; composing, planning and every engine
work on it. It restates no architecture: :func:`lodbrain_cli.networks.keras_graph.read_graph`
makes it from whatever was built.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["WEIGHTS", "Graph", "Kind", "Node"]

#: Variables that a node may have.
WEIGHTS = ("kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance")

Kind = Literal[
    "image",
    "convolve",
    "convolve_up",
    "fold",
    "max_pool",
    "upsample",
    "upsample_linear",
    "pad_channels",
    "relu",
    "relu6",
    "dropout",
    "add",
    "concatenate",
    "moments",
    "normalise",
    "batch_normalise",
    "softmax",
    "sigmoid",
]


@dataclass(frozen=True, eq=False)
class Node:
    """One operation on tensors (D, H, W, C).

    Parameters
    ----------
    name : str
    kind : Kind
        ``convolve`` pads with zeros ("same"); ``convolve_up`` is a transposed
        convolution whose kernel size is its factor; ``fold`` turns each block of
        factor³ voxels into one voxel with factor³ times the channels, those of
        one channel side by side; ``upsample_linear`` doubles the sides with zeros
        outside the volume; ``moments`` reduces to (2, groups) means and
        variances; ``normalise`` applies the moments that are its second input,
        ``batch_normalise`` its own; ``softmax`` is over each head apart;
        ``sigmoid`` makes background and structure of one channel.
    inputs : tuple of str
    factor : int
        Stride, pool size or up-sampling, equal along the axes.
    kernel : (k, k, k, in, out) float32 array, optional
        For ``convolve_up`` (k, k, k, out, in), as Keras stores it.
    bias : (out,) float32 array, optional
    gamma, beta, moving_mean, moving_variance : (C,) float32 arrays, optional
    groups : int
        Of ``moments`` and ``normalise``.
    epsilon : float
    seam : int
        Outermost voxels of its own grid where a composed convolution differs
        from the two that it stands for.
    width : int
        Channels of an ``image``.
    heads : tuple of int
        Channels of each head of a ``softmax``; () for all together.
    padding : (int, int)
        Channels that ``pad_channels`` adds in front and behind.
    made_of : tuple of (str, bool)
        Of a composed convolution: the convolutions that it stands for, the first
        one first, and whether the bias of each is in its own.
    """

    name: str
    kind: Kind
    inputs: tuple[str, ...] = ()
    factor: int = 1
    kernel: "NDArray[np.float32] | None" = None
    bias: "NDArray[np.float32] | None" = None
    gamma: "NDArray[np.float32] | None" = None
    beta: "NDArray[np.float32] | None" = None
    moving_mean: "NDArray[np.float32] | None" = None
    moving_variance: "NDArray[np.float32] | None" = None
    groups: int = 0
    epsilon: float = 0.0
    seam: int = 0
    width: int = 1
    heads: tuple[int, ...] = ()
    padding: tuple[int, int] = (0, 0)
    made_of: tuple[tuple[str, bool], ...] = ()

    @property
    def radius(self) -> int:
        """Voxels of its input's grid that it reaches beyond those that its own voxel covers."""
        if self.kind == "upsample_linear":
            return 1
        if self.kind != "convolve" or self.kernel is None:
            return 0
        return (int(self.kernel.shape[0]) - self.factor) // 2


@dataclass(frozen=True, eq=False)
class Graph:
    """Nodes in an order in which every input comes first.

    Parameters
    ----------
    nodes : mapping of str to Node
    """

    nodes: Mapping[str, Node]

    @cached_property
    def scales(self) -> dict[str, int]:
        """Voxels of the image per voxel of each tensor, along an axis."""
        scales: dict[str, int] = {}
        for node in self.nodes.values():
            scale = scales[node.inputs[0]] if node.inputs else 1
            if node.kind in ("max_pool", "convolve", "fold"):
                scale *= node.factor
            elif node.kind in ("upsample", "upsample_linear", "convolve_up"):
                scale //= node.factor
            scales[node.name] = scale
        return scales

    @cached_property
    def channels(self) -> dict[str, int]:
        """Channels of each tensor."""
        channels: dict[str, int] = {}
        for node in self.nodes.values():
            channels[node.name] = _channels(node, [channels[name] for name in node.inputs])
        return channels

    def consumers(self, name: str) -> list[Node]:
        """Nodes that read a tensor."""
        return [node for node in self.nodes.values() if name in node.inputs]

    def tensor_shapes(self) -> dict[str, tuple[int, ...]]:
        """Name (``<node>/<variable>``) to shape of every weight."""
        return {
            f"{node.name}/{variable}": getattr(node, variable).shape
            for node in self.nodes.values()
            for variable in WEIGHTS
            if getattr(node, variable) is not None
        }

    def with_tensors(self, tensors: "Mapping[str, NDArray[np.float32]]") -> "Graph":
        """Copy with other weights, by the names of :meth:`tensor_shapes`."""
        nodes = {}
        for node in self.nodes.values():
            prefix = f"{node.name}/"
            new: dict[str, Any] = {v: tensors[prefix + v] for v in WEIGHTS if prefix + v in tensors}
            nodes[node.name] = replace(node, **new)
        return Graph(nodes)

    def structure(self) -> list[dict[str, Any]]:
        """Everything but the values of the weights, as JSON-ready data."""
        plain = []
        for node in self.nodes.values():
            fields = {k: getattr(node, k) for k in ("name", "kind", "factor", "groups", "width")}
            weights = {v: list(getattr(node, v).shape) for v in WEIGHTS if _has(node, v)}
            # What few nodes have is left out where it says nothing.
            seldom = {
                k: list(getattr(node, k)) for k in ("heads", "padding") if any(getattr(node, k))
            }
            plain.append(
                {**fields, **seldom, "epsilon": node.epsilon, "inputs": list(node.inputs),
                 "weights": weights}
            )  # fmt: skip
        return plain

    @staticmethod
    def from_structure(plain: "Sequence[Mapping[str, Any]]") -> "Graph":
        """Graph of :meth:`structure`, its weights zero."""
        nodes = {}
        for entry in plain:
            fields: dict[str, Any] = {
                k: tuple(v) if isinstance(v, list) else v
                for k, v in entry.items()
                if k not in ("weights", "inputs")
            }
            weights: dict[str, Any] = {
                v: np.zeros(s, np.float32) for v, s in entry["weights"].items()
            }
            nodes[entry["name"]] = Node(**fields, inputs=tuple(entry["inputs"]), **weights)
        return Graph(nodes)

    def needed_for(self, output: str) -> "Graph":
        """Leave out what an output does not depend on."""
        kept: set[str] = set()
        pending = [output]
        while pending:
            name = pending.pop()
            if name not in kept:
                kept.add(name)
                pending.extend(self.nodes[name].inputs)
        return Graph({name: node for name, node in self.nodes.items() if name in kept})


def _has(node: Node, variable: str) -> bool:
    return getattr(node, variable) is not None


def _channels(node: Node, inputs: list[int]) -> int:
    """Channels of a node's tensor, from those of its inputs."""
    if node.kernel is not None:
        return int(node.kernel.shape[-2 if node.kind == "convolve_up" else -1])
    given = {
        "image": node.width,
        "moments": node.groups,
        "sigmoid": 2,
        "concatenate": sum(inputs),
        "pad_channels": sum((*inputs, *node.padding)),
        "fold": node.factor**3 * inputs[0] if inputs else 0,
    }
    return given.get(node.kind) or inputs[0]
