"""Label sets: what each number in a result means. Pure data."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from .errors import UsageError

__all__ = ["LABEL_SETS", "Label", "LabelSet", "get_label_set"]


@dataclass(frozen=True)
class Label:
    """One label.

    Parameters
    ----------
    index : int
        Value in the label image.
    name : str
        Full name in English.
    abbreviation : str
        As in BIDS where the table has one. Never ``BG`` for basal ganglia: in
        BIDS that is the background.
    color : str
        ``#rrggbb``; the LOD-Brain authors' demo colours (SPEC A.6).
    mapping : int
        Index of the BIDS standard table of anatomical labels.
    """

    index: int
    name: str
    abbreviation: str
    color: str
    mapping: int

    @property
    def rgb(self) -> tuple[int, int, int]:
        """Red, green, blue, 0 to 255."""
        value = int(self.color[1:], 16)
        return value >> 16, value >> 8 & 255, value & 255


@dataclass(frozen=True)
class LabelSet:
    """Labels of one network, and how they are cleaned.

    Parameters
    ----------
    name : str
    labels : tuple of Label
        By index, from 0 = background.
    one_piece_probability : tuple of int
        Labels whose probability is kept only in its largest component.
    one_piece_label : tuple of int
        Labels of which only the largest component stays in the brain mask.
    """

    name: str
    labels: tuple[Label, ...]
    one_piece_probability: tuple[int, ...] = ()
    one_piece_label: tuple[int, ...] = ()

    @property
    def num_classes(self) -> int:
        """Number of labels, background included."""
        return len(self.labels)

    @property
    def structures(self) -> tuple[Label, ...]:
        """Labels other than background."""
        return self.labels[1:]


_LOD_BRAIN_7 = LabelSet(
    name="lod-brain-7",
    labels=(
        Label(0, "Background", "BG", "#000000", 0),
        Label(1, "Cerebral grey matter", "CGM", "#4682b4", 8),
        Label(2, "Basal ganglia", "SGM", "#f5f5f5", 9),
        Label(3, "Cerebral white matter", "WM", "#cd3e4e", 2),
        Label(4, "Ventricles", "VEN", "#781286", 3),
        Label(5, "Cerebellum", "CBM", "#c43afa", 11),
        Label(6, "Brainstem", "BS", "#009400", 10),
    ),
    # SPEC A.7 b and c: the ventricles are several pieces by nature; basal ganglia may be.
    one_piece_probability=(1, 2, 3, 5, 6),
    one_piece_label=(1, 3, 5, 6),
)

#: Label sets by name.
LABEL_SETS: Mapping[str, LabelSet] = MappingProxyType({s.name: s for s in (_LOD_BRAIN_7,)})


def get_label_set(name: str) -> LabelSet:
    """Return a label set by its name.

    Raises
    ------
    UsageError
        With the names that exist.
    """
    try:
        return LABEL_SETS[name]
    except KeyError:
        msg = f"unknown label set {name!r}; known label sets: {', '.join(LABEL_SETS)}"
        raise UsageError(msg) from None
