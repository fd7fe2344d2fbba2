"""From features to class probabilities, for one label set or several.

The channels of the output are the classes of all heads, one head after the
other; those of each head sum to 1.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops

from ..presets import NetworkConfig

__all__ = ["HeadSoftmax", "SigmoidClasses", "probabilities"]


class HeadSoftmax(layers.Layer):
    """Softmax over the channels of each head apart.

    Parameters
    ----------
    heads : sequence of int
        Channels of each head.
    **kwargs
        Passed to ``keras.layers.Layer``.
    """

    def __init__(self, heads: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.heads = tuple(heads)

    def call(self, inputs: Any) -> Any:
        """(N, D, H, W, ΣC) → the same shape."""
        ends = [sum(self.heads[: n + 1]) for n in range(len(self.heads) - 1)]
        parts = ops.split(inputs, ends, axis=-1)
        return ops.concatenate([ops.softmax(part, axis=-1) for part in parts], axis=-1)

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        """Shape of the input."""
        return tuple(input_shape)


class SigmoidClasses(layers.Layer):
    """Background and one structure, from one channel."""

    def call(self, inputs: Any) -> Any:
        """(N, D, H, W, 1) → (N, D, H, W, 2)."""
        return ops.concatenate([ops.sigmoid(-inputs), ops.sigmoid(inputs)], axis=-1)

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        """Shape of the input with two channels."""
        return (*input_shape[:-1], 2)


def probabilities(logits: Any, config: NetworkConfig) -> Any:
    """Layer ``probabilities`` behind the values of all classes.

    Parameters
    ----------
    logits : (N, D, H, W, ΣC) Keras tensor
        One channel instead of two where the structure's alone is computed.
    config : NetworkConfig

    Returns
    -------
    (N, D, H, W, ΣC) Keras tensor
    """
    # float32 here keeps the classification exact under a mixed-precision policy.
    options: dict[str, Any] = {"name": "probabilities", "dtype": "float32"}
    layer: keras.layers.Layer
    if logits.shape[-1] == 1 and config.heads == (2,):
        layer = SigmoidClasses(**options)
    elif len(config.heads) == 1:
        layer = layers.Softmax(**options)
    else:
        layer = HeadSoftmax(config.heads, **options)
    return layer(logits)
