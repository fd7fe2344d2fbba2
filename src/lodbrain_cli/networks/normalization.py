"""Group normalisation with exact statistics, in two layers that an engine can part.

Keras' own ``GroupNormalization`` reduces all axes of a group in one float32
sum; with TensorFlow on a CPU the variance of a 192³ volume is then wrong by
several per cent (SPEC A.10). Here one axis is reduced after the other, so no
sum has more terms than a volume has slices.

The statistics are a tensor of their own in the graph. Between two of them a
LOD-Brain network is local, which lets an engine compute a volume in parts and
still normalise by the whole.
"""

from typing import Any

import keras
from keras import ops

__all__ = ["GroupMoments", "GroupNormalise"]


@keras.saving.register_keras_serializable(package="lodbrain")
class GroupMoments(keras.layers.Layer):
    """Mean and biased variance of each group of channels, per sample.

    Parameters
    ----------
    groups : int
        Contiguous channel groups.
    **kwargs
        Passed to ``keras.layers.Layer``.

    Notes
    -----
    Input (N, D, H, W, C), output (N, 2, groups) float32: means, then
    variances. Source: SPEC A.4 and A.10.
    """

    def __init__(self, groups: int, **kwargs: Any) -> None:
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        self.groups = groups

    def call(self, inputs: Any) -> Any:
        """Reduce W, then H, then D, then the channels of a group."""
        mean = self._per_group(_mean_over_space(inputs))
        per_channel = ops.repeat(mean, inputs.shape[-1] // self.groups, axis=-1)
        centred = inputs - ops.reshape(per_channel, (-1, 1, 1, 1, inputs.shape[-1]))
        variance = self._per_group(_mean_over_space(ops.square(centred)))
        return ops.stack([mean, variance], axis=1)

    def _per_group(self, per_channel: Any) -> Any:
        channels = per_channel.shape[-1]
        grouped = ops.reshape(per_channel, (-1, self.groups, channels // self.groups))
        return ops.mean(grouped, axis=-1)

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        """(N, 2, groups)."""
        return (input_shape[0], 2, self.groups)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments."""
        return {**super().get_config(), "groups": self.groups}


@keras.saving.register_keras_serializable(package="lodbrain")
class GroupNormalise(keras.layers.Layer):
    """Normalise by given group moments, then scale and shift each channel.

    Parameters
    ----------
    epsilon : float
        Added to the variance.
    **kwargs
        Passed to ``keras.layers.Layer``.

    Notes
    -----
    Inputs: features (N, D, H, W, C) and moments (N, 2, groups) of
    :class:`GroupMoments`; output like the features. Computes in float32
    whatever the policy. Source: SPEC A.4.
    """

    def __init__(self, epsilon: float, **kwargs: Any) -> None:
        # Keras would cast the moments to half precision, where a variance overflows.
        super().__init__(autocast=False, **kwargs)
        self.epsilon = epsilon

    def build(self, input_shape: Any) -> None:
        """Create ``gamma`` and ``beta``, one value per channel."""
        channels = input_shape[0][-1]
        self.gamma = self.add_weight(
            shape=(channels,), initializer="ones", name="gamma", dtype="float32"
        )
        self.beta = self.add_weight(
            shape=(channels,), initializer="zeros", name="beta", dtype="float32"
        )

    def call(self, inputs: Any) -> Any:
        """Apply one multiplication and one addition per voxel."""
        features, moments = inputs
        channels = features.shape[-1]
        moments = ops.cast(moments, "float32")
        moments = ops.repeat(moments, channels // moments.shape[-1], axis=-1)
        mean, variance = moments[:, 0], moments[:, 1]
        scale = ops.rsqrt(variance + self.epsilon) * ops.cast(self.gamma, "float32")
        shift = ops.cast(self.beta, "float32") - mean * scale
        scale = ops.reshape(scale, (-1, 1, 1, 1, channels))
        shift = ops.reshape(shift, (-1, 1, 1, 1, channels))
        normalised = ops.cast(features, "float32") * scale + shift
        return ops.cast(normalised, self.compute_dtype)

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        """Shape of the features."""
        return tuple(input_shape[0])

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments."""
        return {**super().get_config(), "epsilon": self.epsilon}


def _mean_over_space(features: Any) -> Any:
    """(N, D, H, W, C) to (N, C), one axis after the other: short float32 sums."""
    for axis in (3, 2, 1):
        features = ops.mean(features, axis=axis)
    return features
