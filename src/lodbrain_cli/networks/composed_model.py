"""A network whose linear operations are composed while it is trained.

The same weights as the network itself, the same result and gradients but for
rounding and the volume's outermost voxels, a third of the multiplications: the
composed kernels are functions of the layers' own.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from .compose import compose_graph
from .graph import Node
from .keras_graph import read_graph

__all__ = ["ComposedConvolution", "compose_model"]


class ComposedConvolution(keras.layers.Layer):
    """Linear convolutions in a row as one.

    Parameters
    ----------
    parts : sequence of (keras.layers.Conv3D, bool)
        Built layers, the first one first, with odd cubic kernels and stride 1;
        whether the bias of each counts.
    **kwargs
        Passed to ``keras.layers.Layer``.

    Notes
    -----
    Input (N, D, H, W, in), output (N, D, H, W, out), zero-padded once.
    Source: SPEC A.10.
    """

    def __init__(self, parts: Sequence[tuple[keras.layers.Conv3D, bool]], **kwargs: Any) -> None:
        # Keras would cast the parts' weights to half precision before they are composed.
        super().__init__(autocast=False, **kwargs)
        self.parts = [layer for layer, _ in parts]
        self.biased = [with_bias for _, with_bias in parts]

    def call(self, inputs: Any) -> Any:
        """Compose the kernels as they are now, then convolve."""
        inputs, kernel, bias = (
            ops.cast(tensor, self.compute_dtype) for tensor in (inputs, *self._composed())
        )
        return ops.conv(inputs, kernel, padding="same", data_format="channels_last") + bias

    def _composed(self) -> tuple[Any, Any]:
        kernel: Any = None
        bias: Any = 0.0
        for layer, with_bias in zip(self.parts, self.biased, strict=True):
            own = ops.convert_to_tensor(layer.kernel)
            if kernel is not None:
                bias = ops.matmul(bias, ops.sum(own, axis=(0, 1, 2)))
            kernel = own if kernel is None else _compose(kernel, own)
            bias = bias + (layer.bias if with_bias else ops.zeros(own.shape[-1]))
        return kernel, bias

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        """Shape of the input with the last layer's channels."""
        return (*input_shape[:-1], self.parts[-1].filters)


def compose_model(model: keras.Model, output: str = "probabilities") -> keras.Model:
    """Compose what a network computes, on its own variables.

    Parameters
    ----------
    model : keras.Model
        Functional, as :func:`.lod_brain.build_lod_brain` makes it.
    output : str
        Layer whose output stays.

    Returns
    -------
    keras.Model
        Same input and output. Training it trains `model`.
    """
    tensors: dict[str, Any] = {}
    for node in compose_graph(read_graph(model, dropout=True), output).nodes.values():
        if node.kind == "image":
            tensors[node.name] = model.get_layer(node.name).output
            continue
        inputs = [tensors[name] for name in node.inputs]
        tensors[node.name] = _layer_of(node, model)(inputs if len(inputs) > 1 else inputs[0])
    return keras.Model(model.input, tensors[output], name=f"composed_{model.name}")


def _layer_of(node: Node, model: keras.Model) -> keras.layers.Layer:
    """Layer of the model itself, or one that stands for several."""
    if len(node.made_of) < 2 and _is_whole(node, model):
        return _own_layer(node, model)
    parts = [(model.get_layer(name), with_bias) for name, with_bias in node.made_of]
    return ComposedConvolution(parts, name=f"composed_{node.name}")


def _is_whole(node: Node, model: keras.Model) -> bool:
    """Whether a node is one layer with its bias, where it has one."""
    return all(
        name == node.name and with_bias == model.get_layer(name).use_bias
        for name, with_bias in node.made_of
    )


def _own_layer(node: Node, model: keras.Model) -> keras.layers.Layer:
    if node.kind == "add":  # composing changes how many there are to add
        return keras.layers.Add(name=f"composed_{node.name}")
    layer: keras.layers.Layer = model.get_layer(node.name)
    return layer


def _compose(first: Any, second: Any) -> Any:
    """Kernel of two convolutions in a row: see :func:`.compose.compose_kernels`.

    Either the second is 1³, or the first reads one channel, which composing
    asks for: then it is the full correlation of the first with the second
    turned over. That channel is moved by reshaping; TensorFlow's optimiser
    loses a transposition of an axis of length one.
    """
    if second.shape[0] == 1:
        return ops.matmul(first, second[0, 0, 0])
    reach, side = second.shape[0] - 1, first.shape[0] + second.shape[0] - 1
    volume = ops.reshape(first, (1, *first.shape[:3], first.shape[-1]))
    volume = ops.pad(volume, [(0, 0), *[(reach, reach)] * 3, (0, 0)])
    kernel = ops.conv(
        volume, ops.flip(second, axis=(0, 1, 2)), padding="valid", data_format="channels_last"
    )
    return ops.reshape(kernel, (side, side, side, 1, second.shape[-1]))
