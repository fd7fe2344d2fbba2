"""What is said of a result: a mark per item, the lowest of them as the score."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from .thresholds import FAIL_BELOW, LOOK_BELOW

__all__ = ["Item", "Quality", "Trust"]


class Trust(StrEnum):
    """What is to be made of a result."""

    GOOD = "good"
    LOOK = "look"
    FAIL = "fail"


@dataclass(frozen=True)
class Item:
    """One thing that a result was judged by.

    Parameters
    ----------
    name : str
    mark : float or None
        100 is well, 0 worthless; None where it cannot be told.
    text : str
        One line: what was found.
    values : mapping of str to float
        What the mark rests on.
    """

    name: str
    mark: float | None
    text: str
    values: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Quality:
    """Verdict on a result.

    Parameters
    ----------
    items : tuple of Item
    """

    items: tuple[Item, ...]

    @property
    def score(self) -> float:
        """Lowest mark of all items, 0 to 100: a result is as good as its worst part."""
        return min((i.mark for i in self.items if i.mark is not None), default=0.0)

    @property
    def trust(self) -> Trust:
        """What follows from the score."""
        if self.score < FAIL_BELOW:
            return Trust.FAIL
        return Trust.LOOK if self.score < LOOK_BELOW else Trust.GOOD

    @property
    def reasons(self) -> tuple[str, ...]:
        """Texts of the items that made it less than good, the lowest mark first."""
        low = [(i.mark, i.text) for i in self.items if i.mark is not None and i.mark < LOOK_BELOW]
        return tuple(text for _, text in sorted(low))

    def as_dict(self) -> dict[str, Any]:
        """Give it as plain values for JSON."""
        return {
            "verdict": self.trust.value,
            "score": round(self.score, 1),
            "reasons": list(self.reasons),
            "items": {
                i.name: {
                    "mark": None if i.mark is None else round(i.mark, 1),
                    "text": i.text,
                    "values": {name: round(float(v), 4) for name, v in i.values.items()},
                }
                for i in self.items
            },
        }
