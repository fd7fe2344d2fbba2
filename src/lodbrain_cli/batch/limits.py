"""When a run ends before its work does: by a signal, its time, or too many failures."""

import time
from collections.abc import Callable

__all__ = ["Limits"]


class Limits:
    """When to begin no further scan.

    Parameters
    ----------
    seconds : float, optional
        From now on; no scan is begun that would not be done by then if it took
        as long as the longest one so far.
    max_failures : int, optional
        So many scans may fail.
    clock : callable
        Seconds, for tests.
    """

    def __init__(
        self,
        seconds: float | None = None,
        max_failures: int | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.seconds = seconds
        self.max_failures = max_failures
        self.out_of_time = False
        self._clock = clock
        self._began = clock()
        self._longest = 0.0
        self._failures = 0
        self._asked = ""

    def ask(self, reason: str) -> None:
        """Ask to end after the scan at hand, as from a signal's handler."""
        self._asked = self._asked or reason

    def now(self) -> float:
        """Seconds by the clock, to be given to :meth:`ended`."""
        return self._clock()

    def ended(self, began: float, *, failed: bool) -> None:
        """Take note of a scan that is over, and of how long it took."""
        self._longest = max(self._longest, self._clock() - began)
        self._failures += failed

    @property
    def reason(self) -> str:
        """Why no further scan is to be begun; empty while they are."""
        if self._asked:
            return self._asked
        if self.max_failures is not None and self._failures >= self.max_failures:
            return f"{self._failures} scans failed, which is all that --max-failures allows"
        if self.seconds is not None:
            left = self.seconds - (self._clock() - self._began)
            self.out_of_time = self.out_of_time or left <= self._longest
            if self.out_of_time:
                return "the time limit is near"
        return ""
