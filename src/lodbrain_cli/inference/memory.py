"""How much memory computing will take, and the largest tiles that fit a limit."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import ResourceError
from .devices import free_memory_bytes, resident_bytes
from .plan import Plan, Stage
from .tiling import Shape

__all__ = [
    "BUDGETS",
    "GPU_BUDGETS",
    "Budget",
    "Footprint",
    "Room",
    "choose_budget",
    "choose_for_maps",
    "measure_room",
    "peak_bytes",
]

_MIB = 2**20

# What a compiled stage keeps, about, and how many there are when all is kept.
_COMPILED_BYTES = 5 * _MIB
_COMPILED_COUNT = 80
_COMPILED_AT_ONCE = 4  # of two stages, while the next is made

# The share of a volume that a brain's box takes, until the coarse level has said.
_BRAIN_SHARE = 0.5

# Volumes of float32 that cleaning and the way back to the scan's grid hold at a time.
_VOLUMES_AFTERWARDS = 2


@dataclass(frozen=True)
class Budget:
    """Size of the pieces in which a volume is computed.

    Parameters
    ----------
    tile_bytes : int
        Of the widest tensor of a tile, about.
    larger_where_all : int
        How many times larger tiles are where the whole volume is computed.
    keep_compiled : bool
        Whether what was compiled for one kind of window is kept for the next volume.
    """

    tile_bytes: int
    larger_where_all: int = 1
    keep_compiled: bool = True


#: From the fastest to the smallest. 8 MiB stay in a processor's cache.
BUDGETS = (
    Budget(8 * _MIB, larger_where_all=4),
    Budget(4 * _MIB, keep_compiled=False),
    Budget(2 * _MIB, keep_compiled=False),
    Budget(1 * _MIB, keep_compiled=False),
)

#: The same on a GPU, which wants much to do at a time.
GPU_BUDGETS = (Budget(512 * _MIB), Budget(128 * _MIB), Budget(32 * _MIB))


@dataclass(frozen=True)
class Footprint:
    """What an engine takes beside the tensors that are kept.

    Parameters
    ----------
    fixed_bytes : int
        For code, threads and scratch.
    tiles : int
        Bytes per byte of a tile's widest tensor: all layers between, and copies.
    """

    fixed_bytes: int
    tiles: int


@dataclass(frozen=True)
class Room:
    """Memory that a process has for a volume.

    Parameters
    ----------
    held : int
        Bytes that it held before.
    most : int
        Bytes that it may hold.
    refuse : bool
        Whether a volume for which that is too little is refused.
    """

    held: int
    most: int
    refuse: bool


def peak_bytes(plan: Plan, shape: Shape, budget: Budget, footprint: Footprint) -> int:
    """Most memory that a prediction will add to what the process holds.

    Parameters
    ----------
    plan : Plan
    shape : tuple of 3 int
        Of the image.
    budget : Budget
    footprint : Footprint
        Of the engine.
    """
    work = _work_bytes(budget, footprint)
    kept: dict[str, int] = {}
    peak = 0
    for number, stage in enumerate(plan.stages[:-1]):
        if stage.kept:
            kept[stage.output] = _tensor_bytes(stage, shape)
        peak = max(peak, sum(kept.values()) + work)
        needed = plan.read_after(number)
        kept = {name: size for name, size in kept.items() if name in needed}
    maps = int(_BRAIN_SHARE * _tensor_bytes(plan.stages[-1], shape))
    return max(peak, _bytes_with_maps(sum(kept.values()) + maps, shape, budget, footprint))


def measure_room(limit: int | None) -> Room:
    """Say what the process holds now, and may.

    Parameters
    ----------
    limit : int or None
        Bytes of resident memory; None: what is free, where even the smallest
        budget is tried.
    """
    held = resident_bytes()
    most = limit if limit is not None else held + free_memory_bytes()
    return Room(held, most, refuse=limit is not None)


def choose_budget(
    plan: Plan,
    shape: Shape,
    footprint: Footprint,
    room: Room,
    budgets: Sequence[Budget] = BUDGETS,
) -> Budget:
    """Largest budget with which the process will stay within its room.

    Parameters
    ----------
    plan : Plan
    shape : tuple of 3 int
    footprint : Footprint
    room : Room
    budgets : sequence of Budget
        From the largest.

    Raises
    ------
    ResourceError
        When a limit is given and the smallest does not fit.
    """
    return _largest(room, {b: peak_bytes(plan, shape, b, footprint) for b in budgets})


def choose_for_maps(
    kept_bytes: int,
    shape: Shape,
    footprint: Footprint,
    room: Room,
    budgets: Sequence[Budget] = BUDGETS,
) -> Budget:
    """Largest budget with which the maps can be computed, now that their size is known.

    Parameters
    ----------
    kept_bytes : int
        Of the maps and of the tensors that they are computed from.
    shape, footprint, room, budgets
        As for :func:`choose_budget`.

    Raises
    ------
    ResourceError
        As there.
    """
    needs = {b: _bytes_with_maps(kept_bytes, shape, b, footprint) for b in budgets}
    return _largest(room, needs)


def _largest(room: Room, needs: dict[Budget, int]) -> Budget:
    for budget, need in needs.items():
        if room.held + need <= room.most:
            return budget
    if room.refuse:
        raise _too_little(room.held + need, room.most)
    return budget


def _work_bytes(budget: Budget, footprint: Footprint) -> int:
    tile = budget.tile_bytes * budget.larger_where_all
    count = _COMPILED_COUNT if budget.keep_compiled else _COMPILED_AT_ONCE
    return footprint.fixed_bytes + footprint.tiles * tile + count * _COMPILED_BYTES


def _bytes_with_maps(kept_bytes: int, shape: Shape, budget: Budget, footprint: Footprint) -> int:
    """While maps are computed, or cleaned afterwards."""
    return kept_bytes + max(_work_bytes(budget, footprint), _afterwards_bytes(shape))


def _afterwards_bytes(shape: Shape) -> int:
    return _VOLUMES_AFTERWARDS * 4 * shape[0] * shape[1] * shape[2]


def _tensor_bytes(stage: Stage, shape: Shape) -> int:
    voxels = shape[0] * shape[1] * shape[2] // stage.scale**3
    return 4 * stage.graph.channels[stage.output] * voxels


def _too_little(need: int, limit: int) -> ResourceError:
    return ResourceError(
        f"the memory limit of {limit / _MIB:.0f} MiB is too small: this scan needs about "
        f"{need / _MIB:.0f} MiB; raise --memory"
    )
