"""The five protocols that NeuroNet learnt: FSL FAST and FIRST, SPM, MALP-EM. Pure data.

Classes, numbers and their order are those of DLTK's NeuroNet (Rajchl et al. 2018; SPEC B.2).
"""

from .colors import color_of
from .label_map import LabelMap
from .label_set import Label, LabelSet

__all__ = ["NEURONET_LABEL_MAPS", "NEURONET_LABEL_SETS"]

# Numbers of the BIDS table of anatomical labels.
_GREY, _WHITE, _FLUID, _CORTEX, _DEEP, _STEM, _CEREBELLUM = 1, 2, 3, 8, 9, 10, 11

# (abbreviation, name, number of the BIDS table) of each class after the background.
_Class = tuple[str, str, int | None]

_TISSUES: tuple[_Class, ...] = (
    ("CSF", "Cerebrospinal fluid", _FLUID),
    ("GM", "Grey matter", _GREY),
    ("WM", "White matter", _WHITE),
)
_MALP_EM_TISSUES: tuple[_Class, ...] = (
    ("VEN", "Ventricles", _FLUID),
    ("SGM-CBM", "Subcortical and cerebellar grey matter", _GREY),
    ("WM", "White matter", _WHITE),
    ("CGM", "Cortical grey matter", _CORTEX),
    ("fifth", "Fifth class, unnamed by its authors", None),
)


def _side(side: str, parts: tuple[_Class, ...]) -> tuple[_Class, ...]:
    return tuple(
        (f"{side[0]}-{short}", f"{side} {name}", mapping) for short, name, mapping in parts
    )


def _sides(*parts: _Class, first: str = "Right", second: str = "Left") -> tuple[_Class, ...]:
    return tuple(_side(side, (part,))[0] for part in parts for side in (first, second))


_BASAL: tuple[_Class, ...] = (
    ("Thal", "thalamus", _DEEP),
    ("Caud", "caudate", _DEEP),
    ("Put", "putamen", _DEEP),
    ("Pall", "pallidum", _DEEP),
)
_LIMBIC: tuple[_Class, ...] = (
    ("Hipp", "hippocampus", _DEEP),
    ("Amyg", "amygdala", _DEEP),
    ("Acc", "accumbens", _DEEP),
)
_STEM_CLASS: _Class = ("BS", "Brainstem", _STEM)
_FIRST = (
    *_side("Left", _BASAL),
    _STEM_CLASS,
    *_side("Left", _LIMBIC),
    *_side("Right", _BASAL),
    *_side("Right", _LIMBIC),
)
_FIRST_NUMBERS = (10, 11, 12, 13, 16, 17, 18, 26, 49, 50, 51, 52, 53, 54, 58)

_GYRI = """
ACgG anterior cingulate gyrus; AIns anterior insula; AOrG anterior orbital gyrus; AnG angular gyrus;
Calc calcarine cortex; CO central operculum; Cun cuneus; Ent entorhinal area; FO frontal operculum;
FRP frontal pole; FuG fusiform gyrus; GRe gyrus rectus; IOG inferior occipital gyrus;
ITG inferior temporal gyrus; LiG lingual gyrus; LOrG lateral orbital gyrus;
MCgG middle cingulate gyrus; MFC medial frontal cortex; MFG middle frontal gyrus;
MOG middle occipital gyrus; MOrG medial orbital gyrus; MPoG postcentral gyrus medial segment;
MPrG precentral gyrus medial segment; MSFG superior frontal gyrus medial segment;
MTG middle temporal gyrus; OCP occipital pole; OFuG occipital fusiform gyrus;
OpIFG opercular part of the inferior frontal gyrus;
OrIFG orbital part of the inferior frontal gyrus;
PCgG posterior cingulate gyrus; PCu precuneus; PHG parahippocampal gyrus; PIns posterior insula;
PO parietal operculum; PoG postcentral gyrus; POrG posterior orbital gyrus; PP planum polare;
PrG precentral gyrus; PT planum temporale; SCA subcallosal area; SFG superior frontal gyrus;
SMC supplementary motor cortex; SMG supramarginal gyrus; SOG superior occipital gyrus;
SPL superior parietal lobule; STG superior temporal gyrus; TMP temporal pole;
TrIFG triangular part of the inferior frontal gyrus; TTG transverse temporal gyrus
"""
_CORTICAL: tuple[_Class, ...] = tuple(
    (short, name, _CORTEX)
    for short, name in (" ".join(gyrus.split()).split(" ", 1) for gyrus in _GYRI.split(";"))
)
_MALP_EM: tuple[_Class, ...] = (
    ("3V", "Third ventricle", _FLUID),
    ("4V", "Fourth ventricle", _FLUID),
    *_sides(("Acc", "accumbens", _DEEP), ("Amyg", "amygdala", _DEEP)),
    _STEM_CLASS,
    *_sides(
        ("Caud", "caudate", _DEEP),
        ("CBM-ext", "cerebellum exterior", _CEREBELLUM),
        ("CBM-WM", "cerebellum white matter", _CEREBELLUM),
        ("cerebral-ext", "cerebral exterior", None),  # always empty in NeuroNet's labels
        ("WM", "cerebral white matter", _WHITE),
    ),
    ("CSF", "Cerebrospinal fluid", _FLUID),
    *_sides(
        ("Hipp", "hippocampus", _DEEP),
        ("ILV", "inferior lateral ventricle", _FLUID),
        ("LV", "lateral ventricle", _FLUID),
        ("Pall", "pallidum", _DEEP),
        ("Put", "putamen", _DEEP),
        ("Thal", "thalamus", _DEEP),
        ("VDC", "ventral diencephalon", _DEEP),
        ("vessel", "vessel", None),
    ),
    ("OC", "Optic chiasm", None),
    ("V-I-V", "Cerebellar vermal lobules I-V", _CEREBELLUM),
    ("V-VI-VII", "Cerebellar vermal lobules VI-VII", _CEREBELLUM),
    ("V-VIII-X", "Cerebellar vermal lobules VIII-X", _CEREBELLUM),
    *_sides(("BF", "basal forebrain", _DEEP), first="Left", second="Right"),
    *_sides(*_CORTICAL),
)


def _protocol(
    name: str,
    classes: tuple[_Class, ...],
    numbers: tuple[int, ...] | None = None,
    *,
    covers_brain: bool = True,
) -> tuple[LabelSet, LabelMap]:
    labels = (
        Label(0, "Background", "BG", color_of(0), 0),
        *(Label(i, full, short, color_of(i), m) for i, (short, full, m) in enumerate(classes, 1)),
    )
    groups = tuple(frozenset({n}) for n in numbers or range(1, len(labels)))
    return (
        LabelSet(name, labels, covers_brain=covers_brain),
        LabelMap(name, name, groups, frozenset({0})),
    )


_PROTOCOLS = (
    _protocol("fsl_fast", _TISSUES),
    _protocol("fsl_first", _FIRST, _FIRST_NUMBERS, covers_brain=False),
    _protocol("spm_tissue", _TISSUES),
    _protocol("malp_em", _MALP_EM),
    _protocol("malp_em_tissue", _MALP_EM_TISSUES),
)

#: What each protocol's classes are, as NeuroNet orders them.
NEURONET_LABEL_SETS = tuple(label_set for label_set, _ in _PROTOCOLS)

#: From the numbers in each tool's own label images.
NEURONET_LABEL_MAPS = tuple(label_map for _, label_map in _PROTOCOLS)
