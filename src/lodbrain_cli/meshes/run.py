"""From a label image to files of surfaces."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..files import check_writable, make_folder
from ..imaging.label_image import read_any_labels
from ..imaging.names import without_extension
from .files import FORMATS, write_surface
from .picture import check_picture, draw_surfaces
from .structures import Structure, chosen_structures, read_names
from .surface import Surface, surface_of

__all__ = ["MeshedStructure", "mesh_labels"]


@dataclass(frozen=True, eq=False)
class MeshedStructure:
    """A structure, its surface and the files that hold it.

    Parameters
    ----------
    structure : Structure
    surface : Surface
    voxels_mm3 : float
        Volume of its voxels.
    files : tuple of Path
    """

    structure: Structure
    surface: Surface
    voxels_mm3: float
    files: tuple[Path, ...]


def mesh_labels(
    image: Path,
    folder: Path,
    *,
    labels: str | None = None,
    formats: Sequence[str] = ("gifti",),
    smoothing: int = 15,
    most_faces: int | None = None,
    picture: Path | None = None,
    overwrite: bool = False,
) -> tuple[MeshedStructure, ...]:
    """Mesh structures of a label image.

    Parameters
    ----------
    image : Path
        NIfTI or MGH with whole numbers; names and colours come from the TSV
        beside it, where there is one.
    folder : Path
        Made when it is missing. Files are ``<image>_label-<name>`` with the
        format's extension.
    labels : str, optional
        See :func:`.structures.chosen_structures`.
    formats : sequence of str
        Names in :data:`.files.FORMATS`.
    smoothing, most_faces
        See :func:`.surface.surface_of`.
    picture : Path, optional
        Draw all structures together: see :func:`.picture.draw_surfaces`.
    overwrite : bool
        Replace files that exist.

    Raises
    ------
    InputError
        When the image is no label image, or lacks a structure.
    UsageError
        On a wrong choice of labels, files that exist, or a missing package.
    OutputError
        When a file cannot be written.
    """
    if picture is not None:
        check_picture(picture)
    scan, numbers = read_any_labels(image)
    present = set(numbers)
    stem = without_extension(image.name)
    if present <= {0}:
        msg = f"{image}: holds no label but 0, so there is nothing to mesh"
        raise InputError(msg)
    structures = chosen_structures(labels, present, read_names(image.with_name(f"{stem}.tsv")))
    for structure in structures:
        missing = [str(number) for number in structure.numbers if number not in present]
        if missing:
            known = ", ".join(str(number) for number in sorted(present - {0}))
            msg = f"{image}: holds no label {', '.join(missing)}; it holds {known}"
            raise InputError(msg)
    make_folder(folder)
    targets = {s: [folder / f"{stem}_label-{s.name}{FORMATS[f]}" for f in formats]
               for s in structures}  # fmt: skip
    pictures = [picture] if picture else []
    for path in (*(path for paths in targets.values() for path in paths), *pictures):
        check_writable(path, overwrite=overwrite)
    done = []
    for structure, paths in targets.items():
        mask = np.isin(scan.data, structure.numbers)
        surface = surface_of(mask, scan.affine, smoothing=smoothing, most_faces=most_faces)
        for form, path in zip(formats, paths, strict=True):
            write_surface(surface, structure, form, path)
        voxels = float(np.count_nonzero(mask) * abs(np.linalg.det(scan.affine[:3, :3])))
        done.append(MeshedStructure(structure, surface, voxels, tuple(paths)))
    if picture is not None:
        draw_surfaces([(m.structure, m.surface) for m in done], picture)
    return tuple(done)
