"""``lodbrain inhomogeneity``."""

from pathlib import Path

import click

from .console import emit, set_verbosity
from .options import option, verbosity_options

__all__ = ["inhomogeneity"]


@click.command(
    short_help="Make CEREBRUM-7T's inhomogeneity volume.",
    epilog="""
\b
Examples:
  lodbrain inhomogeneity -o inhomogeneity_volume.npy --shape 256 352 224
  lodbrain inhomogeneity -o field.nii.gz
  lodbrain inhomogeneity -o part.nii.gz --seed 7
""",
)
@option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="Volume to write (.npy, .nii.gz, .nii, .mgz).",
)
@option(
    "--shape",
    type=click.IntRange(8, 512),
    nargs=3,
    default=(256, 256, 256),
    show_default=True,
    help="Voxels of the images that it is for; the volume has twice as many along each axis.",
)
@option(
    "--largest",
    type=click.FloatRange(0, min_open=True, max=1e6),
    default=0.5,
    show_default=True,
    help="Value farthest from 0, in standard deviations of an image.",
)
@option(
    "--seed",
    type=click.IntRange(min=0),
    help="Write the part that an image would get instead, of its size, drawn with this seed.",
)
@option("--overwrite", is_flag=True, help="Replace a file that exists.")
@verbosity_options
def inhomogeneity(
    output: Path,
    shape: tuple[int, int, int],
    largest: float,
    seed: int | None,
    overwrite: bool,
    quiet: bool,
    verbose: int,
) -> None:
    """Make the smooth volume of which random parts are added to images in training.

    A normal density, as misc/inhomogeneity_volume.py of CEREBRUM-7T makes it from
    the size of a volume; no volume need be given. Training with lodbrain needs no
    file: it draws the same as the augmentation inhomogeneity_volume. Printed is
    the path.
    """
    set_verbosity(verbose, quiet=quiet)
    from ..files import check_writable
    from ..training.inhomogeneity import check_field_name, inhomogeneity_field, write_field
    from ..training.intensity_augmentation import sample_part

    check_field_name(output)
    check_writable(output, overwrite=overwrite)
    whole = tuple(2 * side for side in shape)
    if seed is None:
        field = inhomogeneity_field(whole, largest)
    else:
        import numpy as np

        begin = sample_part(np.random.default_rng(seed), shape)
        field = inhomogeneity_field(whole, largest, begin, shape)
    write_field(output, field)
    emit(str(output))
