"""Looking at a scan before it is segmented: one verdict per item, and why."""

from .findings import Finding, Report, Verdict
from .run import check, examine

__all__ = ["Finding", "Report", "Verdict", "check", "examine"]
