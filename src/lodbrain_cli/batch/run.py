"""Segment a list of scans, one after the other; one that fails does not stop the rest."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import InputError, LodbrainError, OutputError, ResourceError
from ..inference.devices import free_memory_bytes
from .overlap import in_stages
from .worklist import Job, is_done

if TYPE_CHECKING:
    from ..outputs.segmented import Segmentation
    from ..segmentation import Case, Segmenter

__all__ = ["Outcome", "run_jobs"]

Result = TypeVar("Result")

# With a scan ahead and one behind, a process holds twice what one scan needs.
_FREE_TO_OVERLAP = 3 * 2**30


@dataclass(frozen=True)
class Outcome:
    """What became of one scan.

    Parameters
    ----------
    job : Job
    result : Segmentation or None
        None where it was skipped or failed.
    error : LodbrainError or None
        Why it failed.
    """

    job: Job
    result: "Segmentation | None" = None
    error: LodbrainError | None = None

    @property
    def skipped(self) -> bool:
        """Whether finished results stood there already."""
        return self.result is None and self.error is None


def run_jobs(
    segmenter: "Segmenter",
    jobs: Iterable[Job],
    *,
    skip_existing: bool = False,
    on_step: Callable[[Job, str], None] | None = None,
    **options: Any,
) -> Iterator[Outcome]:
    """Segment and save scan after scan, yielding each outcome as it is known.

    Parameters
    ----------
    segmenter : Segmenter
        Loaded once.
    jobs : iterable of Job
        Targets checked already.
    skip_existing : bool
        Leave scans alone whose record says that they are done with the same
        input, weights and options; others are done again.
    on_step : callable, optional
        Called with the job and the name of each step as it begins.
    **options
        Of :meth:`Segmenter.segment`.

    Returns
    -------
    iterator of Outcome
        In the order of the jobs. The next scan is read and the last one written
        while the network computes, where memory is not limited.
    """
    work = _Work(segmenter, skip_existing, on_step, options)
    todo = list(jobs)
    room = segmenter.memory is None and free_memory_bytes() > _FREE_TO_OVERLAP
    return in_stages(todo, work.prepare, work.compute, work.finish, overlap=room and len(todo) > 1)


class _Work:
    """What is done to a job, in three stages; an outcome ends its way."""

    def __init__(
        self,
        segmenter: "Segmenter",
        skip_existing: bool,  # noqa: FBT001
        on_step: Callable[[Job, str], None] | None,
        options: dict[str, Any],
    ) -> None:
        self.segmenter = segmenter
        self.skip_existing = skip_existing
        self.on_step = on_step
        self.options = options

    def prepare(self, job: Job) -> "Outcome | tuple[Job, Case]":
        """Read a scan, unless it was done before."""
        return _guarded(job, lambda: self._prepare(job))

    def _prepare(self, job: Job) -> "Outcome | tuple[Job, Case]":
        if self.skip_existing and is_done(job, _expected(self.segmenter, job, self.options)):
            return Outcome(job)
        step = partial(self.on_step, job) if self.on_step else None
        return job, self.segmenter.prepare(job.source, on_step=step, **self.options)

    def compute(self, prepared: "Outcome | tuple[Job, Case]") -> "Outcome | tuple[Job, Case]":
        """Run the network."""
        if isinstance(prepared, Outcome):
            return prepared
        job, case = prepared
        return _guarded(job, lambda: self.segmenter.compute(case)) or prepared

    def finish(self, computed: "Outcome | tuple[Job, Case]") -> Outcome:
        """Make labels and write them."""
        if isinstance(computed, Outcome):
            return computed
        job, case = computed
        return _guarded(job, lambda: self._finish(job, case))

    def _finish(self, job: Job, case: "Case") -> Outcome:
        result = self.segmenter.finish(case)
        if self.on_step:
            self.on_step(job, "write")
        _make_folders(job)
        result.save(job.results.labels, overwrite=True, **_others(job))
        return Outcome(job, result)


def _guarded(job: Job, action: Callable[[], Result]) -> Result | Outcome:
    """Do something for a job; when it fails the outcome that says so."""
    try:
        return action()
    except LodbrainError as error:
        return Outcome(job, error=error)
    except MemoryError:
        msg = f"{job.source}: memory ran out; free some or ask for more"
        return Outcome(job, error=ResourceError(msg))


def _make_folders(job: Job) -> None:
    for folder in {path.parent for path in job.results.paths().values()}:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            msg = f"{folder}: could not be made ({error.strerror or error})"
            raise OutputError(msg) from error


def _others(job: Job) -> dict[str, Any]:
    results = job.results
    return {
        "probabilities": results.probabilities,
        "brain_mask": results.brain_mask,
        "brain": results.brain,
        "volumes": results.volumes,
    }


def _expected(segmenter: "Segmenter", job: Job, options: dict[str, Any]) -> dict[str, Any]:
    """Values in the record of a finished job, as they would be if it ran now."""
    try:
        with job.source.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        msg = f"{job.source}: cannot be read ({error.strerror})"
        raise InputError(msg) from error
    return {
        "input.sha256": digest,
        "options.frame": options.get("frame"),
        **segmenter.loaded.identity(),
        "options.space": options.get("space", "native"),
        "options.postprocess": options.get("postprocess", True),
    }
