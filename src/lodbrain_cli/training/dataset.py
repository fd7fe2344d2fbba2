"""Which label maps and images to train on, and which people are held out."""

import csv
import re
from collections.abc import Mapping, Sequence
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
_IMAGE = re.compile(r"(.+?)_T1w\.(?:nii|nii\.gz|mgz)")
# Entities that say what was made of a scan, not of which scan.
_OF_PROCESSING = ("desc", "seg", "space")


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
    other_labels : tuple of (str, Path or None)
        Label images of other protocols, by the column of the table; None where
        this person has none.
    """

    subject: str
    labels: Path
    image: Path | None
    label_map: str
    set: SetName = ""
    other_labels: tuple[tuple[str, Path | None], ...] = ()

    def labels_in(self, column: str) -> Path | None:
        """Label image of a column of the table; None where its cell is empty.

        Raises
        ------
        UsageError
            When the table has no such column.
        """
        known = {"labels": self.labels, **dict(self.other_labels)}
        if column not in known:
            msg = (
                f"no label images in a column {column!r} of the pairs; they have {', '.join(known)}"
            )
            raise UsageError(msg)
        return known[column]


def read_table(
    table: Path, folder: Path | None = None, more_columns: Sequence[str] = ()
) -> tuple[Pair, ...]:
    """Read pairs from a TSV or CSV.

    Parameters
    ----------
    table : Path
        Columns ``subject``, ``labels`` and ``label_map``; ``image`` and ``set``
        may be left out or empty. The extension tells the separator.
    folder : Path, optional
        What paths in the table are relative to; default: the table's folder.
    more_columns : sequence of str
        Other columns with label images. A cell may be empty: nothing is learnt of
        that protocol from that row.

    Returns
    -------
    tuple of Pair

    Raises
    ------
    UsageError
        When the table cannot be read, or naming the row that is wrong.
    """
    try:
        text = table.read_text(encoding="utf-8-sig")  # spreadsheets begin a CSV with a mark
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{table}: cannot be read as a table ({error})"
        raise UsageError(msg) from error
    separator = "," if table.suffix.lower() == ".csv" else "\t"
    rows = csv.DictReader(text.splitlines(), delimiter=separator)
    missing = {"subject", "labels", "label_map", *more_columns} - set(rows.fieldnames or ())
    foreign = set(rows.fieldnames or ()) - {*_COLUMNS, *more_columns}
    if missing or foreign:
        msg = (
            f"{table}: columns must be among {', '.join((*_COLUMNS, *more_columns))}; "
            f"missing {sorted(missing) or 'none'}, unknown {sorted(foreign) or 'none'}"
        )
        raise UsageError(msg)
    base = folder or table.parent
    places = ((row, f"{table}, row {n}") for n, row in enumerate(rows, 2))
    pairs = tuple(_row(row, base, place, more_columns) for row, place in places)
    if not pairs:
        msg = f"{table}: holds no rows"
        raise UsageError(msg)
    for name in more_columns:
        if not any(pair.labels_in(name) for pair in pairs):
            msg = f"{table}: no row has labels in the column {name!r}"
            raise UsageError(msg)
    return pairs


def _row(row: dict[str, str | None], base: Path, place: str, more: Sequence[str]) -> Pair:
    values = {name: (row.get(name) or "").strip() for name in (*_COLUMNS, *more)}
    for name in ("subject", "labels", "label_map"):
        if not values[name]:
            msg = f"{place}: {name} is empty"
            raise UsageError(msg)
    try:
        get_label_map(values["label_map"])
    except UsageError as error:
        msg = f"{place}: {error}"
        raise UsageError(msg) from None
    if values["set"] not in ("", "train", "validation"):
        msg = f"{place}: set is {values['set']!r}; expected train, validation or nothing"
        raise UsageError(msg)
    image = base / values["image"] if values["image"] else None
    others = tuple((name, base / values[name] if values[name] else None) for name in more)
    pair = Pair(values["subject"], base / values["labels"], image, values["label_map"])
    for path in (pair.labels, image, *(path for _, path in others)):
        if path is not None and not path.is_file():
            msg = f"{place}: {path} does not exist"
            raise UsageError(msg)
    return replace(pair, set=values["set"], other_labels=others)  # type: ignore[arg-type]


def find_pairs(folder: Path, label_map: str) -> tuple[Pair, ...]:
    """Find pairs in a folder or a BIDS data set.

    Label maps are ``*_dseg``, ``*_seg``, ``*_labels``, ``*_aseg`` or
    ``*_aparc+aseg``. The person is the ``sub-`` entity, or the name.

    A label map's image is a ``*_T1w`` whose name is the same but for the entities
    ``desc-``, ``seg-`` and ``space-``; two different ``space-`` never belong
    together. It is looked for in the label map's own folder; if there is none,
    in that of the same ``sub-`` and ``ses-`` of the data set (``sub-01/ses-1``
    and its ``anat``), which is the folder that ``derivatives`` lies in, else
    `folder`. Of several, the one with the fewest entities that only one of both
    has is taken. A label map without an image is used alone.

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
        When there are none, or two images fit a label map equally well.
    """
    get_label_map(label_map)
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    images: dict[Path, list[Path]] = {}
    for path in files:
        if _IMAGE.fullmatch(path.name):
            images.setdefault(path.parent, []).append(path)
    pairs = []
    for path in files:
        match = _LABELS.fullmatch(path.name)
        if match is None:
            continue
        stem = match.group(1)
        person = re.match(r"sub-[A-Za-z0-9]+", stem)
        image = _image_of(path, stem, images, folder)
        pairs.append(Pair(person.group() if person else stem, path, image, label_map))
    if not pairs:
        msg = f"{folder}: holds no label maps named *_dseg.nii.gz, *_seg.nii.gz or alike"
        raise UsageError(msg)
    return tuple(pairs)


def _image_of(
    labels: Path, stem: str, images: Mapping[Path, Sequence[Path]], folder: Path
) -> Path | None:
    """Image of a label map among those by folder, as :func:`find_pairs` says."""
    for places in ((labels.parent,), _raw_folders(labels, stem, folder)):
        ranked = sorted(
            (differing, path)
            for place in places
            for path in images.get(place, ())
            if (differing := _differing_entities(stem, _stem_of_image(path))) is not None
        )
        if len(ranked) > 1 and ranked[0][0] == ranked[1][0]:
            msg = (
                f"{labels}: both {ranked[0][1]} and {ranked[1][1]} could be its image; "
                "remove one, or name the pairs in a table"
            )
            raise UsageError(msg)
        if ranked:
            return ranked[0][1]
    return None


def _raw_folders(labels: Path, stem: str, folder: Path) -> tuple[Path, ...]:
    """Where the data set keeps the images of the person and session of a label map."""
    entities = dict(part.split("-", 1) for part in stem.split("_") if "-" in part)
    if "sub" not in entities:
        return ()
    above = labels.relative_to(folder).parent.parts
    depth = above.index("derivatives") if "derivatives" in above else 0
    place = folder.joinpath(*above[:depth], f"sub-{entities['sub']}")
    if "ses" in entities:
        place /= f"ses-{entities['ses']}"
    return tuple(p for p in (place, place / "anat") if p != labels.parent)


def _stem_of_image(path: Path) -> str:
    match = _IMAGE.fullmatch(path.name)
    assert match is not None  # only such files are looked at
    return match.group(1)


def _differing_entities(first: str, second: str) -> int | None:
    """How many entities only one of two names has; None when they cannot belong together."""
    sides = [stem.split("_") for stem in (first, second)]
    plain = [[p for p in parts if p.split("-")[0] not in _OF_PROCESSING] for parts in sides]
    spaces = [{p for p in parts if p.startswith("space-")} for parts in sides]
    if plain[0] != plain[1] or (all(spaces) and spaces[0] != spaces[1]):
        return None
    return len(set(sides[0]) ^ set(sides[1]))


def split_subjects(
    pairs: Sequence[Pair], held_out: int, seed: int
) -> tuple[tuple[Pair, ...], tuple[Pair, ...]]:
    """Part people into those to train on and those held out.

    Parameters
    ----------
    pairs : sequence of Pair
        A set that a table decided stands, for all maps of that person.
    held_out : int
        People to hold out where no table decided for anybody; 0 for none, and
        then nothing is validated.
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
    if not training or not (validation or held_out == 0):
        msg = (
            f"{len(subjects)} people, of whom {len({p.subject for p in validation})} are held "
            "out: nobody is left for the other set"
        )
        raise UsageError(msg)
    return training, validation
