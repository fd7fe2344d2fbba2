"""Segment a list of scans, one after the other; one that fails does not stop the rest."""

import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import nullcontext
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, TypeVar

from ..errors import OutputError
from ..inference.devices import free_memory_bytes
from ..outputs.results import resolved
from .limits import Limits
from .outcome import Outcome, guarded
from .overlap import in_stages
from .states import state_of
from .worklist import EXTRAS, Job

if TYPE_CHECKING:
    from ..segmentation import Case, Segmenter
    from .claims import Claims
    from .journal import Journal

__all__ = ["run_jobs"]

Result = TypeVar("Result")

# With a scan ahead and one behind, a process holds twice what one scan needs.
_FREE_TO_OVERLAP = 3 * 2**30
_POLL_SECONDS = 0.5


def run_jobs(
    load: Callable[[], "Segmenter"],
    jobs: Iterable[Job],
    *,
    skip_done: bool = False,
    claims: "Claims | None" = None,
    journal: "Journal | None" = None,
    limits: Limits | None = None,
    on_step: Callable[[Job, str], None] | None = None,
) -> Generator[Outcome, None, None]:
    """Segment and save scan after scan, yielding each outcome as it is known.

    Parameters
    ----------
    load : callable
        Gives the segmenter; called once, and only if there is a scan to do.
    jobs : iterable of Job
        Of one network. Their targets were checked already, or are with `journal`.
    skip_done : bool
        Leave scans alone whose records say that they are done with the same
        input, weights and options; others are done again.
    claims : Claims, optional
        Open. Each scan is claimed while it is worked on. Those that other
        processes claimed come last: then they are done, or left by their owners.
    journal : Journal, optional
        Open. With it each scan gets a log, a failure its record, and a bug that
        one scan meets does not stop the rest.
    limits : Limits, optional
        When to begin no further scan.
    on_step : callable, optional
        Called with the job and the name of each step as it begins.

    Yields
    ------
    Outcome
        The next scan is read and the last one written while the network
        computes, where memory is not limited.

    Raises
    ------
    LodbrainError
        Of `load`, and a `UsageError` when the weights are not those asked for.
    """
    loop = _Loop(load, skip_done, claims, journal, limits or Limits(), on_step)
    todo = list(jobs)
    yield from loop.work_on(todo, again=False)
    while loop.waiting:
        free = [job for job in loop.waiting if loop.is_free(job)]
        if not free:
            time.sleep(_POLL_SECONDS)
            continue
        loop.waiting = [job for job in loop.waiting if job not in free]
        yield from loop.work_on(free, again=True)


class _Loop:
    """What is done to jobs, in three stages; an outcome ends a job's way."""

    def __init__(
        self,
        load: Callable[[], "Segmenter"],
        skip_done: bool,  # noqa: FBT001
        claims: "Claims | None",
        journal: "Journal | None",
        limits: Limits,
        on_step: Callable[[Job, str], None] | None,
    ) -> None:
        self.load = load
        self.skip_done = skip_done
        self.claims = claims
        self.journal = journal
        self.limits = limits
        self.on_step = on_step
        self.segmenter: Segmenter | None = None
        self.waiting: list[Job] = []
        self._began: dict[Job, float] = {}

    def work_on(self, jobs: list[Job], *, again: bool) -> Iterator[Outcome]:
        """Take jobs through all stages; those that others claimed are kept for later.

        Parameters
        ----------
        jobs : list of Job
        again : bool
            Claim too what was claimed before by processes that are gone.
        """
        turns = self._turns(jobs, again=again)
        for turn in turns:
            if isinstance(turn, Outcome):  # no network is needed for these
                yield self._closed(turn)
                continue
            if self.segmenter is None:
                segmenter = self.load()
                turn.settings.check_loaded(segmenter.loaded.hashes(), str(turn.source))
                self.segmenter = segmenter
            stages = in_stages(
                chain([turn], turns), self.prepare, self.compute, self.finish,
                overlap=len(jobs) > 1 and self._has_room(),
            )  # fmt: skip
            yield from stages

    def is_free(self, job: Job) -> bool:
        """Whether a job that others claimed may be looked at again."""
        if self.limits.reason or self.claims is None:
            return True
        try:
            return self.claims.is_free(job.results.labels)
        except OutputError:
            return True  # taking it will tell

    def _turns(self, jobs: list[Job], *, again: bool) -> Iterator[Job | Outcome]:
        """Claim one job after the other; what need not or cannot be done is an outcome."""
        for job in jobs:
            if self.limits.reason:
                yield Outcome(job, left=self.limits.reason)
                continue
            turn = self._guarded(job, partial(self._turn, job, again=again))
            if turn is None:
                self.waiting.append(job)
            else:
                yield turn

    def _turn(self, job: Job, *, again: bool) -> Job | Outcome | None:
        if self.skip_done and state_of(job).name == "done":
            if self.claims is not None and self.claims.exist(job.results.labels):
                self.claims.take(job.results)  # of one that died as it ended: cleared away
            return Outcome(job)
        if self.claims is None:
            return job
        if not again and self.claims.exist(job.results.labels):
            return None  # someone is at it, or died of it: later
        _make_folders(job)
        if not self.claims.take(job.results):
            return None
        if self.skip_done and state_of(job).name == "done":  # just now, by another
            return Outcome(job)
        return job

    def prepare(self, turn: Job | Outcome) -> "Outcome | tuple[Job, Case]":
        """Read a scan."""
        if isinstance(turn, Outcome):
            return turn
        self._began[turn] = self.limits.now()
        return self._guarded(turn, partial(self._prepare, turn))

    def _prepare(self, job: Job) -> "tuple[Job, Case]":
        assert self.segmenter is not None
        if self.journal is not None:
            job.results.check(overwrite=True, make_folders=True, scans=[resolved(job.source)])
        step = partial(self._step, job)
        return job, self.segmenter.prepare(job.source, job.settings.scan, on_step=step)

    def compute(self, prepared: "Outcome | tuple[Job, Case]") -> "Outcome | tuple[Job, Case]":
        """Run the network, unless the run is to end."""
        if isinstance(prepared, Outcome):
            return prepared
        job, case = prepared
        if self.limits.reason:
            return Outcome(job, left=self.limits.reason)
        assert self.segmenter is not None
        return self._guarded(job, partial(self.segmenter.compute, case)) or prepared

    def finish(self, computed: "Outcome | tuple[Job, Case]") -> Outcome:
        """Make labels and write them; with that a job is over, however it went."""
        if isinstance(computed, Outcome):
            return self._closed(computed)
        job, case = computed
        return self._closed(self._guarded(job, partial(self._finish, job, case)))

    def _finish(self, job: Job, case: "Case") -> Outcome:
        assert self.segmenter is not None
        result = self.segmenter.finish(case)
        self._step(job, "write")
        _make_folders(job)
        if self.journal is not None:
            self.journal.write(job, result.record["warnings"])
        others = {kind: getattr(job.results, kind) for kind in EXTRAS}
        result.save(
            job.results.labels,
            overwrite=True,
            reference=job.reference,
            source_uri=job.results.source_uri,
            **others,
        )
        if self.journal is not None and result.record["not_written"]:
            self.journal.write(job, [])  # once more, with what was said since
        return Outcome(job, result)

    def _closed(self, outcome: Outcome) -> Outcome:
        """Write down how a job ended, then give it up; not before, or another would begin it."""
        job = outcome.job
        if self.journal is not None:
            if outcome.error is not None:
                self.journal.close_failed(job, outcome.error)
            elif outcome.result is not None:
                self.journal.close_done(job)
            else:
                self.journal.forget(job)
        if self.claims is not None:
            self.claims.release(job.results.labels)
        if outcome.error is not None or outcome.result is not None:
            began = self._began.pop(job, self.limits.now())
            self.limits.ended(began, failed=outcome.error is not None)
        return outcome

    def _step(self, job: Job, name: str) -> None:
        if self.journal is not None:
            self.journal.step(job, name)
        if self.on_step is not None:
            self.on_step(job, name)

    def _has_room(self) -> bool:
        assert self.segmenter is not None
        return self.segmenter.memory is None and free_memory_bytes() > _FREE_TO_OVERLAP

    def _guarded(self, job: Job, action: Callable[[], Result]) -> Result | Outcome:
        with self.journal.about(job) if self.journal is not None else nullcontext():
            return guarded(job, action, bugs_too=self.journal is not None)


def _make_folders(job: Job) -> None:
    for folder in {path.parent for path in job.results.paths().values()}:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            msg = f"{folder}: could not be made ({error.strerror or error})"
            raise OutputError(msg) from error
