"""From what a user names (files, folders, BIDS datasets, a list) to scans and their results."""

import logging
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError, UsageError
from ..imaging.names import IMAGE_EXTENSIONS, without_extension
from ..outputs.results import Results
from .ages import Ages
from .bids import say_dangling, t1w_files

if TYPE_CHECKING:
    from ..outputs.report.reference import LabelSource
    from .settings import Settings

__all__ = [
    "EXTRAS", "Job", "find_scans", "name_of_labels", "named_results", "plan_folder", "read_list",
    "scans_of",
]  # fmt: skip

_log = logging.getLogger(__name__)

# BIDS-derivative names, by kind of result.
_SUFFIXES = {
    "labels": "_seg-lodbrain_dseg.nii.gz",
    "probabilities": "_seg-lodbrain_probseg.nii.gz",
    "brain_mask": "_desc-brain_mask.nii.gz",
    "brain": "_desc-brain_T1w.nii.gz",
    "volumes": "_desc-volumes_stats.tsv",
    "report": "_seg-lodbrain_report.html",
    "snapshot": "_seg-lodbrain_dseg.png",
}
#: Kinds of results that are written only where they are asked for.
EXTRAS = tuple(kind for kind in _SUFFIXES if kind != "labels")


@dataclass(frozen=True)
class Job:
    """One scan, where its results go, and what is asked for.

    Parameters
    ----------
    source : Path
    results : Results
    settings : Settings
    reference : LabelSource, optional
        Labels by others, shown in the report.
    """

    source: Path
    results: Results
    settings: "Settings"
    reference: "LabelSource | None" = None


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

    Hidden files and lodbrain's own results are passed over. Of a raw BIDS
    dataset the T1w scans of its subjects are taken, not its derivatives.

    Raises
    ------
    InputError
        When there is none.
    """
    ours = tuple(_SUFFIXES.values())
    is_bids = (folder / "dataset_description.json").is_file()
    raw = list(t1w_files(folder)) if is_bids else []
    found = raw or sorted(
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


def scans_of(inputs: Iterable[Path], list_file: Path | None) -> list[Path]:
    """Give the scans that a user names, those of folders in their place.

    Parameters
    ----------
    inputs : iterable of Path
        Files and folders.
    list_file : Path, optional
        Of :func:`read_list`.

    Raises
    ------
    InputError
        When a folder holds no scan, or the list cannot be read.
    UsageError
        When nothing is named, or a folder cannot be entered.
    """
    sources = [*inputs, *(read_list(list_file) if list_file else [])]
    if not sources:
        msg = "no scan given; name files or a folder, or use --list"
        raise UsageError(msg)
    scans: list[Path] = []
    for source in sources:
        try:
            scans += find_scans(source) if source.is_dir() else [source]
        except OSError as error:  # a closed folder on the way, a name that is too long
            msg = f"{source}: cannot be used ({error.strerror or error})"
            raise UsageError(msg) from error
    return scans


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
                say_dangling(path)


def _suffix(kind: str, settings: "Settings") -> str:
    """Give the ending of a result: several protocols are told apart by theirs."""
    if not settings.protocols:
        return _SUFFIXES[kind]
    first = f"_seg-{settings.protocols[0]}"
    if kind == "volumes":
        return f"{first}_stats.tsv"
    return _SUFFIXES[kind].replace("_seg-lodbrain", first)


def name_of_labels(stem: str, settings: "Settings") -> str:
    """Name of a scan's label image, from the scan's own without ``_T1w`` and extension."""
    return f"{stem}{_suffix('labels', settings)}"


def named_results(labels: Path, settings: "Settings", extras: Collection[str] = ()) -> Results:
    """Name further results after a label image, beside it.

    Parameters
    ----------
    labels : Path
    settings : Settings
    extras : collection of str
        Kinds, of :data:`EXTRAS`.
    """
    stem = labels.name.removesuffix(_suffix("labels", settings))
    stem = without_extension(stem)
    beside: dict[str, Any] = {
        kind: labels.with_name(f"{stem}{_suffix(kind, settings)}") for kind in extras
    }
    return Results(labels, **beside, protocols=settings.protocols)


def plan_folder(
    inputs: Iterable[Path], folder: Path, extras: Mapping[str, Path | None], settings: "Settings"
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
        Kind of further result, of :data:`EXTRAS`, to the folder for it.
    settings : Settings
        What is asked for of each; an age that it does not know is that of the tables
        of the BIDS dataset that the scan was found in.

    Raises
    ------
    UsageError
        When two scans would have results of the same name.
    InputError
        When an input folder holds no scan.
    """
    taken: dict[Path, Job] = {}
    for entry in inputs:
        scans = find_scans(entry) if entry.is_dir() else [entry]
        ages = Ages(entry) if settings.scan.age is None and entry.is_dir() else None
        for source in scans:
            of_one = settings if ages is None else settings.asking(age=ages.of(source.name))
            below = source.parent.relative_to(entry) if entry.is_dir() else Path()
            stem = without_extension(source.name).removesuffix("_T1w")
            targets: dict[str, Any] = {
                kind: parent / below / f"{stem}{_suffix(kind, settings)}"
                for kind, parent in {"labels": folder, **extras}.items()
                if parent is not None
            }
            job = Job(source, Results(**targets, protocols=settings.protocols), of_one)
            other = taken.setdefault(job.results.labels, job)
            if other.source != source:
                msg = f"{source} and {other.source} would both be written to {job.results.labels}"
                raise UsageError(msg)
    return list(taken.values())
