"""Keras model → plain graph, and back."""

from typing import Any

import keras
import numpy as np

from .graph import WEIGHTS, Graph, Node
from .heads import HeadSoftmax, SigmoidClasses
from .linear_upsampling import LinearUpsampling, PadChannels
from .normalization import GroupMoments, GroupNormalise

__all__ = ["build_from_graph", "read_graph"]

_WITHOUT_OPTIONS = (
    (keras.layers.Dropout, "dropout"),
    (keras.layers.Add, "add"),
    (keras.layers.Concatenate, "concatenate"),
    (keras.layers.Softmax, "softmax"),
    (SigmoidClasses, "sigmoid"),
)


class Fold(keras.layers.Layer):
    """Turn blocks of voxels into channels: see ``fold`` of :class:`.graph.Node`."""

    def __init__(self, factor: int, **options: Any) -> None:
        super().__init__(**options)
        self.factor = factor

    def call(self, x: Any) -> Any:
        """(B, D, H, W, C) → (B, D/f, H/f, W/f, C·f³)."""
        f = self.factor
        batch, *sides, channels = keras.ops.shape(x)
        blocks = [n for side in sides for n in (side // f, f)]
        x = keras.ops.reshape(x, (batch, *blocks, channels))
        x = keras.ops.transpose(x, (0, 1, 3, 5, 7, 2, 4, 6))
        return keras.ops.reshape(x, (batch, *[side // f for side in sides], channels * f**3))

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Shape of the result."""
        sides = [None if side is None else side // self.factor for side in shape[1:4]]
        channels = None if shape[4] is None else shape[4] * self.factor**3
        return (shape[0], *sides, channels)


def read_graph(model: keras.Model, *, dropout: bool = False) -> Graph:
    """Read a built functional model, weights included.

    Parameters
    ----------
    model : keras.Model
        One input, every layer used once, cubic kernels and strides.
    dropout : bool
        Keep dropout, which does nothing at inference.

    Returns
    -------
    Graph
        Nodes named like the layers.

    Raises
    ------
    TypeError
        On a layer of a kind that no network here has.
    """
    producers = {id(layer.output): layer.name for layer in model.layers}
    same_as: dict[str, str] = {}
    nodes: dict[str, Node] = {}
    for layer in model.layers:  # Keras lists layers by depth: inputs first
        tensors = layer.input if isinstance(layer.input, (list, tuple)) else [layer.input]
        inputs = tuple(producers[id(tensor)] for tensor in tensors)
        inputs = tuple(same_as.get(name, name) for name in inputs)
        if isinstance(layer, keras.layers.Dropout) and not dropout:
            same_as[layer.name] = inputs[0]
        elif isinstance(layer, keras.layers.InputLayer):
            nodes[layer.name] = Node(layer.name, "image")
        else:
            nodes[layer.name] = Node(layer.name, inputs=inputs, **_attributes(layer))
    return Graph(nodes)


def build_from_graph(graph: Graph, outputs: str, policy: str = "float32") -> keras.Model:
    """Build a Keras model that computes one tensor of a graph.

    Parameters
    ----------
    graph : Graph
        Only what `outputs` needs. Its nodes of kind ``image``, in order, then
        those of kind ``moments`` without inputs, are the model's inputs.
    outputs : str
        Node whose tensor is wanted.
    policy : str
        Keras dtype policy of convolutions and what lies between; normalisations
        and the softmax are always float32.

    Returns
    -------
    keras.Model
        Weights set.
    """
    tensors: dict[str, Any] = {}
    images: list[Any] = []
    moments: list[Any] = []
    for node in graph.nodes.values():
        if node.inputs:
            tensors[node.name] = _apply(node, [tensors[name] for name in node.inputs], policy)
            continue
        shape = (2, node.groups) if node.kind == "moments" else (None, None, None, node.width)
        tensors[node.name] = keras.Input(shape, name=node.name)
        (moments if node.kind == "moments" else images).append(tensors[node.name])
    return keras.Model([*images, *moments], tensors[outputs])


def _attributes(layer: Any) -> dict[str, Any]:
    weights = {w.name: np.asarray(w.numpy(), np.float32) for w in layer.weights}
    kinds = keras.layers
    if isinstance(layer, kinds.Conv3DTranspose):  # before Conv3D, of which it is one
        return {"kind": "convolve_up", "factor": layer.strides[0], **weights}
    if isinstance(layer, kinds.Conv3D):
        return {"kind": "convolve", "factor": layer.strides[0], **weights}
    if isinstance(layer, kinds.MaxPooling3D):
        return {"kind": "max_pool", "factor": layer.pool_size[0]}
    if isinstance(layer, kinds.UpSampling3D):
        return {"kind": "upsample", "factor": layer.size[0]}
    if isinstance(layer, GroupMoments):
        return {"kind": "moments", "groups": layer.groups}
    if isinstance(layer, GroupNormalise):
        return {"kind": "normalise", "epsilon": layer.epsilon, **weights}
    if isinstance(layer, kinds.BatchNormalization):
        return {"kind": "batch_normalise", "epsilon": layer.epsilon, **weights}
    if isinstance(layer, kinds.ReLU):
        return {"kind": "relu6" if layer.max_value == 6 else "relu"}
    if isinstance(layer, LinearUpsampling):
        return {"kind": "upsample_linear", "factor": 2}
    if isinstance(layer, PadChannels):
        return {"kind": "pad_channels", "padding": (layer.before, layer.after)}
    if isinstance(layer, HeadSoftmax):
        return {"kind": "softmax", "heads": layer.heads}
    for kind, name in _WITHOUT_OPTIONS:
        if isinstance(layer, kind):
            return {"kind": name}
    msg = f"layer {layer.name!r} of type {type(layer).__name__} has no place in a graph"
    raise TypeError(msg)


def _apply(node: Node, inputs: list[Any], policy: str) -> Any:
    layer = _layer(node, policy)
    result = layer(inputs if len(inputs) > 1 else inputs[0])
    for name in WEIGHTS:
        values = getattr(node, name)
        if values is not None:
            getattr(layer, name).assign(values)
    return result


def _layer(node: Node, policy: str) -> keras.layers.Layer:
    if node.kernel is not None:
        kind = keras.layers.Conv3DTranspose if node.kind == "convolve_up" else keras.layers.Conv3D
        filters = node.kernel.shape[-2 if node.kind == "convolve_up" else -1]
        return kind(
            filters, node.kernel.shape[0], strides=node.factor, padding="same", name=node.name,
            use_bias=node.bias is not None, dtype=policy,
        )  # fmt: skip
    simple: dict[str, Any] = {
        "fold": lambda: Fold(node.factor, name=node.name, dtype=policy),
        "max_pool": lambda: keras.layers.MaxPooling3D(node.factor, name=node.name, dtype=policy),
        "upsample": lambda: keras.layers.UpSampling3D(node.factor, name=node.name, dtype=policy),
        "upsample_linear": lambda: LinearUpsampling(name=node.name, dtype=policy),
        "pad_channels": lambda: PadChannels(*node.padding, name=node.name, dtype=policy),
        "relu": lambda: keras.layers.ReLU(name=node.name, dtype=policy),
        "relu6": lambda: keras.layers.ReLU(6, name=node.name, dtype=policy),
        "add": lambda: keras.layers.Add(name=node.name, dtype=policy),
        "concatenate": lambda: keras.layers.Concatenate(name=node.name, dtype=policy),
        "softmax": lambda: _softmax(node),
        "sigmoid": lambda: SigmoidClasses(name=node.name, dtype="float32"),
        "batch_normalise": lambda: keras.layers.BatchNormalization(
            epsilon=node.epsilon, name=node.name, dtype=policy
        ),
        "moments": lambda: GroupMoments(node.groups, name=node.name, dtype="float32"),
        "normalise": lambda: GroupNormalise(node.epsilon, name=node.name, dtype=policy),
    }
    layer: keras.layers.Layer = simple[node.kind]()
    return layer


def _softmax(node: Node) -> keras.layers.Layer:
    options: dict[str, Any] = {"name": node.name, "dtype": "float32"}
    if node.heads:
        return HeadSoftmax(node.heads, **options)
    return keras.layers.Softmax(**options)
