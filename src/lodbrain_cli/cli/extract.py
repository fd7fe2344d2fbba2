"""``lodbrain extract``."""

from pathlib import Path
from typing import Any

import click

from ..errors import UsageError
from ..presets import BRAIN_EXTRACTION
from .console import emit, emit_json, note, set_verbosity
from .options import option, running_options
from .parameter_types import preset_type

__all__ = ["extract"]

_PATH = click.Path(path_type=Path, readable=False)
_DOUBTFUL = 4


@click.command(
    short_help="Find the brain in a T1w scan: brain image and mask.",
    epilog="""
\b
Examples:
  lodbrain extract T1.nii.gz -o brain.nii.gz
  lodbrain extract T1.nii.gz -o brain.nii.gz --mask mask.nii.gz --dilate 2
  lodbrain extract T1.mgz --mask mask.mgz --threshold 0.3 --rotate-and-average
  lodbrain extract T1.nii.gz --mask mask.nii.gz --entropy doubt.nii.gz
  lodbrain extract T1.nii.gz -o brain.nii.gz --preset lod-brain
  lodbrain extract T1.nii.gz --variance v.nii.gz --samples 20 --preset run/
""",
)
@click.argument("scan", type=_PATH)
@option("-o", "--output", "brain", type=_PATH, help="The scan inside the brain, 0 outside.")
@option("--mask", type=_PATH, help="Mask of the brain, uint8.")
@option("--probability", type=_PATH, help="Probability of brain, float32.")
@option("--entropy", type=_PATH, help="How unsure each voxel is, in bits: 0 to 1.")
@option(
    "--variance",
    type=_PATH,
    help="Variance of the probability between samples, for a network with dropout.",
)
@option(
    "--samples",
    type=click.IntRange(2),
    default=20,
    show_default=True,
    help="With --variance: how many answers are drawn, with dropout on.",
)
@option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="With --variance: of the draws.",
)
@option(
    "--threshold",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.5,
    show_default=True,
    help="Probability from which a voxel is brain.",
)
@option(
    "--one-piece/--all-pieces",
    default=True,
    show_default=True,
    help="Keep the largest piece and fill its holes, or all that is above the threshold.",
)
@option(
    "--dilate",
    "dilate_mm",
    type=click.FloatRange(0, 50),
    default=0.0,
    show_default=True,
    metavar="MM",
    help="Grow the mask by so many millimetres.",
)
@option(
    "--rotate-and-average",
    is_flag=True,
    help="Average with the answer for a turned image: about twice the time.",
)
@option("--frame", type=click.IntRange(min=0), help="Frame of a 4-D scan, counted from 0.")
@option("--overwrite", is_flag=True, help="Replace results that exist.")
@option(
    "--preset",
    type=preset_type,
    default=BRAIN_EXTRACTION,
    show_default=True,
    help="Trained network, or the folder of one of your own; all its structures are brain.",
)
@running_options()
def extract(
    scan: Path,
    brain: Path | None,
    mask: Path | None,
    probability: Path | None,
    entropy: Path | None,
    variance: Path | None,
    samples: int,
    seed: int,
    overwrite: bool,
    preset: str,
    weights: Path | None,
    memory: int | None,
    as_json: bool,
    quiet: bool,
    verbose: int,
    **options: Any,
) -> None:
    """Find the brain in a T1w scan, on the scan's own grid.

    Beside the first result stands a record of the run (_run.json). Where
    nothing looks like a brain the results are empty and the exit code is 4.
    Printed are the paths of the results.
    """
    set_verbosity(verbose, quiet=quiet)
    from ..outputs.extracted import ExtractionFiles, write_extraction
    from ..outputs.images import Space
    from ..outputs.results import resolved
    from ..segmentation.extraction import ExtractionOptions, extract_brain
    from ..segmentation.loading import load_network

    files = ExtractionFiles(brain, mask, probability, entropy, variance)
    if not files.paths():
        kinds = "--output, --mask, --probability, --entropy, --variance"
        msg = f"nothing to write; name at least one of {kinds}"
        raise UsageError(msg)
    if variance is not None and memory is not None:
        msg = "--memory cannot bound --variance, which runs the network as a whole; leave one"
        raise UsageError(msg)
    files.check(overwrite=overwrite, scans=[resolved(scan)])
    of_network = {k: options.pop(k) for k in ("device", "engine", "threads", "precision")}
    offline, frame = options.pop("offline") or None, options.pop("frame")
    loaded = load_network(
        preset, "fine", weights, offline=offline, progress=not quiet, **of_network,
        sampling_seed=seed if variance is not None else None,
    )  # fmt: skip
    chosen = ExtractionOptions(**options, samples=samples if variance is not None else 1)
    found = extract_brain(loaded, scan, chosen, frame=frame, memory=memory)
    images = {kind: getattr(found, kind) for kind in files.paths()}
    space = Space("native", found.scan.affine, found.mask.shape, found.scan.header)
    write_extraction(files, images, space, found.record)
    if not quiet:
        for warning in found.record["warnings"]:
            note(f"warning: {scan}: {warning}")
    if as_json:
        emit_json({**found.record, "outputs": {k: str(p) for k, p in files.paths().items()}})
    else:
        for path in files.paths().values():
            emit(str(path))
    if found.doubts:
        click.get_current_context().exit(_DOUBTFUL)
