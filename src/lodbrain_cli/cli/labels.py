"""``lodbrain labels``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import UsageError
from .console import emit, note
from .options import option, preset_option

if TYPE_CHECKING:
    from ..labels import LabelSet

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
  lodbrain labels --label-set fsl_first
""",
)
@preset_option
@option(
    "--label-set",
    metavar="NAME",
    help="One of the preset's, where it has several, or one that training knows by name.",
)
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
def labels(
    preset: str, label_set: str | None, form: str, output: Path | None, overwrite: bool
) -> None:
    """Show the labels of a preset: number, name, abbreviation, colour."""
    from ..files import check_writable, write_text
    from ..outputs.tables import label_table

    text = label_table(_chosen(preset, label_set), form)
    if output is None:
        emit(text.rstrip("\n"))
        return
    check_writable(output, overwrite=overwrite)
    write_text(output, text)
    emit(str(output))


def _chosen(preset: str, name: str | None) -> "LabelSet":
    """Label set of a preset, its first unless another is named."""
    from ..labels import LABEL_SETS
    from ..presets import find_preset

    own = {label_set.name: label_set for label_set in find_preset(preset).label_sets}
    if name is None:
        first, *others = own
        if others:
            note(f"labels of {first}; by --label-set: {', '.join(others)}")
        return own[first]
    known = {**LABEL_SETS, **own}
    if name not in known:
        msg = f"unknown label set {name!r}; known label sets: {', '.join(known)}"
        raise UsageError(msg)
    return known[name]
