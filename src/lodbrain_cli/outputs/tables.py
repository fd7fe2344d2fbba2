"""Tables as text: volumes, labels, and look-up tables for viewers."""

import json
from collections.abc import Iterable

from ..imaging.volumetry import StructureVolume
from ..labels import LabelSet

__all__ = ["LABEL_FORMATS", "label_table", "volumes_table"]


def volumes_table(volumes: Iterable[StructureVolume], grid: str) -> str:
    """TSV of volumes: index, name, voxels, volume_mm3 and the grid counted on.

    Parameters
    ----------
    volumes : iterable of StructureVolume
    grid : {"native", "conformed"}
    """
    lines = ["index\tname\tvoxels\tvolume_mm3\tgrid"]
    lines += [f"{v.index}\t{v.name}\t{v.voxels}\t{v.volume_mm3:.3f}\t{grid}" for v in volumes]
    return "\n".join(lines) + "\n"


def label_table(label_set: LabelSet, form: str) -> str:
    """Names and colours of a label set as text.

    Parameters
    ----------
    label_set : LabelSet
    form : str
        One of :data:`LABEL_FORMATS`: ``tsv`` (BIDS ``dseg.tsv``), ``json``,
        ``freesurfer`` (colour look-up table), ``itksnap`` (label description
        file), ``slicer`` (3D Slicer colour table), ``niivue`` (colour map).

    Raises
    ------
    KeyError
        On another form.
    """
    return _WRITERS[form](label_set)


def _tsv(label_set: LabelSet) -> str:
    lines = ["index\tname\tabbreviation\tcolor\tmapping"]
    lines += [
        f"{x.index}\t{x.name}\t{x.abbreviation}\t{x.color}\t{_shown(x.mapping)}"
        for x in label_set.labels
    ]
    return "\n".join(lines) + "\n"


def _shown(mapping: int | None) -> str:
    return "n/a" if mapping is None else str(mapping)


def _json(label_set: LabelSet) -> str:
    labels = [
        {
            "index": x.index,
            "name": x.name,
            "abbreviation": x.abbreviation,
            "color": x.color,
            "mapping": x.mapping,
        }
        for x in label_set.labels
    ]
    return json.dumps({"label_set": label_set.name, "labels": labels}, indent=2) + "\n"


def _freesurfer(label_set: LabelSet) -> str:
    lines = ["#No. Label Name:                R   G   B   A"]
    for label in label_set.labels:
        red, green, blue = label.rgb
        name = label.name.replace(" ", "-")
        lines.append(f"{label.index:<4d}{name:<28s}{red:<4d}{green:<4d}{blue:<4d}0")
    return "\n".join(lines) + "\n"


def _itksnap(label_set: LabelSet) -> str:
    lines = ["# ITK-SnAP Label Description File", "# IDX   -R-  -G-  -B-  -A--  VIS MSH  LABEL"]
    for label in label_set.labels:
        red, green, blue = label.rgb
        shown = 0 if label.index == 0 else 1
        name = "Clear Label" if label.index == 0 else label.name.replace('"', "'")
        lines.append(
            f"{label.index:5d} {red:5d} {green:4d} {blue:4d} {shown:8d} {shown:2d} {shown:2d}"
            f'    "{name}"'
        )
    return "\n".join(lines) + "\n"


def _slicer(label_set: LabelSet) -> str:
    lines = [f"# Color table {label_set.name}", f"# {label_set.num_classes} values"]
    for label in label_set.labels:
        red, green, blue = label.rgb
        opacity = 0 if label.index == 0 else 255
        name = label.name.replace(" ", "_")
        lines.append(f"{label.index} {name} {red} {green} {blue} {opacity}")
    return "\n".join(lines) + "\n"


def _niivue(label_set: LabelSet) -> str:
    colours = [label.rgb for label in label_set.labels]
    table = {
        "R": [c[0] for c in colours],
        "G": [c[1] for c in colours],
        "B": [c[2] for c in colours],
        "A": [0, *(255 for _ in label_set.structures)],
        "I": [label.index for label in label_set.labels],
        "labels": [label.name for label in label_set.labels],
    }
    return json.dumps(table) + "\n"


_WRITERS = {
    "tsv": _tsv,
    "json": _json,
    "freesurfer": _freesurfer,
    "itksnap": _itksnap,
    "slicer": _slicer,
    "niivue": _niivue,
}

#: Forms that :func:`label_table` writes.
LABEL_FORMATS = tuple(_WRITERS)
