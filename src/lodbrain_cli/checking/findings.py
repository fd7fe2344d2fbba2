"""What a check says: a finding per item, a report per scan."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

__all__ = ["Finding", "Report", "Verdict"]


class Verdict(StrEnum):
    """What is to be made of an item, from harmless to worst."""

    OK = "ok"
    UNKNOWN = "unknown"  # cannot be told; nothing follows from it
    WARN = "warn"
    REFUSE = "refuse"


_ORDER = list(Verdict)


@dataclass(frozen=True)
class Finding:
    """One item of a check.

    Parameters
    ----------
    item : str
    verdict : Verdict
    text : str
        One line: what was found, and what to do where something is wrong.
    values : mapping of str to (float, int, str, bool, list or None)
        What the verdict rests on, ready for JSON.
    """

    item: str
    verdict: Verdict
    text: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """What was found of one scan.

    Parameters
    ----------
    scan : str
        Its name.
    findings : tuple of Finding
    """

    scan: str
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> Verdict:
        """Worst verdict of all items; what cannot be told counts as ok."""
        worst = max((f.verdict for f in self.findings), key=_ORDER.index, default=Verdict.OK)
        return Verdict.OK if worst is Verdict.UNKNOWN else worst

    @property
    def warnings(self) -> tuple[str, ...]:
        """Texts of the items that warn."""
        return tuple(f.text for f in self.findings if f.verdict is Verdict.WARN)

    def as_dict(self) -> dict[str, Any]:
        """Give it as plain values for JSON."""
        return {
            "scan": self.scan,
            "verdict": self.verdict.value,
            "items": [
                {
                    "item": f.item,
                    "verdict": f.verdict.value,
                    "text": f.text,
                    "values": dict(f.values),
                }
                for f in self.findings
            ],
        }
