"""Layers without weights that NeuroNet needs and Keras has not (SPEC B.1)."""

from typing import Any

from keras import layers, ops

__all__ = ["LinearUpsampling", "PadChannels"]


class LinearUpsampling(layers.Layer):
    """Double each side by trilinear interpolation; outside the volume there are zeros.

    The same as the original's transposed convolution of 4³ with fixed weights,
    which would be 64 k² numbers for k channels.
    """

    def call(self, inputs: Any) -> Any:
        """(N, D, H, W, C) → (N, 2D, 2H, 2W, C)."""
        x = inputs
        for axis in (1, 2, 3):
            x = _doubled(x, axis)
        return x

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        """Shape of the input with its sides doubled."""
        batch, *sides, channels = input_shape
        return (batch, *(None if n is None else 2 * n for n in sides), channels)


class PadChannels(layers.Layer):
    """Add channels of zeros.

    Parameters
    ----------
    before, after : int
        How many, at the front and at the end.
    **kwargs
        Passed to ``keras.layers.Layer``.
    """

    def __init__(self, before: int, after: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.before, self.after = before, after

    def call(self, inputs: Any) -> Any:
        """(N, D, H, W, C) → (N, D, H, W, before + C + after)."""
        return ops.pad(inputs, [*[(0, 0)] * 4, (self.before, self.after)])

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        """Shape of the input with more channels."""
        return (*input_shape[:-1], input_shape[-1] + self.before + self.after)


def _doubled(x: Any, axis: int) -> Any:
    """Two voxels for each: a quarter of the neighbour on that side, three quarters of its own."""
    pads = [(0, 0)] * 5
    pads[axis] = (1, 1)
    padded = ops.pad(x, pads)
    last = [slice(None)] * axis
    previous, following = padded[(*last, slice(0, -2))], padded[(*last, slice(2, None))]
    pair = ops.stack([0.25 * previous + 0.75 * x, 0.75 * x + 0.25 * following], axis=axis + 1)
    batch, *rest = ops.shape(x)
    rest[axis - 1] = 2 * rest[axis - 1]
    return ops.reshape(pair, (batch, *rest))
