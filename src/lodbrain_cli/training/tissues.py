"""Tissues that a head image is made of, and how bright each is in which contrast. Data.

Left and right share a tissue, so a flipped head needs no exchange of numbers.
Means are relative to cerebral white matter; the ranges of T1w come from
medians in real scans and leave room for 1.5 and 3 T, MPRAGE and SPGR.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ..labels import numbers_of

__all__ = ["TISSUES", "Tissue", "tissue_of"]


@dataclass(frozen=True)
class Tissue:
    """One tissue.

    Parameters
    ----------
    name : str
    numbers : frozenset of int
        Numbers in FreeSurfer's and SynthSeg's label maps.
    t1w : tuple of 2 float
        Range of its mean in a T1w image, white matter beside it = 1. The receive
        field, brightest in the middle, comes on top.
    mottled : float
        How differently its parts may look, 0 (uniform) to 1: one label may
        stand for fat, muscle and glands.
    """

    name: str
    numbers: frozenset[int]
    t1w: tuple[float, float]
    mottled: float = 0.1


def _tissue(name: str, numbers: str, low: float, high: float, mottled: float = 0.1) -> Tissue:
    return Tissue(name, numbers_of(numbers), (low, high), mottled)


#: By index; 0 is everything outside the head.
TISSUES: tuple[Tissue, ...] = (
    _tissue("air", "0", 0.0, 0.03),
    _tissue("cerebral white matter", "2 41 77-79 251-255", 0.97, 1.03, 0.05),
    _tissue("cerebral cortex", "3 42 1000-2999", 0.58, 0.88),
    _tissue("hippocampus", "17 53", 0.58, 0.85),
    _tissue("amygdala", "18 54", 0.58, 0.85),
    _tissue("ventricles", "4 5 14 15 43 44 72", 0.1, 0.6),
    _tissue("cerebrospinal fluid", "24", 0.1, 0.6, 0.3),
    _tissue("cerebellar white matter", "7 46", 0.88, 1.06, 0.05),
    _tissue("cerebellar cortex", "8 47", 0.55, 0.88),
    _tissue("thalamus", "9 10 48 49", 0.72, 1.0, 0.2),
    _tissue("caudate", "11 50", 0.6, 0.88),
    _tissue("putamen", "12 51", 0.66, 0.94),
    _tissue("pallidum", "13 52", 0.82, 1.05),
    _tissue("accumbens", "26 58", 0.6, 0.88),
    _tissue("ventral diencephalon", "28 60", 0.78, 1.05, 0.2),
    _tissue("brainstem", "16", 0.85, 1.12, 0.1),
    _tissue("lesions", "25 57", 0.5, 0.95),
    _tissue("choroid plexus", "31 63 136 137 163 164", 0.2, 0.8),
    _tissue("vessels", "30 62 502", 0.1, 2.0, 0.5),
    _tissue("optic chiasm", "85 530", 0.6, 1.0),
    _tissue("skull", "165", 0.1, 0.7, 0.8),
    _tissue("cortical bone", "515", 0.05, 0.45, 0.3),
    _tissue("bone marrow", "516", 0.5, 1.6, 0.5),
    _tissue("venous sinuses", "514", 0.2, 0.9, 0.5),
    _tissue("soft tissue", "258", 0.15, 1.3, 1.0),
    _tissue("muscle and fat", "507", 0.15, 1.3, 1.0),
    _tissue("skin", "511", 0.6, 2.0, 0.6),
    _tissue("mucosa", "509", 0.4, 1.2, 0.5),
    _tissue("eye muscles", "508", 0.4, 0.9, 0.3),
    _tissue("eyes", "506 259", 0.1, 0.6, 0.3),
    _tissue("spinal cord", "512", 0.75, 1.05),
    _tissue("hypointensities", "80-82", 0.3, 0.9),
    _tissue("other head tissue", "501 503-505 510 513 517-529 531-539", 0.1, 1.5, 1.0),
)

_BY_NUMBER: Mapping[int, int] = {n: i for i, t in enumerate(TISSUES) for n in t.numbers}


def tissue_of(number: int) -> int | None:
    """Index of the tissue that a label number stands for; None when there is none."""
    return _BY_NUMBER.get(number)
