"""The run record: what was done to which file with what, as JSON."""

import errno
import functools
import hashlib
import json
import os
import platform
import socket
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from ..files import write_text
from ..imaging.nifti import Scan

__all__ = [
    "batch_job",
    "failure_record",
    "file_facts",
    "options_hash",
    "record_path",
    "run_record",
    "timestamp",
    "versions",
    "write_record",
]

_PACKAGES = ("lodbrain", "keras", "openvino", "numpy", "scipy", "nibabel", "h5py")
# What names the job of a cluster that this process belongs to: job, and task of an array.
_JOBS = (
    ("SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID"),
    ("SLURM_JOB_ID", None),
    ("JOB_ID", "SGE_TASK_ID"),
    ("PBS_JOBID", None),
    ("LSB_JOBID", "LSB_JOBINDEX"),
    ("JOB_NAME", "JOB_COMPLETION_INDEX"),
)


def record_path(labels: Path) -> Path:
    """Where the record of a label image stands: ``seg.nii.gz`` → ``seg_run.json``."""
    name = labels.name
    for extension in (".nii.gz", *labels.suffixes[-1:]):
        if name.lower().endswith(extension.lower()):
            name = name[: -len(extension)]
            break
    return labels.with_name(f"{name}_run.json")


def batch_job() -> str | None:
    """Job of a cluster that this process belongs to, ``job`` or ``job_task``; None without one."""
    for job, task in _JOBS:
        name, index = os.environ.get(job), os.environ.get(task, "") if task else ""
        if name and (index or task is None or task == "SGE_TASK_ID"):
            return f"{name}_{index}" if index.isdigit() else name
    return None


def options_hash(preset: str, level: str, options: Mapping[str, Any]) -> str:
    """Digest of what was asked for: 16 hexadecimal digits of a SHA-256.

    Parameters
    ----------
    preset, level : str
    options : mapping
        ``frame``, ``space`` and ``postprocess``, as in the record.
    """
    asked = json.dumps({"preset": preset, "level": level, **options}, sort_keys=True)
    return hashlib.sha256(asked.encode()).hexdigest()[:16]


def file_facts(path: Path) -> dict[str, Any]:
    """SHA-256 of a file, and by what it is known again without reading it.

    Returns
    -------
    dict
        ``sha256``, ``bytes`` and ``mtime_ns`` (of the last change, since 1970).

    Raises
    ------
    OSError
        When it cannot be read, or is no file: a pipe or device would never end.
    """
    if not path.is_file():
        path.stat()  # tells why, where there is nothing
        raise OSError(errno.EINVAL, "not a file", str(path))
    with path.open("rb") as stream:
        found = os.fstat(stream.fileno())
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"sha256": digest, "bytes": found.st_size, "mtime_ns": found.st_mtime_ns}


@functools.cache
def versions() -> dict[str, str]:
    """Versions of Python, the system and the packages that compute; imports none."""
    found = {"python": sys.version.split()[0], "system": platform.platform()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed as a package"
    return found


def run_record(scan: Scan, began: str, **facts: Any) -> dict[str, Any]:
    """Put together what was done to a scan.

    Parameters
    ----------
    scan : Scan
        The input; its file is hashed, or its voxels where there is no file.
    began : str
        Of :func:`timestamp`.
    **facts
        JSON-ready values by name.

    Returns
    -------
    dict
    """
    return {
        "lodbrain": versions()["lodbrain"],
        "began": began,
        "input": {
            "path": str(scan.path) if scan.path else None,
            **_facts_of(scan),
            "shape": list(scan.data.shape),
            "voxel_size_mm": [round(float(v), 6) for v in scan.voxel_size_mm],
        },
        **facts,
        **_place(),
        "command": sys.argv,
        "versions": versions(),
    }


def failure_record(
    source: Path, began: str, error: Mapping[str, Any], **facts: Any
) -> dict[str, Any]:
    """Put together why a scan has no result.

    Parameters
    ----------
    source : Path
        The input; hashed where it can be read.
    began : str
        Of :func:`timestamp`.
    error : mapping
        ``class``, ``exit_code``, ``message`` and ``details``.
    **facts
        JSON-ready values by name.
    """
    try:
        found = file_facts(source)
    except OSError:
        found = {"sha256": None, "bytes": None, "mtime_ns": None}
    return {
        "lodbrain": versions()["lodbrain"],
        "began": began,
        "ended": timestamp(),
        "input": {"path": str(source), **found},
        "error": dict(error),
        **facts,
        **_place(),
        "versions": versions(),
    }


def _place() -> dict[str, str | None]:
    return {"host": socket.gethostname(), "job": batch_job()}


def timestamp() -> str:
    """Now, in UTC, as ISO 8601 with seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def write_record(path: Path, record: Mapping[str, Any]) -> None:
    """Write a record, whole or not at all, after everything that it speaks of.

    Raises
    ------
    OutputError
        When it cannot be written.
    """
    write_text(path, json.dumps(record, indent=2, allow_nan=False) + "\n")


def _facts_of(scan: Scan) -> dict[str, Any]:
    """Give the facts of the file, or the SHA-256 of the voxels where there is none."""
    if scan.path is not None and scan.path.is_file():
        return file_facts(scan.path)
    digest = hashlib.sha256(scan.data.tobytes()).hexdigest()
    return {"sha256": digest, "bytes": None, "mtime_ns": None}
