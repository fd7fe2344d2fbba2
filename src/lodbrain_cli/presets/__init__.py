"""Presets: networks that were trained, by name; pure data."""

from .architectures import ARCHITECTURES, architecture_config, network_from_plain, network_to_plain
from .lod_brain import LodBrainConfig
from .model_file import MODEL_FILE, find_preset, model_to_plain, read_model
from .neighbours import CerebrumConfig, NeuroNetConfig, UNetConfig
from .network import NetworkConfig
from .preset import LEVELS, Preset, TrainedNetwork, WeightsFile, Windows
from .references import Reference, references_of
from .statistics import (
    StatisticsFiles,
    VolumeFile,
    statistics_from_plain,
    statistics_to_plain,
)
from .table import BRAIN_EXTRACTION, PRESETS, get_preset

__all__ = [
    "ARCHITECTURES",
    "BRAIN_EXTRACTION",
    "LEVELS",
    "MODEL_FILE",
    "PRESETS",
    "CerebrumConfig",
    "LodBrainConfig",
    "NetworkConfig",
    "NeuroNetConfig",
    "Preset",
    "Reference",
    "StatisticsFiles",
    "TrainedNetwork",
    "UNetConfig",
    "VolumeFile",
    "WeightsFile",
    "Windows",
    "architecture_config",
    "find_preset",
    "get_preset",
    "model_to_plain",
    "network_from_plain",
    "network_to_plain",
    "read_model",
    "references_of",
    "statistics_from_plain",
    "statistics_to_plain",
]
