"""Papers that networks come from, and which preset rests on which. Pure data, the only owner."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["Reference", "citation_of", "references_of"]


@dataclass(frozen=True)
class Reference:
    """A paper.

    Parameters
    ----------
    key : str
        Of its BibTeX entry.
    cited : str
        As it stands in a sentence.
    text : str
        In a list of references.
    bibtex : str
        Its entry.
    """

    key: str
    cited: str
    text: str
    bibtex: str


def _article(key: str, cited: str, **fields: str) -> Reference:
    lines = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items())
    where = fields.get("journal") or fields["booktitle"]
    number = f" {fields['volume']}, {fields['pages']}" if "pages" in fields else ""
    place = f"doi:{fields['doi']}" if "doi" in fields else f"arXiv:{fields['eprint']}"
    authors = ", ".join(name.split(",")[0] for name in fields["author"].split(" and "))
    text = f"{authors} ({fields['year']}). {fields['title']}. {where}{number}. {place}"
    kind = "article" if "journal" in fields else "inproceedings"
    return Reference(key, cited, text, f"@{kind}{{{key},\n{lines}\n}}")


_LOD_BRAIN = _article(
    "svanera2024lodbrain",
    "Svanera et al., 2024",
    author="Svanera, Michele and Savardi, Mattia and Signoroni, Alberto and Benini, Sergio and "
    "Muckli, Lars",
    title="Fighting the scanner effect in brain MRI segmentation with a progressive "
    "level-of-detail network trained on multi-site data",
    journal="Medical Image Analysis",
    volume="93",
    pages="103090",
    year="2024",
    doi="10.1016/j.media.2024.103090",
)
_SYNTHSEG = _article(
    "billot2023synthseg",
    "Billot et al., 2023",
    author="Billot, Benjamin and Greve, Douglas N. and Puonti, Oula and Thielscher, Axel and "
    "Van Leemput, Koen and Fischl, Bruce and Dalca, Adrian V. and Iglesias, Juan Eugenio",
    title="SynthSeg: Segmentation of brain MRI scans of any contrast and resolution without "
    "retraining",
    journal="Medical Image Analysis",
    volume="86",
    pages="102789",
    year="2023",
    doi="10.1016/j.media.2023.102789",
)
_NEURONET = _article(
    "rajchl2018neuronet",
    "Rajchl et al., 2018",
    author="Rajchl, Martin and Pawlowski, Nick and Rueckert, Daniel and Matthews, Paul M. and "
    "Glocker, Ben",
    title="NeuroNet: Fast and Robust Reproduction of Multiple Brain Image Segmentation Pipelines",
    booktitle="Medical Imaging with Deep Learning",
    year="2018",
    eprint="1806.04224",
)
_CEREBRUM = _article(
    "svanera2021cerebrum7t",
    "Svanera et al., 2021",
    author="Svanera, Michele and Benini, Sergio and Bontempi, Dennis and Muckli, Lars",
    title="CEREBRUM-7T: Fast and Fully-volumetric Brain Segmentation of 7 Tesla MR Volumes",
    journal="Human Brain Mapping",
    year="2021",
    doi="10.1002/hbm.25636",
)

_OF_ARCHITECTURE: Mapping[str, Reference] = MappingProxyType(
    {"lod-brain": _LOD_BRAIN, "neuronet": _NEURONET, "cerebrum": _CEREBRUM}
)
# Beyond the paper of their architecture.
_OF_PRESET: Mapping[str, tuple[Reference, ...]] = MappingProxyType(
    {"lod-brain-synth": (_SYNTHSEG,), "brain-extraction": (_SYNTHSEG,)}
)


def references_of(preset: str, architecture: str) -> tuple[Reference, ...]:
    """Papers that a result of a preset rests on, its network's first.

    Parameters
    ----------
    preset : str
        Its name; networks of one's own have names too.
    architecture : str
        Of its network; what no paper is known of has none.
    """
    network = _OF_ARCHITECTURE.get(architecture)
    return ((network,) if network is not None else ()) + _OF_PRESET.get(preset, ())


def citation_of(preset: str, architecture: str) -> str:
    """Give the same papers as one text."""
    return " ".join(f"{each.text}." for each in references_of(preset, architecture))
