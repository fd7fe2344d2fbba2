"""``lodbrain synthesize``."""

from pathlib import Path
from typing import Literal

import click

from ..errors import UsageError
from .console import emit, set_verbosity
from .options import option, threads_option, verbosity_options

__all__ = ["synthesize"]


@click.command(
    short_help="Make an image of a head from a label map.",
    epilog="""
\b
Examples:
  lodbrain synthesize aseg.mgz -o T1.nii.gz
  lodbrain synthesize labels.nii.gz -o any.nii.gz --contrast random --seed 7 --labels-out l.nii.gz
""",
)
@click.argument("labels", type=click.Path(path_type=Path))
@option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="Image to write (.nii.gz, .nii, .mgz).",
)
@option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Which image.")
@option(
    "--contrast",
    type=click.Choice(["t1w", "random"]),
    default="t1w",
    show_default=True,
    help="Intensities like those of T1w images, or any.",
)
@option(
    "--labels-out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the image's seven classes here.",
)
@option("--overwrite", is_flag=True, help="Replace files that exist.")
@threads_option
@verbosity_options
def synthesize(
    labels: Path,
    output: Path,
    seed: int,
    contrast: Literal["t1w", "random"],
    labels_out: Path | None,
    overwrite: bool,
    threads: int | None,
    quiet: bool,
    verbose: int,
) -> None:
    """Make an image as the training of lod-brain-synth sees them, to be looked at.

    LABELS is a whole-head label map with FreeSurfer's or SynthSeg's numbers.
    The head is deformed, painted and degraded as a scanner would; the same seed
    gives the same image on the same Keras backend. Written on the conformed
    grid (256 voxels of 1 mm, LIA). Printed is the path of the image.
    """
    set_verbosity(verbose, quiet=quiet)
    from ..files import check_writable
    from ..outputs.images import check_image_name

    targets = [output] if labels_out is None else [output, labels_out]
    for target in targets:
        check_image_name(target)
        check_writable(target, overwrite=overwrite)
    paths = [path.resolve() for path in (labels, *targets)]
    if len(set(paths)) < len(paths):
        msg = f"{targets[-1]}: LABELS, --output and --labels-out must be different files"
        raise UsageError(msg)
    from ..inference.devices import allowed_threads
    from ..inference.keras_backend import start_keras

    start_keras("auto", threads or allowed_threads())
    from ..training.render import render

    render(labels, output, seed=seed, contrast=contrast, labels_output=labels_out)
    emit(str(output))
