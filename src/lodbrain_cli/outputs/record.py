"""The run record: what was done to which file with what, as JSON."""

import hashlib
import json
import platform
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from ..files import write_text
from ..imaging.nifti import Scan

__all__ = ["record_path", "run_record", "timestamp", "versions", "write_record"]

_PACKAGES = ("lodbrain", "keras", "openvino", "numpy", "scipy", "nibabel", "h5py")


def record_path(labels: Path) -> Path:
    """Where the record of a label image stands: ``seg.nii.gz`` → ``seg_run.json``."""
    name = labels.name
    for extension in (".nii.gz", *labels.suffixes[-1:]):
        if name.lower().endswith(extension.lower()):
            name = name[: -len(extension)]
            break
    return labels.with_name(f"{name}_run.json")


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
            "sha256": _hash_of(scan),
            "shape": list(scan.data.shape),
            "voxel_size_mm": [round(float(v), 6) for v in scan.voxel_size_mm],
        },
        **facts,
        "versions": versions(),
    }


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


def _hash_of(scan: Scan) -> str:
    """SHA-256 of the file, or of the voxels where there is none."""
    if scan.path is not None and scan.path.is_file():
        with scan.path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    return hashlib.sha256(scan.data.tobytes()).hexdigest()
