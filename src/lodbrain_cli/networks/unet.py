"""nobrainer's 3-D U-Net (tag 0.1.1; SPEC C.1), after Çiçek et al. 2016.

Four scales; each has two convolutions of 3³, the second twice as wide. What is
up-sampled keeps its channels and is put behind the skipped ones.
"""

from typing import Any

import keras
from keras import layers

from ..presets import UNetConfig
from .heads import probabilities

__all__ = ["build_unet"]

_SCALES = 4


def build_unet(
    config: UNetConfig, shape: tuple[int | None, ...] = (None, None, None)
) -> keras.Model:
    """Build the graph of a config; see :func:`lodbrain_cli.networks.build.build_network`."""
    config.check_shape(shape)
    image = keras.Input((*shape, 1), name="image")
    x, skips = image, []
    for scale in range(1, _SCALES + 1):
        if scale > 1:
            skips.append(x)
            x = layers.MaxPooling3D(2, name=f"encoder{scale}_pool")(x)
        width = config.filters * 2 ** (scale - 1)
        x = _pair(x, (width, 2 * width), config, f"encoder{scale}")
    for scale in range(_SCALES - 1, 0, -1):
        name = f"decoder{scale}"
        width = config.filters * 2**scale
        x = layers.Conv3DTranspose(2 * width, 2, strides=2, padding="same", name=f"{name}_up")(x)
        x = layers.Concatenate(name=f"{name}_skip")([skips.pop(), x])
        x = _pair(x, (width, width), config, name)
    channels = 1 if config.activation == "sigmoid" else config.num_classes
    logits = layers.Conv3D(channels, 1, name="logits")(x)
    return keras.Model(image, probabilities(logits, config), name="unet")


def _pair(x: Any, widths: tuple[int, int], config: UNetConfig, name: str) -> Any:
    for number, width in enumerate(widths, 1):
        x = layers.Conv3D(width, 3, padding="same", name=f"{name}_conv{number}")(x)
        if config.batch_normalisation:
            x = layers.BatchNormalization(name=f"{name}_norm{number}")(x)
        x = layers.ReLU(name=f"{name}_relu{number}")(x)
    if config.dropout:
        x = layers.Dropout(config.dropout, name=f"{name}_dropout")(x)
    return x
