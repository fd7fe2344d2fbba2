"""Architectures by name."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import Any

from .lod_brain import LodBrainConfig
from .neighbours import CerebrumConfig, NeuroNetConfig, UNetConfig
from .network import NetworkConfig

__all__ = ["ARCHITECTURES", "architecture_config", "network_from_plain", "network_to_plain"]

#: Config of each architecture, by its name.
ARCHITECTURES: Mapping[str, type[NetworkConfig]] = MappingProxyType(
    {c.architecture: c for c in (LodBrainConfig, UNetConfig, NeuroNetConfig, CerebrumConfig)}
)


def network_to_plain(config: NetworkConfig) -> dict[str, Any]:
    """Config as JSON-ready data, from which :func:`network_from_plain` makes it again."""
    return {"architecture": config.architecture, **config.to_dict()}


def network_from_plain(plain: Mapping[str, Any]) -> NetworkConfig:
    """Config of plain data.

    Raises
    ------
    ValueError
        On an unknown architecture, a field that it has not, or a shape that cannot be built.
    """
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in plain.items()}
    name = values.pop("architecture", LodBrainConfig.architecture)
    return architecture_config(name, values)(**values)


def architecture_config(name: Any, options: Iterable[str]) -> type[NetworkConfig]:
    """Config class of an architecture.

    Raises
    ------
    ValueError
        On an unknown architecture, or naming an option that it has not.
    """
    if name not in ARCHITECTURES:
        msg = f"unknown architecture {name!r}; expected {', '.join(ARCHITECTURES)}"
        raise ValueError(msg)
    kind = ARCHITECTURES[name]
    foreign = sorted(set(options) - {field.name for field in fields(kind)})
    if foreign:
        msg = f"architecture {name} has no option {', '.join(foreign)}"
        raise ValueError(msg)
    return kind
