"""``lodbrain mesh``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .console import emit, emit_json, note, set_verbosity
from .options import json_option, option, verbosity_options

if TYPE_CHECKING:
    from ..meshes.run import MeshedStructure

__all__ = ["mesh"]

_PATH = click.Path(path_type=Path, readable=False)


@click.command(
    short_help="Make surfaces of labelled structures.",
    epilog="""
\b
Examples:
  lodbrain mesh seg.nii.gz -o meshes/
  lodbrain mesh seg.nii.gz --label 1,3 -o meshes/ --format stl --format ply
  lodbrain mesh seg.nii.gz --label 1+2+3 -o meshes/ --faces 50000
  lodbrain mesh seg.nii.gz --label 1 -o meshes/ --picture cortex.gif
""",
)
@click.argument("image", type=_PATH, metavar="LABELS")
@option("-o", "--output", type=_PATH, required=True, help="Folder; made when it is missing.")
@option(
    "--label",
    "labels",
    metavar="NUMBERS",
    help="Labels to mesh: 1,3 makes two surfaces, 1+3 one of both. Default: each label.",
)
@option(
    "--format",
    "formats",
    type=click.Choice(("gifti", "stl", "ply")),
    multiple=True,
    default=("gifti",),
    show_default=True,
    help="GIFTI (.surf.gii), STL or PLY; may be given several times.",
)
@option(
    "--smooth",
    type=click.IntRange(min=0, max=200),
    default=15,
    show_default=True,
    help="Iterations of Taubin smoothing, which does not shrink; 0 for none.",
)
@option(
    "--faces",
    type=click.IntRange(min=100),
    help="Triangles per surface at most. Default: as many as there are.",
)
@option(
    "--picture",
    type=_PATH,
    help="Draw all of them together: .png seen from the left, .gif turning once.",
)
@option("--overwrite", is_flag=True, help="Replace files that exist.")
@json_option
@verbosity_options
def mesh(
    image: Path,
    output: Path,
    labels: str | None,
    formats: tuple[str, ...],
    smooth: int,
    faces: int | None,
    picture: Path | None,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
    verbose: int,
) -> None:
    """Make surfaces of the structures in a label image, in scanner RAS mm.

    Surfaces are closed, have the volume of the structure's voxels and are
    smoothed so that gyri stay. Names and colours come from the TSV that
    `segment` writes beside its labels. Needs the extra 'mesh'.
    """
    from ..meshes.run import mesh_labels

    set_verbosity(verbose, quiet=quiet)
    done = mesh_labels(
        image, output, labels=labels, formats=tuple(dict.fromkeys(formats)), smoothing=smooth,
        most_faces=faces, picture=picture, overwrite=overwrite,
    )  # fmt: skip
    if as_json:
        emit_json([_row(m) for m in done])
        return
    for m in done:
        if not quiet:
            note(
                f"{m.structure.name}: {len(m.surface.faces)} triangles, "
                f"{m.surface.area_mm2:.0f} mm², {m.surface.volume_mm3:.0f} mm³ "
                f"(voxels {m.voxels_mm3:.0f})"
            )
        if not m.surface.is_closed:
            note(f"warning: {m.structure.name} is not closed; ask for more --faces")
        for path in m.files:
            emit(str(path))
    if picture is not None:
        emit(str(picture))


def _row(meshed: "MeshedStructure") -> dict[str, Any]:
    return {
        "labels": list(meshed.structure.numbers),
        "name": meshed.structure.name,
        "faces": len(meshed.surface.faces),
        "area_mm2": round(meshed.surface.area_mm2, 1),
        "volume_mm3": round(meshed.surface.volume_mm3, 1),
        "voxels_mm3": round(meshed.voxels_mm3, 1),
        "closed": meshed.surface.is_closed,
        "files": [str(path) for path in meshed.files],
    }
