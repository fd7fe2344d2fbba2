"""``lodbrain demo``."""

from pathlib import Path
from typing import Any

import click

from ..errors import UsageError
from ..files import replacing
from .console import emit, note, set_verbosity
from .options import (
    device_option,
    engine_option,
    offline_option,
    option,
    preset_option,
    threads_option,
    verbosity_options,
    weights_option,
)

__all__ = ["demo"]


@click.command(
    short_help="Try it on the MNI152 template.",
    epilog="""
\b
Examples:
  lodbrain demo
  lodbrain demo -o /tmp/try --device cpu
""",
)
@option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("lodbrain-demo"),
    show_default=True,
    help="Folder for the image and its results; made when it is missing.",
)
@preset_option
@weights_option
@device_option
@engine_option
@threads_option
@offline_option
@verbosity_options
def demo(output: Path, quiet: bool, verbose: int, **options: Any) -> None:
    """Segment the MNI152 T1w template, for want of a scan of your own.

    The template (1 mm, skull-stripped, an average of 152 adults) comes with the
    package nilearn, so nothing but the weights is downloaded. Results of an
    earlier demo in the folder are replaced.
    """
    set_verbosity(verbose, quiet=quiet)
    template = _template()
    from ..segmentation import Segmenter

    options["offline"] = options["offline"] or None
    if not quiet:
        note("segmenting the MNI152 template")
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"{output}: cannot be made ({error.strerror}); choose another folder with -o"
        raise UsageError(msg) from error
    image = output / "mni152_T1w.nii.gz"
    with replacing(image) as temporary:
        template.to_filename(temporary)
    result = Segmenter(**options, progress=not quiet).segment(image)
    written = result.save(
        output / "mni152_dseg.nii.gz", volumes=output / "mni152_volumes.tsv", overwrite=True
    )
    if not quiet:
        note(f"done: {sum(result.record['seconds'].values()):.0f} s; volumes:")
        for volume in result.volumes:
            note(f"  {volume.name:<24s}{volume.volume_mm3 / 1000:8.1f} ml")
        note(f"image {image}, labels:")
    emit(str(written.labels))


def _template() -> Any:
    try:
        from nilearn.datasets import load_mni152_template
    except ImportError:
        msg = "the demo takes its image from nilearn; install it with: pip install 'lodbrain[demo]'"
        raise UsageError(msg) from None
    return load_mni152_template(resolution=1)
