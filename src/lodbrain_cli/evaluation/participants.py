"""A table of people, and the groups that its columns make."""

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from ..errors import InputError

__all__ = ["Participants", "group_people", "read_participants"]

_MISSING = {"", "n/a", "na", "nan", "none"}
_NOT_GROUPS = {"participant_id", "session_id"}
_MOST_GROUPS = 24
_MOST_PLAIN_NUMBERS = 8


@dataclass(frozen=True)
class Participants:
    """Rows of a participants table.

    Parameters
    ----------
    columns : tuple of str
        All but that of the names.
    rows : mapping of str to mapping
        By participant without ``sub-``: column to value; what is missing is left out.
    """

    columns: tuple[str, ...]
    rows: Mapping[str, Mapping[str, str]]

    def of(self, pair: str) -> Mapping[str, str]:
        """Row of the person that a pair is named after; empty when there is none.

        The pair is called as the participant, or begins so and goes on with
        another sort of character: ``IXI12-HH-1_T1`` is of ``IXI12`` or
        ``IXI12-HH-1``, not of ``IXI1``. The longest name is taken.
        """
        bare = pair.split("/")[-1].removeprefix("sub-")
        found = (p for p in self.rows if re.match(re.escape(p) + r"(?![A-Za-z0-9])", bare))
        return self.rows.get(max(found, key=len, default=""), {})


def read_participants(path: Path) -> Participants:
    """Read a BIDS ``participants.tsv`` or a CSV.

    Parameters
    ----------
    path : Path
        Participants stand in the column ``participant_id``, else in the first.

    Raises
    ------
    InputError
        When it cannot be read, has no further column or a participant twice.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path}: cannot be read as a table ({error})"
        raise InputError(msg) from error
    reader = csv.DictReader(
        text.splitlines(), delimiter="," if path.suffix.lower() == ".csv" else "\t"
    )
    fields = list(reader.fieldnames or ())
    if len(fields) < 2:
        msg = f"{path}: expected a table with participants and at least one column more"
        raise InputError(msg)
    names = "participant_id" if "participant_id" in fields else fields[0]
    columns = tuple(f for f in fields if f != names and f not in _NOT_GROUPS)
    rows: dict[str, dict[str, str]] = {}
    for row in reader:
        person = (row[names] or "").strip().removeprefix("sub-")
        if person in rows:
            msg = f"{path}: the participant {person} stands there twice; keep one row"
            raise InputError(msg)
        values = {column: (row.get(column) or "").strip() for column in columns}
        rows[person] = {c: v for c, v in values.items() if v.lower() not in _MISSING}
    rows.pop("", None)
    return Participants(columns, rows)


def group_people(
    column: str, values: Mapping[str, str], age_years: int = 5
) -> dict[str, tuple[str, ...]]:
    """Part people by their values in a column.

    Parameters
    ----------
    column : str
        A numeric column whose name begins with ``age`` is cut into bins of
        whole years; another one with more than 8 values into quarters of the
        people; else each value is a group.
    values : mapping of str to str
        By person; people without a value are left out.
    age_years : int
        Width of the bins of age: 5 gives 1-5, 6-10, 11-15, ... completed years,
        as in the LOD-Brain authors' study (SPEC A.8).

    Returns
    -------
    dict of str to tuple of str
        People by group, in order; empty when the column makes fewer than two
        groups or more than 24.
    """
    numbers = _numbers(values)
    if numbers is None:
        groups = _gathered(values)
    elif column.lower().startswith("age"):
        groups = _ages(numbers, age_years)
    elif len(set(numbers.values())) > _MOST_PLAIN_NUMBERS:
        groups = _quarters(numbers)
    else:
        order = sorted(values, key=lambda person: numbers[person])
        groups = _gathered({person: values[person] for person in order}, sort=False)
    return groups if 2 <= len(groups) <= _MOST_GROUPS else {}


def _numbers(values: Mapping[str, str]) -> dict[str, float] | None:
    try:
        return {person: float(value) for person, value in values.items()}
    except ValueError:
        return None


def _gathered(labels: Mapping[str, str], *, sort: bool = True) -> dict[str, tuple[str, ...]]:
    order: Iterable[str] = dict.fromkeys(labels.values())
    return {
        group: tuple(person for person, label in labels.items() if label == group)
        for group in (sorted(order) if sort else order)
    }


def _ages(ages: Mapping[str, float], width: int) -> dict[str, tuple[str, ...]]:
    bins = {person: (int(np.floor(age)) - 1) // width for person, age in ages.items()}
    names = {k: f"{max(k * width + 1, 0)}-{(k + 1) * width}" for k in sorted(set(bins.values()))}
    by_bin = sorted(bins, key=lambda person: bins[person])
    return _gathered({person: names[bins[person]] for person in by_bin}, sort=False)


def _quarters(numbers: Mapping[str, float]) -> dict[str, tuple[str, ...]]:
    edges = np.quantile(list(numbers.values()), [0, 0.25, 0.5, 0.75, 1])
    place = {p: int(np.searchsorted(edges[1:4], v, side="left")) for p, v in numbers.items()}
    order = sorted(place, key=lambda person: place[person])
    names = [f"{a:.4g} to {b:.4g}" for a, b in pairwise(edges)]
    return _gathered({person: names[place[person]] for person in order}, sort=False)
