"""CEREBRUM-7T's three-level network (Svanera et al. 2021; SPEC D.1).

Strided convolutions go down by 4 and by 2, transposed ones come back without an
activation, and what comes back is added to what was skipped.
"""

from typing import Any

import keras
from keras import layers

from ..presets import CerebrumConfig
from .heads import probabilities

__all__ = ["build_cerebrum"]

# Where the authors drop: the convolutions of the second and third level, and what
# leaves them for another grid.
_DROPPED = ("level2", "level3", "down2", "up")


def build_cerebrum(
    config: CerebrumConfig, shape: tuple[int | None, ...] = (None, None, None)
) -> keras.Model:
    """Build the graph of a config; see :func:`lodbrain_cli.networks.build.build_network`."""
    config.check_shape(shape)
    first, second, third = (config.filters * factor for factor in (1, 2, 4))
    image = keras.Input((*shape, 1), name="image")
    skip1 = _convolve(image, first, config, "level1_encoder1")
    x = _convolve(skip1, second, config, "down1", stride=4)
    x = _convolve(x, second, config, "level2_encoder1")
    skip2 = _convolve(x, second, config, "level2_encoder2")
    x = _convolve(skip2, third, config, "down2", stride=2)
    for number in (1, 2, 3):
        x = _convolve(x, third, config, f"level3_conv{number}")
    x = layers.Add(name="level2_skip")([skip2, _up(x, second, 2, config, "up2")])
    for number in (1, 2):
        x = _convolve(x, second, config, f"level2_decoder{number}")
    x = layers.Add(name="level1_skip")([skip1, _up(x, first, 4, config, "up1")])
    x = _convolve(x, first, config, "level1_decoder1")
    logits = layers.Conv3D(
        config.num_classes, 1, kernel_initializer="glorot_normal", name="logits"
    )(x)
    return keras.Model(image, probabilities(logits, config), name="cerebrum")


def _convolve(
    x: Any, filters: int, config: CerebrumConfig, name: str, *, stride: int | None = None
) -> Any:
    x = layers.Conv3D(
        filters, stride or 3, strides=stride or 1, padding="same",
        kernel_initializer="glorot_normal", name=name,
    )(x)  # fmt: skip
    return _drop(layers.ReLU(name=f"{name}_relu")(x), config, name)


def _up(x: Any, filters: int, factor: int, config: CerebrumConfig, name: str) -> Any:
    x = layers.Conv3DTranspose(
        filters, factor, strides=factor, padding="same", kernel_initializer="glorot_normal",
        name=name,
    )(x)  # fmt: skip
    return _drop(x, config, name)


def _drop(x: Any, config: CerebrumConfig, name: str) -> Any:
    if not config.dropout or not name.startswith(_DROPPED):
        return x
    return layers.Dropout(config.dropout, name=f"{name}_dropout")(x)
