"""Build the network of any config."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import keras

from ..presets import CerebrumConfig, LodBrainConfig, NetworkConfig, NeuroNetConfig, UNetConfig
from .cerebrum import build_cerebrum
from .lod_brain import build_lod_brain
from .neuronet import build_neuronet
from .unet import build_unet

__all__ = ["build_network"]

_BUILDERS: Mapping[type[NetworkConfig], Callable[..., keras.Model]] = MappingProxyType(
    {
        LodBrainConfig: build_lod_brain,
        UNetConfig: build_unet,
        NeuroNetConfig: build_neuronet,
        CerebrumConfig: build_cerebrum,
    }
)


def build_network(
    config: NetworkConfig, shape: tuple[int | None, ...] = (None, None, None)
) -> keras.Model:
    """Build the graph of a config.

    Parameters
    ----------
    config : NetworkConfig
    shape : tuple of 3 (int or None)
        Sides of the input; each a multiple of ``config.alignment``. None
        leaves a side open.

    Returns
    -------
    keras.Model
        Input ``image`` (N, *shape, channels) float32, intensities normalised
        as the weights expect; output of layer ``probabilities``
        (N, *shape, sum of ``config.heads``), summing to 1 over each head's channels.

    Raises
    ------
    ValueError
        When a side is not a multiple of ``config.alignment``.
    """
    options: dict[str, Any] = {"shape": shape}
    return _BUILDERS[type(config)](config, **options)
