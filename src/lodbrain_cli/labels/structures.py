"""FreeSurfer's structures, left and right as one, and tissues. Pure data.

What ``lod-brain-protocols`` says besides the seven classes, and the numbers of three protocols.
"""

from dataclasses import dataclass

from .label_map import LabelMap, numbers_of
from .label_set import Label, LabelSet

__all__ = ["STRUCTURE_LABEL_MAPS", "STRUCTURE_LABEL_SETS"]


@dataclass(frozen=True)
class _Class:
    """A label, with its numbers in FreeSurfer, what SynthSeg's maps add, and MUSE."""

    label: Label
    freesurfer: str
    muse: str
    more_in_synthseg: str = ""

    @property
    def numbers(self) -> dict[str, str]:
        """By protocol."""
        synthseg = f"{self.freesurfer} {self.more_in_synthseg}"
        return {"freesurfer": self.freesurfer, "synthseg": synthseg, "muse": self.muse}


# Colours of FreeSurfer's look-up table.
_STRUCTURES = (
    _Class(Label(1, "Cerebral white matter", "WM", "#f5f5f5", 2),
           "2 41 77-79 251-255", "44 45 81-95", "25 57"),
    _Class(Label(2, "Cerebral cortex", "CTX", "#cd3e4e", 8), "3 42 1000-2999", "100-207 75 76"),
    _Class(Label(3, "Ventricles", "VEN", "#781286", 3),
           "4 5 14 15 43 44 72 31 63", "4 11 49-52", "136 137 163 164"),
    _Class(Label(4, "Cerebellar white matter", "CBWM", "#dcf8a4", 2), "7 46", "40 41"),
    _Class(Label(5, "Cerebellar cortex", "CBC", "#e69422", 1), "8 47", "38 39 71-73"),
    _Class(Label(6, "Thalamus", "TH", "#00760e", 9), "9 10 48 49", "59 60"),
    _Class(Label(7, "Caudate", "CA", "#7abadc", 9), "11 50", "36 37"),
    _Class(Label(8, "Putamen", "PU", "#ec0db0", 9), "12 51", "57 58"),
    _Class(Label(9, "Pallidum", "PA", "#0c30ff", 9), "13 52", "55 56"),
    _Class(Label(10, "Accumbens", "ACC", "#ffa500", 9), "26 58", "23 30"),
    _Class(Label(11, "Hippocampus", "HIP", "#dcd814", 9), "17 53", "47 48"),
    _Class(Label(12, "Amygdala", "AMY", "#67ffff", 9), "18 54", "31 32"),
    _Class(Label(13, "Ventral diencephalon", "VDC", "#a52a2a", 9), "28 60", "61 62"),
    _Class(Label(14, "Brainstem", "BS", "#779fb0", 10), "16", "35"),
)  # fmt: skip
# The fluid is that of the whole head, around the brain too; MUSE labels a part of it (1, 46).
_TISSUES = (
    _Class(Label(1, "Fluid", "CSF", "#3cc8dc", 3),
           "24 4 5 14 15 43 44 72 31 63", "1 46 4 11 49-52", "136 137 163 164"),
    _Class(Label(2, "Grey matter", "GM", "#4682b4", 1),
           "3 42 1000-2999 8 47 9-13 17 18 26 28 48-54 58 60",
           "100-207 75 76 38 39 71-73 23 30-32 36 37 47 48 55-62"),
    _Class(Label(3, "White matter", "WM", "#f5f5f5", 2),
           "2 41 77-79 251-255 7 46 16", "44 45 81-95 40 41 35", "25 57"),
)  # fmt: skip

# Background: vessels, optic chiasm, fluid where no label is it, and what is not brain.
_REST = {
    "freesurfer": "0 24 30 62 80-82 85 165 258 259",
    "synthseg": "0 24 30 62 80-82 85 165 258 259 501-539",
    "muse": "0 1 46 63 64 69",
}


def _label_set(name: str, classes: tuple[_Class, ...], one_piece: tuple[int, ...]) -> LabelSet:
    background = Label(0, "Background", "BG", "#000000", 0)
    return LabelSet(name, (background, *(c.label for c in classes)), one_piece, one_piece)


def _label_map(protocol: str, name: str, classes: tuple[_Class, ...]) -> LabelMap:
    groups = tuple(numbers_of(c.numbers[protocol]) for c in classes)
    rest = numbers_of(_REST[protocol]) - frozenset().union(*groups)
    return LabelMap(f"{protocol}-{name}", name, groups, rest)


def _itself(name: str, classes: tuple[_Class, ...]) -> LabelMap:
    return LabelMap(name, name, tuple(frozenset({c.label.index}) for c in classes), frozenset({0}))


#: Label sets ``structures`` and ``tissues``.
STRUCTURE_LABEL_SETS = (
    # White matter, cortex, cerebellar cortex and brainstem are one piece each.
    _label_set("structures", _STRUCTURES, (1, 2, 5, 14)),
    _label_set("tissues", _TISSUES, ()),
)

#: To each of them: from itself, FreeSurfer, SynthSeg's training maps and MUSE.
STRUCTURE_LABEL_MAPS = tuple(
    found
    for name, classes in (("structures", _STRUCTURES), ("tissues", _TISSUES))
    for found in (_itself(name, classes), *(_label_map(p, name, classes) for p in _REST))
)
