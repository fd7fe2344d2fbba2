"""Which label maps and images to train on, and which people are held out."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from ..errors import InputError, UsageError
from ..labels import get_label_map

__all__ = ["Pair", "find_pairs", "read_table", "split_subjects"]

SetName = Literal["", "train", "validation"]

_COLUMNS = ("subject", "labels", "image", "label_map", "set")
_LABELS = re.compile(r"(.+?)_(?:dseg|seg|labels|aseg|aparc\+aseg)\.(?:nii|nii\.gz|mgz)")
_EXTENSIONS = (".nii.gz", ".nii", ".mgz")


@dataclass(frozen=True)
class Pair:
    """One label map, with the image that it belongs to where there is one.

    Parameters
    ----------
    subject : str
        The person; two maps of one person are never on two sides of a split.
    labels : Path
    image : Path or None
        On the grid of `labels`. Without it, images are synthesised.
    label_map : str
        Protocol of the label numbers, a key of ``LABEL_MAPS``.
    set : {"", "train", "validation"}
        Side of the split, where it was decided beforehand.
    """

    subject: str
    labels: Path
    image: Path | None
    label_map: str
    set: SetName = ""


def read_table(table: Path, folder: Path | None = None) -> tuple[Pair, ...]:
    """Read pairs from a TSV or CSV.

    Parameters
    ----------
    table : Path
        Columns ``subject``, ``labels`` and ``label_map``; ``image`` and ``set``
        may be left out or empty. The extension tells the separator.
    folder : Path, optional
        What paths in the table are relative to; default: the table's folder.

    Returns
    -------
    tuple of Pair

    Raises
    ------
    UsageError
        When the table cannot be read, or naming the row that is wrong.
    """
    try:
        text = table.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{table}: cannot be read as a table ({error})"
        raise UsageError(msg) from error
    separator = "," if table.suffix.lower() == ".csv" else "\t"
    rows = csv.DictReader(text.splitlines(), delimiter=separator)
    missing = {"subject", "labels", "label_map"} - set(rows.fieldnames or ())
    foreign = set(rows.fieldnames or ()) - set(_COLUMNS)
    if missing or foreign:
        msg = (
            f"{table}: columns must be among {', '.join(_COLUMNS)}; "
            f"missing {sorted(missing) or 'none'}, unknown {sorted(foreign) or 'none'}"
        )
        raise UsageError(msg)
    base = folder or table.parent
    pairs = tuple(_row(row, base, f"{table}, row {n}") for n, row in enumerate(rows, 2))
    if not pairs:
        msg = f"{table}: holds no rows"
        raise UsageError(msg)
    return pairs


def _row(row: dict[str, str | None], base: Path, place: str) -> Pair:
    values = {name: (row.get(name) or "").strip() for name in _COLUMNS}
    for name in ("subject", "labels", "label_map"):
        if not values[name]:
            msg = f"{place}: {name} is empty"
            raise UsageError(msg)
    get_label_map(values["label_map"])
    if values["set"] not in ("", "train", "validation"):
        msg = f"{place}: set is {values['set']!r}; expected train, validation or nothing"
        raise UsageError(msg)
    image = base / values["image"] if values["image"] else None
    pair = Pair(values["subject"], base / values["labels"], image, values["label_map"])
    for path in (pair.labels, image):
        if path is not None and not path.is_file():
            msg = f"{place}: {path} does not exist"
            raise UsageError(msg)
    return replace(pair, set=values["set"])  # type: ignore[arg-type]


def find_pairs(folder: Path, label_map: str) -> tuple[Pair, ...]:
    """Find pairs in a folder or a BIDS derivatives folder.

    Label maps are ``*_dseg``, ``*_seg``, ``*_labels``, ``*_aseg`` or
    ``*_aparc+aseg``; their image is the file with ``_T1w`` for the suffix and
    the same name otherwise, without ``desc-``, ``seg-`` and ``space-`` where
    these are only on one side. The person is the ``sub-`` entity, or the name.

    Parameters
    ----------
    folder : Path
        Looked through with all below it.
    label_map : str
        Protocol of all its label maps.

    Returns
    -------
    tuple of Pair
        In order of their paths.

    Raises
    ------
    UsageError
        When there are none.
    """
    get_label_map(label_map)
    pairs = []
    for path in sorted(folder.rglob("*")):
        match = _LABELS.fullmatch(path.name)
        if match is None or not path.is_file():
            continue
        stem = match.group(1)
        person = re.match(r"sub-[A-Za-z0-9]+", stem)
        image = next(_images(path.parent, stem), None)
        pairs.append(Pair(person.group() if person else stem, path, image, label_map))
    if not pairs:
        msg = f"{folder}: holds no label maps named *_dseg.nii.gz, *_seg.nii.gz or alike"
        raise UsageError(msg)
    return tuple(pairs)


def _images(folder: Path, stem: str) -> Iterator[Path]:
    plain = re.sub(r"_(?:desc|seg|space)-[A-Za-z0-9]+", "", stem)
    for name in (stem, plain):
        for extension in _EXTENSIONS:
            candidate = folder / f"{name}_T1w{extension}"
            if candidate.is_file():
                yield candidate


def split_subjects(
    pairs: Sequence[Pair], held_out: int, seed: int
) -> tuple[tuple[Pair, ...], tuple[Pair, ...]]:
    """Part people into those to train on and those held out.

    Parameters
    ----------
    pairs : sequence of Pair
        A set that a table decided stands, for all maps of that person.
    held_out : int
        People to hold out where no table decided for anybody.
    seed : int

    Returns
    -------
    training, validation : tuples of Pair

    Raises
    ------
    InputError
        When a person is on both sides.
    UsageError
        When nobody would be left to train on, or to validate on.
    """
    decided = {(p.subject, p.set) for p in pairs if p.set}
    sides = dict(decided)
    if len(sides) < len(decided):
        both = sorted(s for s in sides if {(s, "train"), (s, "validation")} <= decided)
        msg = f"{both[0]} is both in train and in validation; a person belongs to one set"
        raise InputError(msg)
    subjects = sorted({p.subject for p in pairs})
    if not decided:
        chosen = np.random.default_rng(seed).permutation(len(subjects))[:held_out]
        sides = {subjects[i]: "validation" for i in chosen}
    training = tuple(p for p in pairs if sides.get(p.subject, "train") == "train")
    validation = tuple(p for p in pairs if sides.get(p.subject) == "validation")
    if not training or not validation:
        msg = (
            f"{len(subjects)} people, of whom {len({p.subject for p in validation})} are held "
            "out: nobody is left for the other set"
        )
        raise UsageError(msg)
    return training, validation
