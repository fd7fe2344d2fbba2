"""Options that several commands share, each defined once, each also an environment variable.

preset_option, level_option, weights_option, device_option, engine_option, threads_option,
precision_option, memory_option, offline_option, json_option, verbosity_options
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from ..presets import LEVELS, PRESETS

__all__ = [
    "Duration",
    "bids_memory_option",
    "bids_threads_option",
    "device_option",
    "engine_option",
    "json_option",
    "level_option",
    "memory_option",
    "offline_option",
    "option",
    "precision_option",
    "preset_option",
    "preset_type",
    "quality_option",
    "threads_option",
    "verbosity_options",
    "weights_option",
]

_Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def option(*names: str, **attributes: Any) -> _Decorator:
    """Define an option that the environment can set, ``--x-y`` by ``LODBRAIN_X_Y``."""
    longest = max((n for n in names if n.startswith("-")), key=len).split("/")[0]
    variable = "LODBRAIN_" + longest.lstrip("-").replace("-", "_").upper()
    attributes.setdefault("envvar", variable)
    return click.option(*names, **attributes)


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


preset_type = _PresetType(list(PRESETS))
preset_option = option(
    "--preset",
    type=preset_type,
    default=next(iter(PRESETS)),
    show_default=True,
    help="Trained network to use (see 'lodbrain info'), or the folder of a network of your own.",
)
weights_option = option(
    "--weights",
    type=click.Path(path_type=Path),
    # LODBRAIN_WEIGHTS names folders that are looked through first, not this choice.
    envvar="LODBRAIN_WEIGHTS_FILE",
    help="Weights file of the preset's network, or a folder that holds the released one.",
)
device_option = option(
    "--device",
    default="auto",
    show_default=True,
    metavar="auto|cpu|gpu|gpu:N",
    help="Where to compute; auto takes a GPU when there is one.",
)
engine_option = option(
    "--engine",
    type=click.Choice(["auto", "openvino", "keras"]),
    default="auto",
    show_default=True,
    help="What computes; auto takes OpenVINO on a CPU and Keras on a GPU.",
)
_THREADS: dict[str, Any] = {
    "type": click.IntRange(min=1),
    "help": "CPU threads; default: what this process was given (Slurm, affinity, container).",
}
threads_option = option("--threads", **_THREADS)
# Names that BIDS Apps know it by.
bids_threads_option = option("--threads", "--n-cpus", "--nprocs", **_THREADS)
precision_option = option(
    "--precision",
    type=click.Choice(["float32", "mixed"]),
    default="float32",
    show_default=True,
    help="mixed: half precision where it is safe, on a GPU.",
)
_MEMORY: dict[str, Any] = {
    "type": MemorySize(),
    "help": "Resident memory to stay within, such as 4G or 900M; default: what is free.",
}
memory_option = option("--memory", **_MEMORY)
bids_memory_option = option("--memory", "--mem", **_MEMORY)
level_option = option(
    "--level",
    type=click.Choice(list(LEVELS)),
    default=LEVELS[0],
    show_default=True,
    help="coarse: the coarse stage alone, a preview in a fraction of the time.",
)
quality_option = option(
    "--quality/--no-quality",
    default=True,
    help="Judge each result, or leave that out.",
)
offline_option = option(
    "--offline", is_flag=True, help="Never touch the network; weights must be on this machine."
)
json_option = option(
    "--json", "as_json", is_flag=True, envvar="LODBRAIN_JSON", help="Print results as JSON."
)


def verbosity_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``-q`` and ``-v``."""
    command = option("-q", "--quiet", is_flag=True, help="Print errors only.")(command)
    return option("-v", "--verbose", count=True, help="Say more; -vv says all.")(command)
