"""From what a user names (files, folders, a list) to scans and their results."""

import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InputError, UsageError
from ..imaging.names import IMAGE_EXTENSIONS, without_extension
from ..outputs.results import Results

__all__ = ["Job", "find_scans", "is_done", "plan_folder", "read_list"]

_log = logging.getLogger(__name__)

# BIDS-derivative names, by kind of result.
_SUFFIXES = {
    "labels": "_seg-lodbrain_dseg.nii.gz",
    "probabilities": "_seg-lodbrain_probseg.nii.gz",
    "brain_mask": "_desc-brain_mask.nii.gz",
    "brain": "_desc-brain_T1w.nii.gz",
    "volumes": "_desc-volumes_stats.tsv",
}


@dataclass(frozen=True)
class Job:
    """One scan and where its results go."""

    source: Path
    results: Results


def read_list(path: Path) -> list[Path]:
    """Read a text file of paths, one a line; blank lines and ``#`` comments are skipped.

    Relative paths count from the list's own folder.

    Raises
    ------
    InputError
        When the list is missing, not text, or names nothing.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path}: cannot be read as a list of scans ({error})"
        raise InputError(msg) from error
    stripped = [line.strip() for line in lines]
    names = [line for line in stripped if line and not line.startswith("#")]
    if not names:
        msg = f"{path}: the list names no scan"
        raise InputError(msg)
    return [path.parent / name for name in names]


def find_scans(folder: Path) -> list[Path]:
    """All scans below a folder, sorted; only those named ``_T1w`` where there are any.

    Hidden files and lodbrain's own results are passed over.

    Raises
    ------
    InputError
        When there is none.
    """
    ours = tuple(_SUFFIXES.values())
    found = sorted(
        path
        for path in _files_below(folder)
        if path.name.lower().endswith(IMAGE_EXTENSIONS)
        and not path.name.startswith(".")
        and not path.name.endswith(ours)
    )
    named = [path for path in found if without_extension(path.name).endswith("_T1w")]
    if not found:
        msg = (
            f"{folder}: no scan in this folder; expected files named {', '.join(IMAGE_EXTENSIONS)}"
        )
        raise InputError(msg)
    return named or found


def _files_below(folder: Path) -> Iterator[Path]:
    """Files, through linked folders too, each folder once; what cannot be entered is said."""
    seen: set[str] = set()

    def complain(error: OSError) -> None:
        _log.warning("%s: left out (%s)", error.filename, error.strerror)

    for place, folders, names in os.walk(folder, onerror=complain, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            path = Path(place, name)
            if path.is_file():
                yield path
            elif name.lower().endswith(IMAGE_EXTENSIONS) and not name.startswith("."):
                _log.warning("%s: left out (a link that leads nowhere; not fetched yet?)", path)


def plan_folder(
    inputs: Iterable[Path], folder: Path, extras: Mapping[str, Path | None]
) -> list[Job]:
    """Name the results of several scans.

    A scan found in an input folder keeps its place below it.

    Parameters
    ----------
    inputs : iterable of Path
        Files and folders.
    folder : Path
        Where label images go.
    extras : mapping of str to (Path or None)
        Kind of further result (``probabilities``, ``brain_mask``, ``brain``,
        ``volumes``) to the folder for it.

    Raises
    ------
    UsageError
        When two scans would have results of the same name.
    InputError
        When an input folder holds no scan.
    """
    jobs: list[Job] = []
    taken: dict[Path, Path] = {}
    for entry in inputs:
        scans = find_scans(entry) if entry.is_dir() else [entry]
        for source in scans:
            below = source.parent.relative_to(entry) if entry.is_dir() else Path()
            stem = without_extension(source.name).removesuffix("_T1w")
            targets = {
                kind: parent / below / f"{stem}{_SUFFIXES[kind]}"
                for kind, parent in {"labels": folder, **extras}.items()
                if parent is not None
            }
            job = Job(source, Results(**targets))
            other = taken.setdefault(job.results.labels, source)
            if other != source:
                msg = f"{source} and {other} would both be written to {job.results.labels}"
                raise UsageError(msg)
            if job not in jobs:
                jobs.append(job)
    return jobs


def is_done(job: Job, expected: Mapping[str, Any]) -> bool:
    """Whether a job's record vouches for results of the same input, weights and options.

    Parameters
    ----------
    job : Job
    expected : mapping
        Dotted names in the record (``"weights.sha256"``) to the values that
        they would have if the job ran now.
    """
    if not all(path.is_file() for path in job.results.paths().values()):
        return False
    try:
        record = json.loads(job.results.record.read_text(encoding="utf-8"))
        return all(_dotted(record, name) == value for name, value in expected.items())
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _dotted(record: Any, name: str) -> Any:
    for key in name.split("."):
        record = record[key]
    return record
