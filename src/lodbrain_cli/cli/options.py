"""Options that several commands share, each defined once, each also an environment variable.

preset_option, weights_option, device_option, engine_option, threads_option, offline_option,
json_option, verbosity_options
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ..presets import PRESETS

__all__ = [
    "device_option",
    "engine_option",
    "json_option",
    "offline_option",
    "option",
    "preset_option",
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
    type=click.Choice(list(PRESETS)),
    default=next(iter(PRESETS)),
    show_default=True,
    help="Trained network to use; see 'lodbrain info'.",
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
threads_option = option(
    "--threads",
    type=click.IntRange(min=1),
    help="CPU threads; default: what this process was given (Slurm, affinity, container).",
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
