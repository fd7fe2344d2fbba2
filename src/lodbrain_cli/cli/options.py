"""Options that several commands share, each defined once, each also an environment variable."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ..presets import LEVELS, PRESETS
from .parameter_types import Duration, MemorySize, preset_type

__all__ = [
    "agreement_option",
    "device_option",
    "engine_option",
    "json_option",
    "level_option",
    "limit_options",
    "offline_option",
    "option",
    "preset_option",
    "quality_option",
    "running_options",
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
agreement_option = option(
    "--agreement",
    is_flag=True,
    help="Judge also by a second answer, for the scan mirrored and shifted: twice the time.",
)
offline_option = option(
    "--offline", is_flag=True, help="Never touch the network; weights must be on this machine."
)
json_option = option(
    "--json", "as_json", is_flag=True, envvar="LODBRAIN_JSON", help="Print results as JSON."
)


def running_options(*, bids: bool = False) -> _Decorator:
    """Options of every command that runs a network and tells what it did.

    Weights, device, engine, threads, precision, memory, offline, JSON, -q and -v;
    with `bids` also by the names that BIDS Apps give them.
    """
    threads = ("--threads", "--n-cpus", "--nprocs") if bids else ("--threads",)
    memory = ("--memory", "--mem") if bids else ("--memory",)
    return _all(
        weights_option, device_option, engine_option, option(*threads, **_THREADS),
        precision_option, option(*memory, **_MEMORY), offline_option, json_option,
        verbosity_options,
    )  # fmt: skip


def limit_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """When to end before all scans are done: ``--time-limit`` and ``--max-failures``."""
    time_limit = option(
        "--time-limit",
        type=Duration(),
        help="Begin no scan that might not be done by then, such as 3h30m, 90m or 3:30:00.",
    )
    max_failures = option(
        "--max-failures",
        type=click.IntRange(min=1),
        help="End when so many scans have failed; default: go on.",
    )
    return _all(time_limit, max_failures)(command)


def _all(*decorators: _Decorator) -> _Decorator:
    """Apply several, so that the first stands first in ``--help``."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


def verbosity_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``-q`` and ``-v``."""
    command = option("-q", "--quiet", is_flag=True, help="Print errors only.")(command)
    return option("-v", "--verbose", count=True, help="Say more; -vv says all.")(command)
