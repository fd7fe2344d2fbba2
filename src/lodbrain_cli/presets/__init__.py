"""Presets: networks that were trained, by name; pure data."""

from .architectures import ARCHITECTURES, network_from_plain, network_to_plain
from .lod_brain import LodBrainConfig
from .neighbours import CerebrumConfig, NeuroNetConfig, UNetConfig
from .network import NetworkConfig
from .preset import LEVELS, Preset, TrainedNetwork, WeightsFile
from .table import PRESETS, get_preset

__all__ = [
    "ARCHITECTURES",
    "LEVELS",
    "PRESETS",
    "CerebrumConfig",
    "LodBrainConfig",
    "NetworkConfig",
    "NeuroNetConfig",
    "Preset",
    "TrainedNetwork",
    "UNetConfig",
    "WeightsFile",
    "get_preset",
    "network_from_plain",
    "network_to_plain",
]
