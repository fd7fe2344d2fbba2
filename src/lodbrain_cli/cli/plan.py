"""``lodbrain plan``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import UsageError
from .console import emit, emit_json, note, set_verbosity
from .options import (
    agreement_option,
    json_option,
    level_option,
    option,
    preset_option,
    quality_option,
    verbosity_options,
    weights_option,
)

if TYPE_CHECKING:
    from ..segmentation import ScanOptions
    from ..segmentation.scan_options import SpaceName

__all__ = ["plan"]

_PATH = click.Path(path_type=Path, readable=False)
# A scan that is missing its results is one still to do.
_STATES = {"failed": "failed", "missing": "todo", "todo": "todo", "stale": "stale", "done": "done"}


@click.command(
    short_help="List many scans and how far each is.",
    epilog="""
\b
Examples:
  lodbrain plan bids/ results/ -o plan.tsv
  lodbrain plan scans.txt results/ -o plan.tsv --also volumes --also report
  lodbrain plan table.tsv results/ -o plan.tsv          columns input, output, frame, age
  lodbrain plan bids/ results/ -o again.tsv --only failed,missing,stale

Then: lodbrain run plan.tsv, or on a cluster lodbrain slurm plan.tsv.
""",
)
@click.argument("source", type=_PATH, metavar="IN")
@click.argument("folder", type=_PATH, metavar="OUT")
@option("-o", "--output", type=_PATH, required=True, help="Plan to write, a table (.tsv).")
@option(
    "--only",
    "states",
    metavar="STATES",
    help="Rows in these states alone: failed, missing (or todo), stale, done; with commas.",
)
@option(
    "--also",
    type=click.Choice(["probabilities", "brain-mask", "brain", "volumes", "report", "snapshot"]),
    multiple=True,
    help="Further results beside the labels; may be given several times.",
)
@option(
    "--space",
    type=click.Choice(["native", "conformed"]),
    default="native",
    show_default=True,
    help="Grid of all results: the scan's own, or 256 voxels of 1 mm along LIA axes.",
)
@option("--frame", type=click.IntRange(min=0), help="Frame of 4-D scans, counted from 0.")
@option(
    "--postprocess/--no-postprocess",
    default=True,
    help="Smooth and keep one piece per structure, or take the network's answer as it is.",
)
@quality_option
@agreement_option
@preset_option
@level_option
@weights_option
@option("--overwrite", is_flag=True, help="Replace a plan that exists.")
@json_option
@verbosity_options
def plan(
    source: Path,
    folder: Path,
    output: Path,
    states: str | None,
    also: tuple[str, ...],
    preset: str,
    level: str,
    weights: Path | None,
    space: "SpaceName",
    frame: int | None,
    postprocess: bool,
    quality: bool,
    agreement: bool,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
    verbose: int,
) -> None:
    """List the scans of IN, where in OUT their results go, and how far each is.

    IN is a folder, a BIDS dataset (of which the raw T1w scans are taken), a text
    file with a path per line, or a table with the columns input and perhaps output,
    frame and age. Ages, for the verdict, are also taken from a BIDS dataset's
    participants.tsv. States: todo; done; stale, when input, weights or options
    differ from those of the record; failed. Nothing is computed or loaded, and
    weights need not be here. The plan holds absolute paths. Printed is its name.
    """
    set_verbosity(verbose, quiet=quiet)
    from ..segmentation import ScanOptions

    wanted = _states(states) if states is not None else None
    try:
        counts: dict[str, Any] = _plan(
            source,
            folder,
            output,
            wanted,
            tuple(kind.replace("-", "_") for kind in also),
            (preset, level, weights),
            ScanOptions(frame, space, postprocess, quality, agreement=agreement),
            overwrite=overwrite,
        )
    except OSError as error:  # a closed folder on the way, a name that is too long
        msg = f"{error.filename or source}: cannot be used ({error.strerror or error})"
        raise UsageError(msg) from error
    if not quiet:
        told = ", ".join(f"{number} {state}" for state, number in counts.items())
        note(f"{sum(counts.values())} scans: {told}")
    if as_json:
        emit_json({"plan": str(output), "only": sorted(wanted) if wanted else None, **counts})
    else:
        emit(str(output))


def _plan(
    source: Path,
    folder: Path,
    output: Path,
    wanted: set[str] | None,
    also: tuple[str, ...],
    network: tuple[str, str, Path | None],
    scan: "ScanOptions",
    *,
    overwrite: bool,
) -> dict[str, int]:
    """Make and write the plan; how many scans are in each state, of those listed or not."""
    from ..batch.plan import count_states, make_plan, only, write_plan
    from ..batch.settings import Settings
    from ..files import check_writable

    check_writable(output, overwrite=overwrite)
    if folder.exists() and not folder.is_dir():
        msg = f"{folder}: is a file; expected a folder for results"
        raise UsageError(msg)
    if not folder.parent.is_dir():
        msg = f"{folder}: the folder {folder.parent} does not exist; create it first"
        raise UsageError(msg)
    rows = make_plan(source, folder, Settings.of(*network, scan), also)
    write_plan(output, rows if wanted is None else only(rows, wanted))
    return count_states(rows)


def _states(text: str) -> set[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in _STATES]
    if unknown or not names:
        msg = f"--only {text}: expected some of {', '.join(_STATES)}, with commas between"
        raise UsageError(msg)
    return {_STATES[name] for name in names}
