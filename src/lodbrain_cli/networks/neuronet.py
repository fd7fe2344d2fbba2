"""NeuroNet: one residual encoder, one decoder per protocol (Rajchl et al. 2018; SPEC B.1).

Pre-activation units (normalise, ReLU6, convolve, twice) go down by strided
convolutions of 4³. A decoder ("tail") works on as many channels as it has
classes: from each scale to the finer one, trilinear up-sampling and the
encoder's features of that scale through a 1³ convolution, added.
"""

from typing import Any

import keras
from keras import layers

from ..presets import NeuroNetConfig
from .heads import probabilities
from .linear_upsampling import LinearUpsampling, PadChannels

__all__ = ["build_neuronet"]


def build_neuronet(
    config: NeuroNetConfig, shape: tuple[int | None, ...] = (None, None, None)
) -> keras.Model:
    """Build the graph of a config; see :func:`lodbrain_cli.networks.build.build_network`."""
    config.check_shape(shape)
    image = keras.Input((*shape, 1), name="image")
    scales = [_convolve(image, config.filters[0], 3, "scale0_conv")]
    for scale, filters in enumerate(config.filters[1:], 1):
        x = scales[-1]
        for unit in range(1, config.units + 1):
            x = _residual_unit(x, filters, f"scale{scale}_unit{unit}", stride=2 if unit == 1 else 1)
        scales.append(x)
    tails = [_tail(scales, k, f"head{number}") for number, k in enumerate(config.heads)]
    logits = tails[0] if len(tails) == 1 else layers.Concatenate(name="logits")(tails)
    return keras.Model(image, probabilities(logits, config), name="neuronet")


def _residual_unit(x: Any, filters: int, name: str, *, stride: int) -> Any:
    shortcut = x
    if stride > 1:
        shortcut = layers.MaxPooling3D(stride, name=f"{name}_pool")(shortcut)
    missing = filters - x.shape[-1]
    if missing:
        before = missing // 2
        shortcut = PadChannels(before, missing - before, name=f"{name}_pad")(shortcut)
    x = _normalise(x, f"{name}_norm1")
    x = layers.ReLU(6, name=f"{name}_relu1")(x)
    x = _convolve(x, filters, 3 if stride == 1 else 2 * stride, f"{name}_conv1", stride=stride)
    x = _normalise(x, f"{name}_norm2")
    x = layers.ReLU(6, name=f"{name}_relu2")(x)
    x = _convolve(x, filters, 3, f"{name}_conv2")
    return layers.Add(name=f"{name}_add")([x, shortcut])


def _tail(scales: list[Any], classes: int, name: str) -> Any:
    x = scales[-1]
    for scale in range(len(scales) - 2, -1, -1):
        step = f"{name}_scale{scale}"
        if x.shape[-1] != classes:
            x = _convolve(x, classes, 1, f"{step}_convert")
        x = LinearUpsampling(name=f"{step}_up")(x)
        skipped = _convolve(scales[scale], classes, 1, f"{step}_skip")
        x = layers.Add(name=f"{step}_add")([x, _normalise(skipped, f"{step}_skip_norm")])
    return _convolve(x, classes, 1, f"{name}_logits")


def _convolve(x: Any, filters: int, kernel: int, name: str, *, stride: int = 1) -> Any:
    return layers.Conv3D(
        filters, kernel, strides=stride, padding="same", use_bias=False,
        kernel_initializer=keras.initializers.VarianceScaling(distribution="uniform"), name=name,
    )(x)  # fmt: skip


def _normalise(x: Any, name: str) -> Any:
    return layers.BatchNormalization(name=name)(x)
