"""Which part of a plan a process does, as told or as the scheduler of its cluster numbers it."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ..errors import UsageError

__all__ = ["Shard", "parse_shard"]

Item = TypeVar("Item")


@dataclass(frozen=True)
class Shard:
    """Part `index` of `count`, counted from 1."""

    index: int
    count: int

    def of(self, items: Sequence[Item]) -> list[Item]:
        """Every item whose turn it is: shards are disjoint, cover all, and differ by one at most.

        Neighbours go to different shards, so that a site's large scans, which
        stand together, do not all fall to one.
        """
        return list(items[self.index - 1 :: self.count])


@dataclass(frozen=True)
class _Array:
    """A task of an array as its scheduler tells it; None is what it does not tell."""

    scheduler: str
    index: int
    first: int | None = None
    last: int | None = None
    step: int = 1
    count: int | None = None


def parse_shard(text: str, environment: Mapping[str, str] = os.environ) -> Shard:
    """Read ``I/N``, ``auto`` or ``auto/N``.

    Parameters
    ----------
    text : str
        ``3/8``: the third of eight. ``auto``: as the scheduler numbers its array
        (Slurm, SGE, LSF, which also tell how many). ``auto/N``: of an array that
        is numbered from 1 to N (on Kubernetes from 0), of which some tasks alone
        may run again.
    environment : mapping
        Variables of the scheduler.

    Raises
    ------
    UsageError
        When it is none of these, or the environment does not tell enough.
    """
    plain = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text.strip(), re.ASCII)
    if plain:
        return _checked(int(plain[1]), int(plain[2]), text)
    auto = re.fullmatch(r"auto(?:/(\d{1,9}))?", text.strip(), re.ASCII)
    if auto is None:
        msg = f"shard {text!r}: expected I/N such as 3/8, auto, or auto/N"
        raise UsageError(msg)
    array = _find_array(environment)
    if auto[1] is not None:
        first = 0 if array.scheduler == "Kubernetes" else 1
        return _checked(array.index - first + 1, int(auto[1]), _described(array))
    return _from_range(array)


def _from_range(array: _Array) -> Shard:
    """Shard of a whole array from its range."""
    advice = "say how many with --shard auto/N, and number the tasks from 1 to N"
    if array.first is None or array.last is None:
        msg = f"{array.scheduler} does not tell how many tasks its array has; {advice}"
        raise UsageError(msg)
    count = (array.last - array.first) // array.step + 1
    offset = array.index - array.first
    if array.count not in (None, count) or offset % array.step:
        msg = f"{_described(array)} is one of a list of tasks, not of a range; {advice}"
        raise UsageError(msg)
    return _checked(offset // array.step + 1, count, _described(array))


def _checked(index: int, count: int, what: str) -> Shard:
    if count < 1 or not 1 <= index <= count:
        msg = f"shard {what}: number {index} of {count}; expected 1 to {count}"
        raise UsageError(msg)
    return Shard(index, count)


def _described(array: _Array) -> str:
    return f"{array.scheduler} array task {array.index}"


def _find_array(environment: Mapping[str, str]) -> _Array:
    for find in _SCHEDULERS:
        array = find(_Numbers(environment))
        if array is not None:
            return array
    msg = (
        "--shard auto: this process belongs to no job array (no SLURM_ARRAY_TASK_ID, SGE_TASK_ID, "
        "PBS_ARRAY_INDEX, PBS_ARRAYID, LSB_JOBINDEX or JOB_COMPLETION_INDEX); give --shard I/N"
    )
    raise UsageError(msg)


class _Numbers:
    """Numbers in the environment; anything else, as SGE's "undefined", is None."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def __call__(self, name: str) -> int | None:
        value = self._environment.get(name, "").strip()
        return int(value) if re.fullmatch(r"\d{1,9}", value, re.ASCII) else None


def _slurm(number: _Numbers) -> _Array | None:
    index = number("SLURM_ARRAY_TASK_ID")
    if index is None:
        return None
    return _Array(
        "Slurm", index, number("SLURM_ARRAY_TASK_MIN"), number("SLURM_ARRAY_TASK_MAX"),
        number("SLURM_ARRAY_TASK_STEP") or 1, number("SLURM_ARRAY_TASK_COUNT"),
    )  # fmt: skip


def _sge(number: _Numbers) -> _Array | None:
    index = number("SGE_TASK_ID")  # "undefined" outside of an array
    if index is None:
        return None
    step = number("SGE_TASK_STEPSIZE") or 1
    return _Array("SGE", index, number("SGE_TASK_FIRST"), number("SGE_TASK_LAST"), step)


def _pbs(number: _Numbers) -> _Array | None:
    # OpenPBS and PBS Pro, then Torque; neither tells how many there are.
    for name in ("PBS_ARRAY_INDEX", "PBS_ARRAYID"):
        index = number(name)
        if index is not None:
            return _Array("PBS", index)
    return None


def _lsf(number: _Numbers) -> _Array | None:
    index = number("LSB_JOBINDEX")
    if not index:  # 0 outside of an array
        return None
    # The first index is not told; arrays are numbered from 1 unless one takes care not to.
    return _Array("LSF", index, 1, number("LSB_JOBINDEX_END"), number("LSB_JOBINDEX_STEP") or 1)


def _kubernetes(number: _Numbers) -> _Array | None:
    index = number("JOB_COMPLETION_INDEX")
    return None if index is None else _Array("Kubernetes", index)


_SCHEDULERS: tuple[Callable[[_Numbers], _Array | None], ...] = (
    _slurm,
    _sge,
    _pbs,
    _lsf,
    _kubernetes,
)
