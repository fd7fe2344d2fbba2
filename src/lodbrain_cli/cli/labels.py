"""``lodbrain labels``."""

from pathlib import Path

import click

from .console import emit
from .options import option, preset_option

__all__ = ["labels"]

# Named here, not imported: the tables import NumPy, which help does without.
_FORMATS = ("tsv", "json", "freesurfer", "itksnap", "slicer", "niivue")


@click.command(
    short_help="Show label numbers, names and colours.",
    epilog="""
\b
Examples:
  lodbrain labels
  lodbrain labels --format itksnap -o lodbrain.label
""",
)
@preset_option
@option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    default="tsv",
    show_default=True,
    help="BIDS table, JSON, or a viewer's look-up table.",
)
@option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    envvar="LODBRAIN_LABELS_OUTPUT",
    help="File to write; default: print.",
)
@option("--overwrite", is_flag=True, help="Replace a file that exists.")
def labels(preset: str, form: str, output: Path | None, overwrite: bool) -> None:
    """Show the labels of a preset: number, name, abbreviation, colour."""
    from ..files import check_writable, write_text
    from ..outputs.tables import label_table
    from ..presets import find_preset

    text = label_table(find_preset(preset).label_set, form)
    if output is None:
        emit(text.rstrip("\n"))
        return
    check_writable(output, overwrite=overwrite)
    write_text(output, text)
    emit(str(output))
