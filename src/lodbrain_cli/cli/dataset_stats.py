"""``lodbrain dataset-stats``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import ResourceError, UsageError
from .console import Progress, emit, emit_json, note, set_verbosity, show_error
from .options import json_option, option, verbosity_options

if TYPE_CHECKING:
    from ..errors import InputError

__all__ = ["dataset_stats"]

# As in ``segment``: a scan that cannot be read is refused, not a wrong use of the command.
_PATH = click.Path(path_type=Path, readable=False)


@click.command(
    "dataset-stats",
    short_help="Mean and standard deviation of a data set, voxel by voxel.",
    epilog="""
\b
Examples:
  lodbrain dataset-stats bids/ -o stats/
  lodbrain dataset-stats --list training.txt -o stats/
  lodbrain dataset-stats mp2rage/ -o stats/ --raw

Then, in the config of lodbrain train: data: {statistics: stats/}.
""",
)
@click.argument("inputs", nargs=-1, type=_PATH, metavar="[SCAN|FOLDER]...")
@option(
    "-o",
    "--output",
    type=_PATH,
    required=True,
    help="Folder for mean.nii.gz, std.nii.gz and stats.json.",
)
@option(
    "--list",
    "list_file",
    type=_PATH,
    help="Text file that names scans, one a line, relative to its own folder.",
)
@option(
    "--raw",
    is_flag=True,
    help="Take intensities as they are, for quantitative images such as MP2RAGE.",
)
@option("--frame", type=click.IntRange(min=0), help="Frame of 4-D scans, counted from 0.")
@option("--overwrite", is_flag=True, help="Replace results that exist.")
@json_option
@verbosity_options
def dataset_stats(
    inputs: tuple[Path, ...],
    output: Path,
    list_file: Path | None,
    raw: bool,
    frame: int | None,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
    verbose: int,
) -> None:
    """Compute mean and standard deviation over a data set at each voxel.

    Scans are found as 'lodbrain segment' finds them, conformed (256 voxels of
    1 mm, LIA) and, for T1w intensities have no unit, z-scored, unless --raw says
    that theirs have. Training with 'data.statistics' then normalises images by
    voxel, as CEREBRUM-7T does. A scan that is refused is left out and said; the
    exit code is then 1. At least two are needed. Printed are the three files.
    """
    set_verbosity(verbose, quiet=quiet)
    from ..batch.statistics import dataset_statistics
    from ..batch.worklist import scans_of

    scans = scans_of(inputs, list_file)
    with Progress(len(scans), quiet=quiet) as progress:

        def begin(scan: Path) -> None:
            progress.step(scan.name, "read")
            progress.advance()

        def refuse(error: "InputError") -> None:
            progress.clear()
            show_error(error)

        try:
            made = dataset_statistics(
                scans, output, raw=raw, frame=frame, overwrite=overwrite, on_scan=begin,
                on_refused=refuse,
            )  # fmt: skip
        except MemoryError as error:
            msg = "memory ran out; about 1 GB and what the largest scan needs must be free"
            raise ResourceError(msg) from error
        except OSError as error:  # a closed folder on the way, a name that is too long
            msg = f"{error.filename or output}: cannot be used ({error.strerror or error})"
            raise UsageError(msg) from error
    if not quiet:
        note(f"{made.files.count} scans counted, {len(made.refused)} refused")
    if as_json:
        paths = dict(zip(("mean", "std", "stats"), map(str, made.paths), strict=True))
        emit_json({"count": made.files.count, "refused": len(made.refused), **paths})
    else:
        for path in made.paths:
            emit(str(path))
    if made.refused:
        click.get_current_context().exit(1)
