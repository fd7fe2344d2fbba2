"""``lodbrain collect``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import UsageError
from .console import emit, emit_json, note, set_verbosity
from .options import json_option, option, verbosity_options

if TYPE_CHECKING:
    from ..batch.collect import Collection

__all__ = ["collect"]

_PATH = click.Path(path_type=Path, readable=False)


@click.command(
    short_help="Make tables and a page of the results of many scans.",
    epilog="""
\b
Examples:
  lodbrain collect results/
  lodbrain collect results/ -o tables/
""",
)
@click.argument("folder", type=_PATH, metavar="OUT")
@option(
    "-o", "--output", type=_PATH, help="Folder for the tables, made when missing; default: OUT."
)
@json_option
@verbosity_options
def collect(folder: Path, output: Path | None, as_json: bool, quiet: bool, verbose: int) -> None:
    """Make tables and a page from the records of all scans below OUT.

    One row per scan, in volumes.tsv sorted by path (mm³), in quality.tsv by score. A
    scan whose last try failed stands in failed.tsv alone. The page, report.html, shows
    them, the worst first (1,000 at most), with links to the reports of each; it needs the extra
    'report' and is left out without it. What an earlier time made is replaced, whole or
    not at all; this may be done while scans are still being worked on.
    """
    from ..batch.collect import collect as collect_records
    from ..files import make_folder

    set_verbosity(verbose, quiet=quiet)
    target = folder if output is None else output
    try:
        collection = collect_records(folder)
    except OSError as error:
        msg = f"{error.filename or folder}: cannot be used ({error.strerror or error})"
        raise UsageError(msg) from error
    make_folder(target)
    tables = collection.write(target)
    pages = write_pages(collection, target, quiet=quiet)
    done, failed = len(collection.volumes), len(collection.failures)
    if as_json:
        names = {"tables": [str(p) for p in tables], "pages": [str(p) for p in pages]}
        emit_json({**names, "done": done, "failed": failed})
        return
    if not quiet:
        note(f"{done} scans with results, {failed} failed")
    for path in (*tables, *pages):
        emit(str(path))


def write_pages(collection: "Collection", folder: Path, *, quiet: bool) -> list[Path]:
    """Write the page of all scans, or say what it needs.

    Parameters
    ----------
    collection : Collection
    folder : Path
    quiet : bool

    Returns
    -------
    list of Path
        Empty where the extra ``report`` is not installed.

    Raises
    ------
    OutputError
        When it cannot be written.
    """
    from ..outputs.report.document import check_installed

    try:
        check_installed()
    except UsageError as error:
        if not quiet:
            note(f"no page of all scans: {error}")
        return []
    return [collection.write_page(folder)]
