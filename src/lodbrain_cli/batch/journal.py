"""What was said while each scan was worked on, and why one has no result."""

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from ..errors import LodbrainError, OutputError
from ..files import remove, write_text
from ..inference.devices import peak_memory_bytes
from ..outputs.record import batch_job, failure_record, timestamp, versions, write_record
from .worklist import Job

__all__ = ["Journal"]

_log = logging.getLogger(__name__)
_library = logging.getLogger("lodbrain_cli")
# The scan that this thread works on; several are on their way at once.
_at_hand: ContextVar["list[str] | None"] = ContextVar("_at_hand", default=None)


class Journal(logging.Handler):
    """Keeps a log per scan while it is open as a context, and writes it beside the results."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._lines: dict[Job, list[str]] = {}
        self._began: dict[Job, str] = {}
        self._level_before = logging.NOTSET

    def __enter__(self) -> "Journal":
        self._level_before = _library.level
        _library.setLevel(min(_library.getEffectiveLevel(), logging.INFO))
        _library.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        _library.removeHandler(self)
        _library.setLevel(self._level_before)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line of the library's log with the scan that this thread works on."""
        lines = _at_hand.get()
        if lines is not None:
            lines.append(_line(f"{record.levelname.lower()}: {record.getMessage()}"))

    @contextmanager
    def about(self, job: Job) -> Iterator[None]:
        """Keep what this thread logs inside with one scan."""
        if job not in self._lines:
            self._began[job] = timestamp()
            where = f"{socket.gethostname()}, process {os.getpid()}, job {batch_job() or 'none'}"
            self._lines[job] = [
                _line(f"lodbrain {versions()['lodbrain']} on {where}: {job.source}")
            ]
        before = _at_hand.set(self._lines[job])
        try:
            yield
        finally:
            _at_hand.reset(before)

    def step(self, job: Job, name: str) -> None:
        """Note that a step of a scan begins."""
        self._lines[job].append(_line(name))

    def write(self, job: Job, warnings: list[str]) -> None:
        """Write a scan's log, before its record.

        Raises
        ------
        OutputError
            When it cannot be written.
        """
        self._lines[job] += [_line(f"warning: {text}") for text in warnings]
        _write_lines(job, self._lines[job])

    def close_done(self, job: Job) -> None:
        """Forget a scan that is done; what an earlier failure left is removed."""
        self.forget(job)
        try:
            remove(job.results.failure)
        except OutputError as error:  # the run record counts, not this
            _log.warning("%s", error)

    def close_failed(self, job: Job, error: LodbrainError) -> None:
        """Write the log and the record of a scan that failed; where that fails too, say so."""
        lines = [*self._lines.get(job, []), _line(f"failed: {_class_of(error)}: {error}")]
        lines += [f"  {line}" for line in error.details]
        try:
            _write_lines(job, lines)
            write_record(job.results.failure, self._failure(job, error))
        except OutputError as second:
            _log.warning("%s: no record of its failure (%s)", job.source, second)
        self.forget(job)

    def forget(self, job: Job) -> None:
        """Forget a scan that is left as it is."""
        self._lines.pop(job, None)
        self._began.pop(job, None)

    def _failure(self, job: Job, error: LodbrainError) -> dict[str, Any]:
        settings = job.settings
        finder = settings.finder_weights
        return failure_record(
            job.source,
            self._began.get(job, timestamp()),
            {
                "class": _class_of(error),
                "exit_code": error.exit_code,
                "message": str(error),
                "details": list(error.details),
            },
            preset=settings.preset,
            level=settings.level,
            weights={"sha256": settings.weights},
            finder_weights={"sha256": finder} if finder else None,
            options=asdict(settings.scan),
            options_hash=settings.options_hash,
            peak_memory_bytes=peak_memory_bytes(),
            log=job.results.log.name,
        )


def _class_of(error: LodbrainError) -> str:
    """Name of the class, of a bug that of what was raised."""
    cause = error.__cause__
    known = type(error).__name__
    return type(cause).__name__ if known == "UnexpectedError" and cause else known


def _write_lines(job: Job, lines: list[str]) -> None:
    # A file name need not be text, and a message may hold one.
    text = "\n".join(lines).encode("utf-8", "backslashreplace").decode("utf-8")
    write_text(job.results.log, text + "\n")


def _line(text: str) -> str:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return f"{now} {text}"
