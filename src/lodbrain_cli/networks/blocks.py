"""The two blocks of LOD-Brain ("Plain" in the authors' code; SPEC A.2).

::

    encoder: conv 3³ f → normalise → ReLU → dropout → conv 2³ stride 2, 4f → ReLU
    decoder: conv 3³ f → normalise → ReLU → dropout → convᵀ 2³ stride 2, 4f → ReLU

Every function takes Keras tensors (N, D, H, W, C) and returns one; every layer
is named from `name`, so that weights are found by name alone.
"""

from typing import Any

from keras import layers, regularizers

from ..presets import LodBrainConfig
from .normalization import GroupMoments, GroupNormalise

__all__ = ["conv3", "decoder_block", "encoder_block", "normalise"]


def conv3(x: Any, filters: int, config: LodBrainConfig | None, name: str) -> Any:
    """Linear 3³ convolution, zero-padded, with bias.

    With a `config` the kernel starts from He's normal distribution under its
    L2 penalty; without one from Keras' default, as the authors' entry layers.
    """
    options: dict[str, Any] = {}
    if config is not None:
        options["kernel_initializer"] = "he_normal"
        options["kernel_regularizer"] = regularizers.L2(config.l2)
    return layers.Conv3D(filters, 3, padding="same", name=name, **options)(x)


def normalise(x: Any, config: LodBrainConfig, name: str) -> Any:
    """Group normalisation by the moments of the whole tensor."""
    groups = min(config.max_groups, x.shape[-1])
    moments = GroupMoments(groups, name=f"{name}_moments")(x)
    return GroupNormalise(config.epsilon, name=name)([x, moments])


def _convolve_normalise(x: Any, filters: int, config: LodBrainConfig, name: str) -> Any:
    x = conv3(x, filters, config, f"{name}_conv")
    x = normalise(x, config, f"{name}_norm")
    x = layers.ReLU(name=f"{name}_relu")(x)
    return layers.Dropout(config.dropout, name=f"{name}_dropout")(x)


def encoder_block(x: Any, filters: int, config: LodBrainConfig, name: str) -> Any:
    """Halve each side; ``4 * filters`` channels come out."""
    x = _convolve_normalise(x, filters, config, name)
    x = layers.Conv3D(
        4 * filters,
        2,
        strides=2,
        padding="same",
        kernel_initializer="he_normal",
        kernel_regularizer=regularizers.L2(config.l2),
        name=f"{name}_down",
    )(x)
    return layers.ReLU(name=f"{name}_down_relu")(x)


def decoder_block(x: Any, filters: int, config: LodBrainConfig, name: str) -> Any:
    """Double each side; ``4 * filters`` channels come out."""
    x = _convolve_normalise(x, filters, config, name)
    x = layers.Conv3DTranspose(
        4 * filters,
        2,
        strides=2,
        padding="same",
        kernel_initializer="he_normal",
        kernel_regularizer=regularizers.L2(config.l2),
        name=f"{name}_up",
    )(x)
    return layers.ReLU(name=f"{name}_up_relu")(x)
