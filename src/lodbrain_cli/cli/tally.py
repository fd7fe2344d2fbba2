"""Scan after scan told to the person as it ends, and counted."""

from collections import Counter
from typing import TYPE_CHECKING, Any

from .console import Progress, emit, emit_json, note, show_error

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..batch.outcome import Outcome
    from ..batch.worklist import Job
    from ..errors import LodbrainError

__all__ = ["Tally"]


class Tally:
    """Reports outcomes and keeps their numbers; a context that shows progress.

    Parameters
    ----------
    total : int
        Scans; the error of a single one is not shown, but for the caller to raise.
    as_json : bool
        Print records in place of paths.
    quiet : bool
    name_skipped : bool
        Name each scan that was done before too.
    """

    def __init__(self, total: int, *, as_json: bool, quiet: bool, name_skipped: bool) -> None:
        self.counts: Counter[str] = Counter()
        self.errors: list[LodbrainError] = []
        self._alone = total == 1 and name_skipped
        self._as_json = as_json
        self._quiet = quiet
        self._name_skipped = name_skipped
        self._progress = Progress(total, quiet=quiet)

    def __enter__(self) -> "Tally":
        self._progress.__enter__()
        return self

    def __exit__(self, *details: object) -> None:
        self._progress.__exit__(*details)

    def step(self, job: "Job", name: str) -> None:
        """Show what is being done to which scan."""
        self._progress.step(job.source.name, name)

    def report_all(self, outcomes: "Iterable[Outcome]") -> None:
        """Tell of each outcome as it comes."""
        for outcome in outcomes:
            self._progress.clear()
            self._report(outcome)
            self._progress.advance()

    def _report(self, outcome: "Outcome") -> None:
        if outcome.left:
            self.counts["left"] += 1
        elif outcome.error is not None:
            self.counts["failed"] += 1
            self.errors.append(outcome.error)
            if not self._alone:
                show_error(outcome.error)
            if self._as_json and not self._name_skipped:
                self._emit_failure(outcome)
        elif outcome.skipped:
            self.counts["skipped"] += 1
            if self._name_skipped:
                self._show(outcome, note_of=f"{outcome.job.source}: done before, skipped")
        else:
            self.counts["done"] += 1
            if outcome.result is not None and outcome.result.record.get("not_written"):
                self.counts["incomplete"] += 1
            if outcome.result is not None and outcome.result.distrusted:
                self.counts["distrusted"] += 1
            self._show(outcome)

    def _emit_failure(self, outcome: "Outcome") -> None:
        """Print the record of a failure, if it could be written."""
        from ..batch.states import read_record

        record = read_record(outcome.job.results.failure)
        if record is not None:
            emit_json({**record, "output": str(outcome.job.results.labels)})

    def _show(self, outcome: "Outcome", note_of: str = "") -> None:
        if note_of and not self._quiet:
            note(note_of)
        if outcome.result is not None and not self._quiet:
            for warning in outcome.result.record["warnings"]:
                note(f"warning: {outcome.job.source}: {warning}")
        if self._as_json:
            emit_json(_summary(outcome))
        else:
            emit(str(outcome.job.results.labels))


def _summary(outcome: "Outcome") -> dict[str, Any]:
    """Read the record as written, for scans done now or before."""
    import json

    record: dict[str, Any] = json.loads(outcome.job.results.record.read_text(encoding="utf-8"))
    return {**record, "skipped": outcome.skipped}
