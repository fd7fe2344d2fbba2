"""What became of one scan, also when something goes wrong."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from ..errors import LodbrainError, ResourceError, UnexpectedError
from .worklist import Job

if TYPE_CHECKING:
    from ..outputs.segmented import Segmentation

__all__ = ["Outcome", "guarded"]

Result = TypeVar("Result")


@dataclass(frozen=True)
class Outcome:
    """What became of one scan.

    Parameters
    ----------
    job : Job
    result : Segmentation or None
        None where there is no new one.
    error : LodbrainError or None
        Why it failed.
    left : str
        Why it was not begun, or not gone on with; empty where it was.
    """

    job: Job
    result: "Segmentation | None" = None
    error: LodbrainError | None = None
    left: str = ""

    @property
    def skipped(self) -> bool:
        """Whether finished results stood there already."""
        return self.result is None and self.error is None and not self.left


def guarded(job: Job, action: Callable[[], Result], *, bugs_too: bool) -> Result | Outcome:
    """Do something for a job; when it fails the outcome that says so.

    Parameters
    ----------
    job : Job
    action : callable
    bugs_too : bool
        Whatever else is raised becomes an `UnexpectedError`, in place of ending all.
    """
    try:
        return action()
    except ResourceError as error:  # of an engine, which knows of no scan
        named = error if str(job.source) in str(error) else ResourceError(f"{job.source}: {error}")
        return Outcome(job, error=_without_frames(named))
    except LodbrainError as error:
        return Outcome(job, error=_without_frames(error))
    except MemoryError:
        msg = f"{job.source}: memory ran out; free some or ask for more"
        return Outcome(job, error=ResourceError(msg))
    except Exception as error:
        if not bugs_too:
            raise
        msg = f"{job.source}: a bug of lodbrain ({type(error).__name__}: {error}); report it"
        lines = "".join(traceback.format_exception(error)).splitlines()
        unexpected = UnexpectedError(" ".join(msg.split()), details=lines)
        unexpected.__cause__ = error
        return Outcome(job, error=_without_frames(unexpected))


def _without_frames(error: LodbrainError) -> LodbrainError:
    """Take the frames off an error and off what led to it: they keep the scan's volumes."""
    link: BaseException | None = error
    while link is not None:
        link.__traceback__ = None
        link = link.__cause__ or link.__context__
    return error
