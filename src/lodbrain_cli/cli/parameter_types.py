"""What options hold beyond numbers and names: sizes, lengths of time, networks."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ..presets import PRESETS

__all__ = ["Duration", "MemorySize", "preset_type"]


class MemorySize(click.ParamType):  # type: ignore[type-arg]
    """Bytes with a unit: K, M, G or T are powers of 1024, as Slurm and Docker count."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read a number of bytes."""
        if isinstance(value, int):
            return value
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT])(?:i?B)?", value.strip(), re.IGNORECASE)
        if found is None or float(found[1]) == 0:
            self.fail(f"{value!r} is no size; write for instance 4G or 900M", param, ctx)
        power = "KMGT".index(found[2].upper()) + 1
        return int(float(found[1]) * 1024**power)


class Duration(click.ParamType):  # type: ignore[type-arg]
    """Seconds, from ``1d``, ``3h30m``, ``90s``, or as Slurm writes time: ``[days-]hours:...``."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read a length of time in seconds."""
        if isinstance(value, float):
            return value
        text = value.strip().lower()
        units = re.fullmatch(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", text, re.ASCII)
        clock = re.fullmatch(r"(?:(\d+)-)?(\d+):(\d+)(?::(\d+))?", text, re.ASCII)
        seconds = 0.0
        if units is not None:
            seconds = _seconds(units.groups())
        elif clock is not None:
            days, *rest = clock.groups()
            # As Slurm reads it: with days hours come first, without them 3:30 is minutes.
            minutes_first = days is None and rest[2] is None
            parts = (None, None, *rest[:2]) if minutes_first else (days, *rest)
            seconds = _seconds(parts)
        if seconds == 0:
            self.fail(f"{value!r} is no time; write for instance 3h30m or 3:30:00", param, ctx)
        return seconds


def _seconds(parts: Sequence[str | None]) -> float:
    """Sum of days, hours, minutes and seconds."""
    lengths = (86400, 3600, 60, 1)
    return float(sum(int(part or 0) * n for part, n in zip(parts, lengths, strict=True)))


class _PresetType(click.Choice[str]):
    """Name of a preset, or where a network lies that somebody trained."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Take a path for what it is; everything else is a choice."""
        text = str(value)
        if text not in self.choices and ("/" in text or Path(text).exists()):
            return text
        return super().convert(value, param, ctx)


#: Of every option that names a network.
preset_type = _PresetType(list(PRESETS))
