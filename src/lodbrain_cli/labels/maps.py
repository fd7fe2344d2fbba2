"""The protocols whose label numbers lodbrain knows. Pure data."""

from collections.abc import Mapping
from types import MappingProxyType

from ..errors import UsageError
from .label_map import LabelMap, numbers_of
from .neuronet_protocols import NEURONET_LABEL_MAPS
from .sets import LOD_BRAIN_7
from .structures import STRUCTURE_LABEL_MAPS

__all__ = ["LABEL_MAPS", "get_label_map"]


# The seven classes of LOD-Brain as they were reconstructed from the authors'
# published masks (SPEC A.6): hippocampus and amygdala are grey matter, thalamus
# and ventral diencephalon belong to the basal ganglia.
_FREESURFER_GROUPS = (
    numbers_of("3 42 17 18 53 54 1000-2999"),
    numbers_of("9-13 26 28 48-52 58 60"),
    numbers_of("2 41 77-79 251-255"),
    numbers_of("4 5 14 15 43 44 31 63 72"),
    numbers_of("7 8 46 47"),
    numbers_of("16"),
)
_FREESURFER = LabelMap(
    name="freesurfer",
    label_set="lod-brain-7",
    groups=_FREESURFER_GROUPS,
    ignored=numbers_of("0 24 30 62 80-82 85 165 258 259"),
)
# SynthSeg's training maps: FreeSurfer's numbers; 136, 137, 163, 164 lie inside the
# lateral ventricles; 25 and 57 are lesions beside them; 500 and more are the head.
_SYNTHSEG = LabelMap(
    name="synthseg",
    label_set="lod-brain-7",
    groups=tuple(
        group | numbers_of({3: "25 57", 4: "136 137 163 164"}.get(label, ""))
        for label, group in enumerate(_FREESURFER_GROUPS, 1)
    ),
    ignored=_FREESURFER.ignored | numbers_of("501-539"),
)
_MUSE = LabelMap(
    name="muse",
    label_set="lod-brain-7",
    groups=(
        numbers_of("100-207 31 32 47 48 75 76"),
        numbers_of("23 30 36 37 55-62"),
        numbers_of("44 45 81-95"),
        numbers_of("4 11 49-52"),
        numbers_of("38-41 71-73"),
        numbers_of("35"),
    ),
    ignored=numbers_of("0 1 46 63 64 69"),  # 1 and 46: fluid outside the ventricles
)
_IDENTITY = LabelMap(
    name="lod-brain-7",
    label_set="lod-brain-7",
    groups=tuple(frozenset({label.index}) for label in LOD_BRAIN_7.structures),
    ignored=numbers_of("0"),
)

# Any mask of zeros and ones.
_BRAIN = LabelMap(
    name="brain", label_set="brain", groups=(numbers_of("1"),), ignored=numbers_of("0")
)

#: Label maps by the name of the protocol that they read.
LABEL_MAPS: Mapping[str, LabelMap] = MappingProxyType(
    {
        m.name: m
        for m in (
            _FREESURFER,
            _SYNTHSEG,
            _MUSE,
            _IDENTITY,
            _BRAIN,
            *STRUCTURE_LABEL_MAPS,
            *NEURONET_LABEL_MAPS,
        )
    }
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
