"""Presets: networks that were trained, by name; pure data."""

from .network import NetworkConfig
from .preset import LEVELS, Preset, TrainedNetwork, WeightsFile
from .table import PRESETS, get_preset

__all__ = [
    "LEVELS",
    "PRESETS",
    "NetworkConfig",
    "Preset",
    "TrainedNetwork",
    "WeightsFile",
    "get_preset",
]
