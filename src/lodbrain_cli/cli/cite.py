"""``lodbrain cite``."""

from pathlib import Path
from typing import Any

import click

from ..errors import InputError, UsageError
from ..presets import PRESETS
from .console import emit, emit_json, set_verbosity
from .options import json_option, option, verbosity_options

__all__ = ["cite"]


@click.command(
    short_help="Say what a paper should say of a result.",
    epilog="""
\b
Examples:
  lodbrain cite seg.nii.gz                   of the run whose record stands beside it
  lodbrain cite seg_run.json --bibtex > references.bib
  lodbrain cite --preset lod-brain           before anything was run
""",
)
@click.argument(
    "result",
    type=click.Path(path_type=Path, readable=False),
    metavar="[RECORD|SEG]",
    required=False,
)
@option(
    "--preset",
    type=click.Choice(list(PRESETS)),
    help="Without a result: which preset; default: the first.",
)
@option("--bibtex", is_flag=True, help="Print the references as BibTeX.")
@json_option
@verbosity_options
def cite(
    result: Path | None,
    preset: str | None,
    bibtex: bool,
    as_json: bool,
    quiet: bool,
    verbose: int,
) -> None:
    """Print a paragraph for the methods of a paper, and whom to cite.

    It speaks of what was really used: versions, preset, weights by their SHA-256, and
    options, as the run record has them. RECORD is a _run.json, SEG a label image with its
    record beside it.
    """
    set_verbosity(verbose, quiet=quiet)
    from ..outputs import citation

    if result is not None and preset is not None:
        msg = "--preset is for want of a result; name one of the two"
        raise UsageError(msg)
    if result is not None:
        record = _record(result)
    else:
        record = citation.facts_of_preset(preset or next(iter(PRESETS)))
    if as_json:
        emit_json(
            {
                "methods": citation.methods_text(record),
                "references": citation.reference_texts(record),
                "bibtex": citation.bibtex(record),
            }
        )
    elif bibtex:
        emit(citation.bibtex(record).rstrip())
    else:
        emit("\n\n".join([citation.methods_text(record), *citation.reference_texts(record)]))


def _record(result: Path) -> dict[str, Any]:
    """Record that was named, or that of a result.

    Raises
    ------
    InputError
        When there is none.
    """
    from ..batch.states import read_record
    from ..outputs.record import record_path

    place = result if result.name.endswith(".json") else record_path(result)
    record = read_record(place)
    if record is None or "preset" not in record or "lodbrain" not in record:
        msg = f"{place}: no run record of lodbrain; expected the _run.json of a result"
        raise InputError(msg)
    return record
