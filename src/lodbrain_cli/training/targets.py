"""What a network is to say: its heads, and what the numbers of label volumes are in each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import UsageError
from ..labels import LABEL_MAPS, LabelMap, LabelSet, get_label_map, get_label_set
from .heads import tissue_classes
from .tissues import TISSUES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .dataset import Pair

__all__ = ["LABELS_COLUMN", "UNKNOWN", "Coding", "Target", "join_codes", "tissue_coding"]

#: Column of a table of pairs that holds the label images, where a target names none.
LABELS_COLUMN = "labels"

#: Class of every voxel in a head for which a person has no labels.
UNKNOWN = -1

_MOST_CODES = 2**16


@dataclass(frozen=True)
class Target:
    """One head: a label set, and where its labels are.

    Parameters
    ----------
    label_set : LabelSet
    label_map : LabelMap, optional
        From the numbers of the label images; default: that of each row of the table or,
        in a column of its own that the row's does not describe, the label set's own.
    column : str
        Of the table of pairs.
    """

    label_set: LabelSet
    label_map: LabelMap | None = None
    column: str = LABELS_COLUMN

    def map_of(self, protocol: str) -> LabelMap:
        """Label map of label images of a protocol.

        Raises
        ------
        UsageError
            When the protocol is unknown, or leads to another label set.
        """
        if self.label_map is not None:
            return self.label_map
        found = get_label_map(protocol)
        if found.label_set == self.label_set.name:
            return found
        other = f"{protocol}-{self.label_set.name}"  # the same numbers, for another label set
        if other in LABEL_MAPS:
            return LABEL_MAPS[other]
        if self.column != LABELS_COLUMN and self.label_set.name in LABEL_MAPS:
            return LABEL_MAPS[self.label_set.name]
        if self.label_set == get_label_set("brain"):
            return found.as_brain()
        msg = (
            f"label map {protocol!r} leads to {found.label_set!r}, not to "
            f"{self.label_set.name!r}; give a table of classes with numbers, or a column of its own"
        )
        raise UsageError(msg)


@dataclass(frozen=True, eq=False)
class Coding:
    """What each number of a label volume ("code") is in every head.

    Parameters
    ----------
    classes : (J, H) int16 array
        Class of code j in head h; code 0 is background in all, but for heads
        that are :data:`UNKNOWN`, which are so in every code.
    heads : tuple of int
        Classes of each head.
    """

    classes: "NDArray[np.int16]"
    heads: tuple[int, ...]

    @property
    def brain(self) -> "NDArray[np.bool_]":
        """(J,) whether a code is a structure of any head."""
        inside: NDArray[np.bool_] = np.logical_or.reduce(self.classes > 0, axis=1)
        return inside

    def table(self) -> "NDArray[np.float32]":
        """(J, ΣC) float32: the target of each code, one-hot in every head, 0 in unknown ones."""
        parts = [
            (self.classes[:, head, None] == np.arange(size)).astype(np.float32)
            for head, size in enumerate(self.heads)
        ]
        return np.concatenate(parts, axis=1)

    def mirrored(self, targets: Sequence[Target]) -> "Coding":
        """Give the coding of a flipped image: left is right."""
        # The last one is what UNKNOWN becomes.
        sides = [np.array([*t.label_set.mirrored, UNKNOWN], np.int16) for t in targets]
        columns = [side[self.classes[:, head]] for head, side in enumerate(sides)]
        return Coding(np.stack(columns, axis=1), self.heads)


def tissue_coding(targets: Sequence[Target], painted: "Sequence[Pair]" = ()) -> Coding:
    """Code of label maps to paint: the index of the tissue.

    Parameters
    ----------
    targets : sequence of Target
    painted : sequence of Pair
        All rows without an image. In a column of its own a target's label image is the
        one that is painted, in all of them, or there is none, and it is not learnt here.

    Raises
    ------
    UsageError
        When a target has other labels than those that are painted, or parts a tissue,
        or nothing would be learnt.
    """
    columns = [_tissue_classes(target, painted) for target in targets]
    if all((column == UNKNOWN).all() for column in columns):
        msg = (
            "label maps without an image are named in the column 'labels' alone, which no target "
            "learns from: name them in a target's column, too, or give every row an image"
        )
        raise UsageError(msg)
    return Coding(np.stack(columns, axis=1), tuple(t.label_set.num_classes for t in targets))


def _tissue_classes(target: Target, painted: "Sequence[Pair]") -> "NDArray[np.int16]":
    """Class of each tissue in a head."""
    own = [pair.labels_in(target.column) for pair in painted]
    if painted and not any(own):
        return np.full(len(TISSUES), UNKNOWN, np.int16)
    same = all(path == pair.labels for path, pair in zip(own, painted, strict=True))
    if not same or (not painted and target.column != LABELS_COLUMN):
        msg = (
            f"synthetic images have the labels that they are painted from, not those of the "
            f"column {target.column!r} ({target.label_set.name}): leave its cell empty in every "
            "row without an image, name the file of the column 'labels' in all of them, or give "
            "them images"
        )
        raise UsageError(msg)
    return tissue_classes(target.map_of("synthseg")).astype(np.int16)


def join_codes(
    volumes: "Sequence[NDArray[np.uint8] | None]", targets: Sequence[Target]
) -> "tuple[NDArray[Any], NDArray[np.int16]]":
    """Join the labels of all heads in one volume, so that they are moved together.

    Parameters
    ----------
    volumes : sequence of (X, Y, Z) uint8 array or None
        Labels of each target; None where there are none. Not all are None.
    targets : sequence of Target

    Returns
    -------
    codes : (X, Y, Z) uint8 or uint16 array
    classes : (J, H) int16 array
        For :class:`Coding`.

    Raises
    ------
    UsageError
        When there are more combinations than a code can count.
    """
    pairs = [(v, t) for v, t in zip(volumes, targets, strict=True) if v is not None]
    codes, known = _join_known([v for v, _ in pairs], [t for _, t in pairs])
    classes = np.full((len(known), len(targets)), UNKNOWN, np.int16)
    classes[:, [volume is not None for volume in volumes]] = known
    return codes, classes


def _join_known(
    volumes: "Sequence[NDArray[np.uint8]]", targets: Sequence[Target]
) -> "tuple[NDArray[Any], NDArray[np.uint8]]":
    if len(volumes) == 1:
        every = np.arange(targets[0].label_set.num_classes, dtype=np.uint8)
        return volumes[0], every[:, None]
    joint = np.zeros(volumes[0].shape, np.int64)
    for volume, target in zip(volumes, targets, strict=True):
        joint = joint * target.label_set.num_classes + volume
    found, first, codes = np.unique(joint, return_index=True, return_inverse=True)
    classes = np.stack([v.ravel()[first] for v in volumes], axis=1)
    if found[0] != 0:  # code 0 must be background, also where there is none
        classes = np.concatenate([np.zeros((1, len(volumes)), np.uint8), classes])
        codes = codes + 1
    if len(classes) > _MOST_CODES:
        msg = f"{len(classes)} combinations of labels occur, more than {_MOST_CODES}"
        raise UsageError(msg)
    codes = codes.reshape(joint.shape)
    return codes.astype(np.uint8 if len(classes) <= 256 else np.uint16), classes
