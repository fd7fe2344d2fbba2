"""Label sets: what each number in a result means. Pure data."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from .errors import UsageError

__all__ = [
    "LABEL_MAPS",
    "LABEL_SETS",
    "Label",
    "LabelMap",
    "LabelSet",
    "get_label_map",
    "get_label_set",
]


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


@dataclass(frozen=True)
class LabelMap:
    """How the label numbers of another protocol become those of a label set.

    Parameters
    ----------
    name : str
    label_set : str
        Name of the label set that comes out.
    groups : tuple of frozenset of int
        Numbers that become 1, 2, ...
    ignored : frozenset of int
        Numbers of the protocol that become background. A number that is in
        none of these is foreign: the labels are of another protocol.
    """

    name: str
    label_set: str
    groups: tuple[frozenset[int], ...]
    ignored: frozenset[int]

    def reduce(self, number: int) -> int:
        """Return the label that a number becomes; 0 for what is ignored or foreign."""
        return next((k for k, group in enumerate(self.groups, 1) if number in group), 0)

    def knows(self, number: int) -> bool:
        """Whether a number belongs to the protocol."""
        return number in self.ignored or any(number in group for group in self.groups)


def _numbers(*parts: int | range) -> frozenset[int]:
    return frozenset(n for part in parts for n in (part if isinstance(part, range) else (part,)))


# The seven classes of LOD-Brain as they were reconstructed from the authors'
# published masks (SPEC A.6): hippocampus and amygdala are grey matter, thalamus
# and ventral diencephalon belong to the basal ganglia.
_FREESURFER_GROUPS = (
    _numbers(3, 42, 17, 18, 53, 54, range(1000, 3000)),
    _numbers(range(9, 14), 26, 28, range(48, 53), 58, 60),
    _numbers(2, 41, range(77, 80), range(251, 256)),
    _numbers(4, 5, 14, 15, 43, 44, 31, 63, 72),
    _numbers(7, 8, 46, 47),
    _numbers(16),
)
_FREESURFER = LabelMap(
    name="freesurfer",
    label_set="lod-brain-7",
    groups=_FREESURFER_GROUPS,
    ignored=_numbers(0, 24, 30, 62, range(80, 83), 85, 165, 258, 259),
)
# SynthSeg's training maps: FreeSurfer's numbers; 136, 137, 163, 164 lie inside the
# lateral ventricles; 25 and 57 are lesions beside them; 500 and more are the head.
_SYNTHSEG = LabelMap(
    name="synthseg",
    label_set="lod-brain-7",
    groups=tuple(
        group | _numbers(*{3: (25, 57), 4: (136, 137, 163, 164)}.get(label, ()))
        for label, group in enumerate(_FREESURFER_GROUPS, 1)
    ),
    ignored=_FREESURFER.ignored | _numbers(range(501, 540)),
)
_MUSE = LabelMap(
    name="muse",
    label_set="lod-brain-7",
    groups=(
        _numbers(range(100, 208), 31, 32, 47, 48, 75, 76),
        _numbers(23, 30, 36, 37, range(55, 63)),
        _numbers(44, 45, range(81, 96)),
        _numbers(4, 11, range(49, 53)),
        _numbers(range(38, 42), range(71, 74)),
        _numbers(35),
    ),
    ignored=_numbers(0, 1, 46, 63, 64, 69),  # 1 and 46: fluid outside the ventricles
)
_IDENTITY = LabelMap(
    name="lod-brain-7",
    label_set="lod-brain-7",
    groups=tuple(_numbers(label.index) for label in _LOD_BRAIN_7.structures),
    ignored=_numbers(0),
)

#: Label maps by the name of the protocol that they read.
LABEL_MAPS: Mapping[str, LabelMap] = MappingProxyType(
    {m.name: m for m in (_FREESURFER, _SYNTHSEG, _MUSE, _IDENTITY)}
)


def get_label_map(name: str) -> LabelMap:
    """Return a label map by the name of its protocol.

    Raises
    ------
    UsageError
        With the names that exist.
    """
    try:
        return LABEL_MAPS[name]
    except KeyError:
        msg = f"unknown label map {name!r}; known label maps: {', '.join(LABEL_MAPS)}"
        raise UsageError(msg) from None
