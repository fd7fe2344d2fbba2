"""The protocols whose label numbers lodbrain knows. Pure data."""

from collections.abc import Mapping
from types import MappingProxyType

from ..errors import UsageError
from .label_map import LabelMap
from .neuronet_protocols import NEURONET_LABEL_MAPS
from .sets import LOD_BRAIN_7

__all__ = ["LABEL_MAPS", "get_label_map"]


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
    groups=tuple(_numbers(label.index) for label in LOD_BRAIN_7.structures),
    ignored=_numbers(0),
)

# Any mask of zeros and ones.
_BRAIN = LabelMap(name="brain", label_set="brain", groups=(_numbers(1),), ignored=_numbers(0))

#: Label maps by the name of the protocol that they read.
LABEL_MAPS: Mapping[str, LabelMap] = MappingProxyType(
    {m.name: m for m in (_FREESURFER, _SYNTHSEG, _MUSE, _IDENTITY, _BRAIN, *NEURONET_LABEL_MAPS)}
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
