"""Label sets: what each number in a result means; pure data, and a way to read more of it."""

from .classes_file import read_classes
from .label_map import LabelMap, numbers_of
from .label_set import Label, LabelSet
from .maps import LABEL_MAPS, get_label_map
from .sets import BRAIN, LABEL_SETS, LOD_BRAIN_7, get_label_set

__all__ = [
    "BRAIN",
    "LABEL_MAPS",
    "LABEL_SETS",
    "LOD_BRAIN_7",
    "Label",
    "LabelMap",
    "LabelSet",
    "get_label_map",
    "get_label_set",
    "numbers_of",
    "read_classes",
]
