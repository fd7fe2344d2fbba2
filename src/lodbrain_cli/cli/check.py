"""``lodbrain check``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import InputError, ResourceError
from .console import Progress, emit, emit_json, note, set_verbosity, show_error
from .options import json_option, option, verbosity_options

if TYPE_CHECKING:
    from ..checking import Report

__all__ = ["check"]

# As in ``segment``: a scan that cannot be read is refused, not a wrong use of the command.
_PATH = click.Path(path_type=Path, readable=False)


@click.command(
    short_help="Look at scans before they are segmented.",
    epilog="""
\b
Examples:
  lodbrain check T1.nii.gz
  lodbrain check bids/ --json > checks.jsonl
  lodbrain check --list scans.txt --strict && lodbrain segment --list scans.txt -o results/
""",
)
@click.argument("inputs", nargs=-1, type=_PATH, metavar="[SCAN|FOLDER]...")
@option(
    "--list",
    "list_file",
    type=_PATH,
    help="Text file that names scans, one a line, relative to its own folder.",
)
@option("--frame", type=click.IntRange(min=0), help="Frame of a 4-D scan, counted from 0.")
@option("--strict", is_flag=True, help="Count a scan with a warning as refused in the exit code.")
@json_option
@verbosity_options
def check(
    inputs: tuple[Path, ...],
    list_file: Path | None,
    frame: int | None,
    strict: bool,
    as_json: bool,
    quiet: bool,
    verbose: int,
) -> None:
    """Look at scans before they are segmented: header, head, contrast, noise.

    Each item is ok, unknown (it cannot be told), warn or refuse. Refused is what
    'lodbrain segment' refuses too; it repeats the warnings in its record. Of one
    scan all items are printed, of several those that warn or refuse (all with -v);
    --json prints one object per scan. Nothing is written. Exit code 3 says that
    the scan is refused, 1 that some of several are.
    """
    set_verbosity(verbose, quiet=quiet)
    from ..batch.worklist import scans_of

    scans = scans_of(inputs, list_file)
    alone = len(scans) == 1
    refused = warned = 0
    with Progress(len(scans), quiet=quiet) as progress:
        for scan in scans:
            progress.step(scan.name, "check")
            report = _checked(scan, frame, alone=alone)
            progress.clear()
            if report is not None and as_json:
                emit_json(report.as_dict())
            elif report is not None:
                emit(_table(report, whole=alone or verbose > 0))
            progress.advance()
            refused += report is None or report.verdict == "refuse"
            warned += report is not None and report.verdict == "warn"
    if not alone and not quiet:
        note(f"{len(scans)} scans checked, {refused} refused, {warned} with warnings")
    if refused or (strict and warned):
        click.get_current_context().exit(InputError.exit_code if alone else 1)


def _checked(scan: Path, frame: int | None, *, alone: bool) -> "Report | None":
    """Check a scan; None where memory ran out, which ends the command for a single one."""
    from ..checking import check as run

    try:
        return run(scan, frame)
    except MemoryError as error:
        ended = ResourceError(f"{scan}: memory ran out; free some or ask for more")
        if alone:
            raise ended from error
        show_error(ended)
        return None


def _table(report: "Report", *, whole: bool) -> str:
    """Name and verdict of a scan, and a row per item."""
    findings = [f for f in report.findings if whole or f.verdict not in ("ok", "unknown")]
    rows = [f"  {f.item:<14} {f.verdict.value:<8} {f.text}" for f in findings]
    return "\n".join([f"{report.scan}: {report.verdict.value}", *rows])
