"""A label set of one's own, from a table."""

import csv
import io
import re
from collections.abc import Mapping
from pathlib import Path

from ..errors import UsageError
from .colors import color_of
from .label_map import LabelMap
from .label_set import Label, LabelSet

__all__ = ["read_classes"]

_COLUMNS = ("index", "name", "abbreviation", "color", "mapping", "numbers")
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_MOST_CLASSES = 256
_REST = "*"


def read_classes(path: Path) -> tuple[LabelSet, LabelMap]:
    """Read a table of classes.

    Parameters
    ----------
    path : Path
        TSV or CSV with the columns ``index`` (0, 1, 2, ... from background) and
        ``name``; ``abbreviation``, ``color`` (``#rrggbb``), ``mapping`` (BIDS) and
        ``numbers`` may be left out. ``numbers`` are those of the label images that
        become the class, as ``3 42 1000-2999``; ``*`` in the row of the background
        stands for all others. Default: the index itself. What ``lodbrain labels``
        prints is such a table. Classes named ``Left ...`` and ``Right ...`` change
        places when an image is flipped.

    Returns
    -------
    label_set : LabelSet
        Named like the file; every class may be in several pieces.
    label_map : LabelMap
        From the numbers of the label images.

    Raises
    ------
    UsageError
        When the table cannot be read, naming the row that is wrong.
    """
    rows = _rows(path)
    name = path.stem
    if not _NAME.fullmatch(name):
        msg = (
            f"{path}: a label set is named like its file, by letters, digits, - and _; got {name!r}"
        )
        raise UsageError(msg)
    labels, groups, rest = [], [], False
    for number, row in enumerate(rows):
        place = f"{path}, row {number + 2}"
        labels.append(_label(row, number, place))
        text = (row.get("numbers") or "").strip()
        rest = rest or (number == 0 and text == _REST)
        numbers = text if text and not (number == 0 and text == _REST) else str(number)
        groups.append(_numbers(numbers, place))
    names = [label.name for label in labels]
    _refuse_twice(path, names, groups)
    return (
        LabelSet(name, tuple(labels)),
        LabelMap(name, name, tuple(groups[1:]), groups[0], rest_ignored=rest),
    )


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")  # spreadsheets begin a CSV with a mark
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path}: cannot be read as a table of classes ({error})"
        raise UsageError(msg) from error
    separator = "," if path.suffix.lower() == ".csv" else "\t"
    reader = csv.DictReader(io.StringIO(text), delimiter=separator)
    found = list(reader.fieldnames or ())
    if not {"index", "name"} <= set(found) <= set(_COLUMNS):
        msg = f"{path}: columns must be index, name and of {', '.join(_COLUMNS[2:])}; got {found}"
        raise UsageError(msg)
    rows = list(reader)
    if not 2 <= len(rows) <= _MOST_CLASSES:
        most = _MOST_CLASSES - 1
        msg = f"{path}: expected the background and 1 to {most} classes, got {len(rows)} rows"
        raise UsageError(msg)
    return rows


def _label(row: Mapping[str, str], index: int, place: str) -> Label:
    values = {name: (row.get(name) or "").strip() for name in _COLUMNS}
    if values["index"] != str(index):
        msg = f"{place}: index is {values['index']!r}; expected {index}: they count from 0"
        raise UsageError(msg)
    for name in ("name", "abbreviation"):
        if not values[name].isprintable() or (name == "name" and not values[name]):
            msg = f"{place}: {name} is {values[name]!r}; expected one line of text"
            raise UsageError(msg)
    color = values["color"] or color_of(index)
    if not _COLOR.fullmatch(color):
        msg = f"{place}: color is {color!r}; expected #rrggbb"
        raise UsageError(msg)
    mapping = values["mapping"]
    if mapping not in ("", "n/a") and not mapping.isdecimal():
        msg = f"{place}: mapping is {mapping!r}; expected a number of the BIDS table, or nothing"
        raise UsageError(msg)
    abbreviation = values["abbreviation"] or values["name"].replace(" ", "-")
    bids = int(mapping) if mapping.isdecimal() else None
    return Label(index, values["name"], abbreviation, color, bids)


def _numbers(text: str, place: str) -> frozenset[int]:
    """Numbers of ``"2 41 77-79"``."""
    found: set[int] = set()
    for part in re.split(r"[\s,;]+", text):
        match = re.fullmatch(r"(\d{1,8})(?:-(\d{1,8}))?", part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if first > last:
            msg = f"{place}: numbers has {part!r}; expected numbers and ranges such as 3 1000-2999"
            raise UsageError(msg)
        found |= set(range(first, last + 1))
    return frozenset(found)


def _refuse_twice(path: Path, names: list[str], groups: list[frozenset[int]]) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        msg = f"{path}: two classes are named {twice!r}"
        raise UsageError(msg)
    seen: dict[int, str] = {}
    for name, numbers in zip(names, groups, strict=True):
        for number in sorted(numbers):
            if number in seen:
                msg = f"{path}: number {number} is in both {seen[number]!r} and {name!r}"
                raise UsageError(msg)
            seen[number] = name
