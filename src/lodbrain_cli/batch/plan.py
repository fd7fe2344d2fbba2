"""The work list of many scans as a table: what, where to, how, and how far each is."""

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import InputError, UsageError
from ..imaging.names import IMAGE_EXTENSIONS
from .ages import OLDEST, read_age
from .settings import Settings
from .states import STATES, State, state_of
from .tables import read_table, write_table
from .worklist import EXTRAS, Job, named_results, plan_folder, read_list

__all__ = [
    "PlannedScan", "check_targets", "count_states", "make_plan", "only", "read_plan", "write_plan",
]  # fmt: skip

_COLUMNS = ("input", "output", "also", "state", "reason", "options_hash", "options")


@dataclass(frozen=True)
class PlannedScan:
    """A row of a plan."""

    job: Job
    state: State


def make_plan(
    source: Path, folder: Path, settings: Settings, also: Collection[str] = ()
) -> list[PlannedScan]:
    """List scans with their results and how far they are.

    Parameters
    ----------
    source : Path
        A folder or BIDS dataset, whose scans come sorted by path; a list (text)
        or a table (``.tsv``) with the column ``input`` and perhaps ``output``
        (relative to `folder`), ``frame`` and ``age``, in their own order; or one scan.
        Ages of a BIDS dataset are those of its tables.
    folder : Path
        Where results go.
    settings : Settings
    also : collection of str
        Kinds of further results, beside the labels.

    Raises
    ------
    InputError
        When the source cannot be read or names no scan.
    UsageError
        When two scans would have one result, or a result would replace a scan.
    """
    folder = _absolute(folder)
    if source.is_dir():
        jobs = plan_folder([_absolute(source)], folder, {}, settings)
    elif source.suffix.lower() == ".tsv":
        jobs = _of_table(source, folder, settings)
    else:
        is_scan = source.name.lower().endswith(IMAGE_EXTENSIONS)
        listed = [source] if is_scan else read_list(source)
        jobs = plan_folder([_absolute(path) for path in listed], folder, {}, settings)
    jobs = [
        replace(job, results=named_results(job.results.labels, job.settings, also)) for job in jobs
    ]
    check_targets(jobs)
    return [PlannedScan(job, state_of(job)) for job in jobs]


def only(plan: Iterable[PlannedScan], states: Collection[str]) -> list[PlannedScan]:
    """Rows in one of these states."""
    return [row for row in plan if row.state.name in states]


def count_states(plan: Iterable[PlannedScan]) -> dict[str, int]:
    """How many rows are in each state, zeros too."""
    counts = Counter(row.state.name for row in plan)
    return {name: counts[name] for name in STATES}


def write_plan(path: Path, plan: Iterable[PlannedScan]) -> None:
    """Write a plan as a table, one row per scan.

    Raises
    ------
    OutputError
        When it cannot be written.
    """
    write_table(
        path,
        _COLUMNS,
        (
            {
                "input": row.job.source,
                "output": row.job.results.labels,
                "also": ",".join(kind for kind in EXTRAS if getattr(row.job.results, kind)),
                "state": row.state.name,
                "reason": row.state.reason,
                "options_hash": row.job.settings.options_hash,
                "options": row.job.settings.to_json(),
            }
            for row in plan
        ),
    )


def read_plan(path: Path) -> list[Job]:
    """Read a plan; how far each scan is now, its records say, not the table.

    Parameters
    ----------
    path : Path
        Of :func:`write_plan`. Relative paths count from its folder.

    Raises
    ------
    InputError
        When it is no plan.
    UsageError
        When two rows have one result, a result would replace a scan, or rows ask
        for different networks.
    """
    known: dict[str, Settings] = {}
    jobs: list[Job] = []
    parent = _absolute(path).parent
    for number, row in enumerate(read_table(path, ("input", "output", "options")), start=2):
        try:
            source, labels, options = row["input"], row["output"], row["options"]
        except KeyError as error:
            msg = f"{path}: line {number} lacks its {error.args[0]}; plan again"
            raise InputError(msg) from error
        if options not in known:
            known[options] = Settings.from_json(options, f"{path}: line {number}")
        also = [kind for kind in row.get("also", "").split(",") if kind]
        if not set(also) <= set(EXTRAS):
            msg = f"{path}: line {number}: also {row['also']}; expected some of {', '.join(EXTRAS)}"
            raise InputError(msg)
        jobs.append(
            Job(
                parent / source,
                named_results(parent / labels, known[options], also),
                known[options],
            )
        )
    # By name alone: every task reads the plan, and a file server has other things to do.
    _check_targets(jobs, os.path.normpath)
    if len({settings.network for settings in known.values()}) > 1:
        msg = f"{path}: rows ask for different networks; make a plan for each"
        raise UsageError(msg)
    return jobs


def _of_table(path: Path, folder: Path, settings: Settings) -> list[Job]:
    jobs = []
    parent = _absolute(path).parent
    for number, row in enumerate(read_table(path, ("input",)), start=2):
        if "input" not in row:
            msg = f"{path}: line {number} names no input"
            raise InputError(msg)
        (job,) = plan_folder([parent / row["input"]], folder, {}, _of_row(settings, row, path))
        if "output" in row:
            job = replace(job, results=named_results(folder / row["output"], job.settings))
        jobs.append(job)
    if not jobs:
        msg = f"{path}: the table names no scan"
        raise InputError(msg)
    return jobs


def _of_row(settings: Settings, row: dict[str, str], path: Path) -> Settings:
    frame, age = row.get("frame"), row.get("age")
    if frame is not None:
        if not (frame.isascii() and frame.isdigit()):
            msg = f"{path}: frame {frame!r} of {row['input']}; expected a number from 0"
            raise InputError(msg)
        settings = settings.asking(frame=int(frame))
    if age is not None:
        years = read_age(age)
        if years is None:
            msg = f"{path}: age {age!r} of {row['input']}; expected years from 0 to {OLDEST:g}"
            raise InputError(msg)
        settings = settings.asking(age=years)
    return settings


def check_targets(jobs: Sequence[Job]) -> None:
    """Refuse two scans with one result, and a result in a scan's place, whatever links lead to.

    Raises
    ------
    UsageError
    """
    _check_targets(jobs, _real_paths())


def _check_targets(jobs: Sequence[Job], place_of: Callable[[Path], str]) -> None:
    """Refuse two scans with one result, and a result in a scan's place.

    Parameters
    ----------
    jobs : sequence of Job
    place_of : callable
        Says where a path leads.
    """
    scans = {place_of(job.source) for job in jobs}
    taken: dict[str, Path] = {}
    for job in jobs:
        for path in job.results.paths().values():
            place = place_of(path)
            if place in scans:
                msg = f"{path}: is a scan that is to be segmented; choose another output"
                raise UsageError(msg)
            other = taken.setdefault(place, job.source)
            if other is not job.source:
                msg = (
                    f"{other} and {job.source} would both be written to {path}; give the folder "
                    "above them, or name outputs in a table (columns input and output)"
                )
                raise UsageError(msg)


def _real_paths() -> Callable[[Path], str]:
    """Give a function from paths to paths without links; folders are looked up once."""
    folders: dict[Path, str] = {}

    def real(path: Path) -> str:
        folder = path.parent
        if folder not in folders:
            folders[folder] = os.path.realpath(folder)
        place = f"{folders[folder]}/{path.name}"
        return os.path.realpath(place) if path.is_symlink() else place

    return real


def _absolute(path: Path) -> Path:
    """Absolute, without following links: cluster nodes may mount what they lead to elsewhere."""
    return Path(os.path.abspath(path))  # noqa: PTH100
