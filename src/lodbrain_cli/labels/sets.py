"""The label sets that lodbrain knows by name. Pure data."""

from collections.abc import Mapping
from types import MappingProxyType

from ..errors import UsageError
from .label_set import Label, LabelSet
from .neuronet_protocols import NEURONET_LABEL_SETS
from .structures import STRUCTURE_LABEL_SETS

__all__ = ["BRAIN", "LABEL_SETS", "LOD_BRAIN_7", "get_label_set"]

#: The seven classes of LOD-Brain.
LOD_BRAIN_7 = LabelSet(
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

#: The brain: all structures of LOD-Brain together, without the fluid around them.
BRAIN = LabelSet(
    name="brain",
    labels=(
        Label(0, "Background", "BG", "#000000", 0),
        Label(1, "Brain", "BRAIN", "#cd3e4e", None),
    ),
    one_piece_probability=(1,),
    one_piece_label=(1,),
)

#: Label sets by name.
LABEL_SETS: Mapping[str, LabelSet] = MappingProxyType(
    {s.name: s for s in (LOD_BRAIN_7, BRAIN, *STRUCTURE_LABEL_SETS, *NEURONET_LABEL_SETS)}
)


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
