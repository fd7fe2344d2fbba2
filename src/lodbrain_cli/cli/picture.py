"""``lodbrain picture``."""

from pathlib import Path

import click

from .console import emit, set_verbosity
from .options import option, verbosity_options

__all__ = ["picture"]

_PATH = click.Path(path_type=Path, readable=False)


@click.command(
    short_help="Draw labels or a probability over their scan.",
    epilog="""
\b
Examples:
  lodbrain picture seg.nii.gz -o seg.png
  lodbrain picture aparc+aseg.mgz T1.mgz -o freesurfer.png
  lodbrain picture probabilities.nii.gz T1.nii.gz --frame 4 --name ventricles -o ventricles.png
  lodbrain picture entropy.nii.gz T1.nii.gz -o entropy.png
""",
)
@click.argument("result", type=_PATH, metavar="IMAGE")
@click.argument("image", type=_PATH, metavar="[T1]", required=False)
@option("-o", "--output", type=_PATH, required=True, help="Picture to write, .png.")
@option(
    "--frame",
    type=click.IntRange(min=0),
    help="Frame of an image of several probabilities, from 0: the number of the label.",
)
@option("--name", help="What to call a probability in the picture.")
@option("--overwrite", is_flag=True, help="Replace a file that exists.")
@verbosity_options
def picture(
    result: Path,
    image: Path | None,
    output: Path,
    frame: int | None,
    name: str | None,
    overwrite: bool,
    quiet: bool,
    verbose: int,
) -> None:
    """Draw slices in three planes: labels as outlines, a probability as colours.

    IMAGE is a label image of lodbrain or of another tool, or a map from 0 to 1: a
    class of `segment --probabilities`, the output of `extract --probability`, an
    entropy. The scan is T1, or the one that the run record beside IMAGE names. Left of
    the picture is left of the head. Needs the extra 'report'.
    """
    set_verbosity(verbose, quiet=quiet)
    from ..files import check_writable
    from ..outputs.snapshot import check_snapshot, write_snapshot
    from ..viewing.probabilities import picture_of_files

    check_snapshot(output)
    check_writable(output, overwrite=overwrite)
    write_snapshot(output, picture_of_files(result, image, frame=frame, name=name))
    emit(str(output))
