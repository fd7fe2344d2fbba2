"""How far a scan is, by its records alone: nothing is asked of the file's content."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..outputs.record import file_facts
from .claims import claimant
from .worklist import Job

__all__ = ["STATES", "State", "read_record", "state_of"]

StateName = Literal["todo", "done", "stale", "failed"]
#: In the order in which a summary names them.
STATES: tuple[StateName, ...] = ("todo", "done", "stale", "failed")


@dataclass(frozen=True)
class State:
    """How far a scan is.

    Parameters
    ----------
    name : {"todo", "done", "stale", "failed"}
        done: all results stand there, made of the same input with the same
        weights and options; stale: a record speaks of others; failed: tried
        with these, without a result.
    reason : str
        Why it is not done; empty where it is, or was never begun.
    """

    name: StateName
    reason: str = ""


def state_of(job: Job) -> State:
    """Say how far a scan is.

    The input counts as the same when size and time of change are those of the
    record; where only the time differs, its SHA-256 decides.
    """
    record = read_record(job.results.record)
    outdated = _difference(job, record) if record is not None else None
    if record is not None and outdated is None:
        missing = [path for path in job.results.paths().values() if not path.is_file()]
        return State("todo", f"{missing[0].name} is missing") if missing else State("done")
    failure = read_record(job.results.failure)
    if failure is not None:
        differs = _difference(job, failure)
        if differs is None:
            return State("failed", _class_of(failure))
        outdated = outdated or differs
    return State("stale", outdated) if outdated else State("todo", claimant(job.results.labels))


def read_record(path: Path) -> dict[str, Any] | None:
    """Read a record; None where there is none, or nothing that can be read as one."""
    try:
        record = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _class_of(failure: dict[str, Any]) -> str:
    error = failure.get("error")
    return str(error.get("class", "")) if isinstance(error, dict) else ""


def _difference(job: Job, record: dict[str, Any]) -> str | None:
    """Name what differs from what the record was made of: input, weights or options."""
    try:
        differs = job.settings.difference(record)
        return differs or (None if _same_file(job.source, record["input"]) else "input")
    except (KeyError, TypeError, AttributeError):
        return "input"  # not a record of ours, or not of this version


def _same_file(path: Path, known: dict[str, Any]) -> bool:
    try:
        found = path.stat()
        if found.st_size != known["bytes"]:
            return False
        if found.st_mtime_ns == known["mtime_ns"]:
            return True
        return bool(file_facts(path)["sha256"] == known["sha256"])
    except OSError:
        return known["sha256"] is None  # it could not be read then either
