"""Segment a list of scans, one after the other; one that fails does not stop the rest."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import InputError, LodbrainError, OutputError, ResourceError
from .worklist import Job, is_done

if TYPE_CHECKING:
    from ..outputs.segmented import Segmentation
    from ..segmentation import Segmenter

__all__ = ["Outcome", "run_jobs"]


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

    Yields
    ------
    Outcome
        In the order of the jobs.
    """
    for job in jobs:
        try:
            if skip_existing and is_done(job, _expected(segmenter, job, options)):
                yield Outcome(job)
                continue
            step = (lambda name, job=job: on_step(job, name)) if on_step else None
            result = segmenter.segment(job.source, on_step=step, **options)
            if on_step:
                on_step(job, "write")
            _make_folders(job)
            result.save(job.results.labels, overwrite=True, **_others(job))
        except LodbrainError as error:
            yield Outcome(job, error=error)
        except MemoryError:
            msg = f"{job.source}: memory ran out; free some or ask for more"
            yield Outcome(job, error=ResourceError(msg))
        else:
            yield Outcome(job, result)


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
        "weights.sha256": segmenter.weights.sha256,
        "preset": segmenter.preset.name,
        "level": segmenter.level,
        "options.space": options.get("space", "native"),
        "options.postprocess": options.get("postprocess", True),
    }
