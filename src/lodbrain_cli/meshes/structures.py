"""Which structures of a label image to mesh, what they are called and how they are coloured."""

import csv
import re
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import InputError, UsageError

__all__ = ["Structure", "chosen_structures", "read_names"]

_GREY = (160, 160, 160)


@dataclass(frozen=True)
class Structure:
    """One or more labels that are meshed as one.

    Parameters
    ----------
    numbers : tuple of int
    name : str
        For file names: letters, digits and ``+``.
    rgb : tuple of 3 int
        0 to 255.
    """

    numbers: tuple[int, ...]
    name: str
    rgb: tuple[int, int, int]


def read_names(table: Path) -> dict[int, tuple[str, tuple[int, int, int]]]:
    """Abbreviation and colour of each label number in a BIDS label table.

    Parameters
    ----------
    table : Path
        TSV with ``index`` and, where it has them, ``abbreviation`` and ``color``, as
        ``segment`` writes it; a missing file gives no names.

    Raises
    ------
    InputError
        When the file is no such table.
    """
    if not table.is_file():
        return {}
    try:
        rows = list(
            csv.DictReader(table.read_text(encoding="utf-8-sig").splitlines(), delimiter="\t")
        )
        found = {}
        for row in rows:
            number = int(row["index"])
            name = re.sub(r"[^A-Za-z0-9]", "", row.get("abbreviation") or row.get("name") or "")
            found[number] = (name or str(number), _rgb(row.get("color") or ""))
    except (OSError, UnicodeDecodeError, KeyError, ValueError, csv.Error) as error:
        msg = f"{table}: is no table of labels (a column index with whole numbers): {error}"
        raise InputError(msg) from error
    return found


def chosen_structures(
    labels: str | None, present: set[int], names: dict[int, tuple[str, tuple[int, int, int]]]
) -> tuple[Structure, ...]:
    """Read what to mesh.

    Parameters
    ----------
    labels : str or None
        ``"1,3"`` for two meshes, ``"1+3"`` for one of both; default: every
        label that is present by itself.
    present : set of int
        Numbers in the image.
    names : dict
        Of :func:`read_names`.

    Raises
    ------
    UsageError
        On anything else.
    """
    if labels is None:
        labels = ",".join(str(number) for number in sorted(present - {0}))
    found = []
    for part in labels.split(","):
        if not re.fullmatch(r"\s*\d+(\s*\+\s*\d+)*\s*", part):
            msg = f"labels {labels!r}: expected numbers, such as 1,3 or 1+3; got {part.strip()!r}"
            raise UsageError(msg)
        numbers = tuple(sorted({int(n) for n in part.split("+")}))
        if 0 in numbers:
            msg = f"labels {labels!r}: 0 is the background, which has no surface"
            raise UsageError(msg)
        name = "+".join(names.get(n, (str(n), _GREY))[0] for n in numbers)
        rgb = names[numbers[0]][1] if numbers[0] in names else _GREY
        found.append(Structure(numbers, name, rgb))
    return _told_apart(tuple(dict.fromkeys(found)))


def _told_apart(structures: tuple[Structure, ...]) -> tuple[Structure, ...]:
    """Put numbers behind names that several structures share: they become file names."""
    names = [s.name.lower() for s in structures]  # some file systems know no capitals
    return tuple(
        replace(s, name=f"{s.name}{'+'.join(map(str, s.numbers))}")
        if names.count(s.name.lower()) > 1
        else s
        for s in structures
    )


def _rgb(color: str) -> tuple[int, int, int]:
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", color):
        return _GREY
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)
