"""Surfaces as files: GIFTI for neuroimaging, STL for printing, PLY for everything else."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np

from ..files import replacing
from .structures import Structure
from .surface import Surface

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FORMATS", "write_surface"]

#: Extension by the name of the format.
FORMATS: "Mapping[str, str]" = {"gifti": ".surf.gii", "stl": ".stl", "ply": ".ply"}

_SCANNER = nib.nifti1.xform_codes.code["scanner"]


def write_surface(surface: Surface, structure: Structure, form: str, target: Path) -> None:
    """Write a surface whole or not at all, in scanner RAS mm.

    Parameters
    ----------
    surface : Surface
    structure : Structure
        Its name goes into GIFTI, its colour into PLY.
    form : str
        One of :data:`FORMATS`.
    target : Path

    Raises
    ------
    OutputError
        When it cannot be written.
    """
    with replacing(target) as temporary:
        if form == "gifti":
            temporary.write_bytes(_gifti(surface, structure).to_bytes())
        else:
            temporary.write_bytes(_export(surface, structure, form))


def _gifti(surface: Surface, structure: Structure) -> Any:
    scanner = nib.gifti.GiftiCoordSystem(_SCANNER, _SCANNER, np.eye(4))
    about = nib.gifti.GiftiMetaData({"Name": structure.name, "GeometricType": "Anatomical"})
    points = nib.gifti.GiftiDataArray(
        surface.vertices_mm.astype(np.float32),
        intent="NIFTI_INTENT_POINTSET",
        coordsys=scanner,
        meta=about,
    )
    triangles = nib.gifti.GiftiDataArray(
        surface.faces.astype(np.int32), intent="NIFTI_INTENT_TRIANGLE", coordsys=None
    )
    return nib.gifti.GiftiImage(darrays=[points, triangles])


def _export(surface: Surface, structure: Structure, form: str) -> bytes:
    import trimesh

    mesh = trimesh.Trimesh(surface.vertices_mm, surface.faces, process=False)
    if form == "ply":
        mesh.visual.vertex_colors = [*structure.rgb, 255]
    data: bytes = mesh.export(file_type=form)
    return data
