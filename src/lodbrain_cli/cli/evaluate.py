"""``lodbrain evaluate``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..labels import LABEL_MAPS
from .console import Progress, emit, emit_json, note, set_verbosity, show_error
from .options import json_option, option, verbosity_options

if TYPE_CHECKING:
    from ..evaluation.groups import Grouping
    from ..evaluation.pairs import Pairing
    from ..evaluation.run import Evaluation, Protocols, ScoredPair

__all__ = ["evaluate"]

_PATH = click.Path(path_type=Path, readable=False)
_MAP = click.Choice(list(LABEL_MAPS))


@click.command(
    short_help="Score label images against references.",
    epilog="""
\b
Examples:
  lodbrain evaluate seg.nii.gz manual.nii.gz -o scores/
  lodbrain evaluate derivatives/lodbrain derivatives/manual -o scores/ --groups participants.tsv
  lodbrain evaluate seg.nii.gz aseg.mgz -o scores/ --ref-label-map freesurfer --resample
  lodbrain evaluate results/ subjects/ -o scores/ --ref-pattern '*/mri/aseg.mgz'

Measures, their definitions and what an empty class gives: docs/evaluation.md.
""",
)
@click.argument("prediction", type=_PATH, metavar="PRED")
@click.argument("reference", type=_PATH, metavar="REF")
@option(
    "-o",
    "--output",
    type=_PATH,
    required=True,
    help="Folder for tables and plots; made when it is missing.",
)
@option("--pred-pattern", metavar="GLOB", help="Names of the label images in PRED, * for anything.")
@option(
    "--ref-pattern",
    metavar="GLOB",
    help="Names of those in REF; with a '/', their paths below it. Without sub- entities, what "
    "the stars stand for must be equal on both sides.",
)
@option(
    "--pred-label-map",
    type=_MAP,
    default="lod-brain-7",
    show_default=True,
    help="Protocol of the label numbers in PRED.",
)
@option(
    "--ref-label-map",
    type=_MAP,
    default="lod-brain-7",
    show_default=True,
    help="Protocol of the label numbers in REF.",
)
@option(
    "--resample",
    is_flag=True,
    help="Where the grids differ, bring the prediction to the reference's by nearest neighbour; "
    "without it such a pair is refused.",
)
@option(
    "--groups",
    "participants",
    type=_PATH,
    help="Table of people (participants.tsv, .csv): compare Dice between the groups of each "
    "column, such as age, sex and scanner.",
)
@option(
    "--age-bin",
    type=click.IntRange(min=1),
    default=5,
    show_default=True,
    help="Years in a group of ages: 5 gives 1-5, 6-10, ...",
)
@option("--plots/--no-plots", default=True, help="Draw plots (needs the extra 'plots'), or not.")
@option("--overwrite", is_flag=True, help="Replace results that exist.")
@json_option
@verbosity_options
def evaluate(
    prediction: Path,
    reference: Path,
    output: Path,
    pred_pattern: str | None,
    ref_pattern: str | None,
    pred_label_map: str,
    ref_label_map: str,
    resample: bool,
    participants: Path | None,
    age_bin: int,
    plots: bool,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
    verbose: int,
) -> None:
    """Score label images against references: Dice, Jaccard, surfaces, volumes.

    PRED and REF are two label images, or two folders whose files are matched by
    their sub-, ses- and run- entities, else by name; files without a partner
    are named. Written are scores.tsv (one row per pair and class), summary.tsv
    (per class: mean, median, quartiles, ICC of the volumes), scores.json and
    scores.png; with --groups also groups.tsv and a plot per column. Printed are
    their paths, or with --json what is in scores.json.
    """
    set_verbosity(verbose, quiet=quiet)
    if plots:
        from ..evaluation.plots import check_drawing

        check_drawing()
    from ..evaluation.pairs import pair_files
    from ..evaluation.participants import read_participants
    from ..evaluation.results import EvaluationFiles, as_document
    from ..evaluation.run import Protocols, group_pairs

    protocols = Protocols.named(pred_label_map, ref_label_map)
    pairing = pair_files(prediction, reference, pred_pattern, ref_pattern)
    groupings: tuple[Grouping, ...] = ()
    notes: tuple[str, ...] = ()
    if participants is not None:
        groupings, notes = group_pairs(pairing, read_participants(participants), age_bin)
    files = EvaluationFiles(output, groupings, plots)
    files.check(overwrite=overwrite)
    _report_files(pairing, notes, quiet=quiet)
    evaluation = _run(pairing, protocols, resampling=resample, groupings=groupings, quiet=quiet)
    paths = files.write(evaluation)
    if as_json:
        emit_json(as_document(evaluation))
    else:
        emit("\n".join(str(path) for path in paths))
    if evaluation.failures:
        click.get_current_context().exit(1)


def _report_files(pairing: "Pairing", notes: tuple[str, ...], *, quiet: bool) -> None:
    """Name what cannot be scored before the work begins."""
    for name, paths in pairing.ambiguous.items():
        files = ", ".join(str(path) for path in paths)
        note(f"error: {name}: several files on one side, so it is left out: {files}")
    if quiet:
        return
    for kind, paths in (
        ("prediction without a reference", pairing.lone_predictions),
        ("reference without a prediction", pairing.lone_references),
    ):
        for path in paths:
            note(f"warning: {path}: {kind}")
    for text in notes:
        note(f"warning: {text}")


def _run(
    pairing: "Pairing", protocols: "Protocols", *, quiet: bool, **options: Any
) -> "Evaluation":
    from ..evaluation.run import evaluate as run

    total = len(pairing.pairs)
    with Progress(total, quiet=quiet, unit="pair") as progress:

        def report(scored: "ScoredPair") -> None:
            progress.clear()
            if scored.error is not None and total > 1:  # a single one ends the command
                show_error(scored.error)
            for warning in scored.warnings if not quiet else ():
                note(f"warning: {warning}")
            progress.advance()

        evaluation = run(pairing, protocols, on_pair=report, **options)
    if total > 1 and not quiet:
        attempted = total + len(pairing.ambiguous)
        note(f"{len(evaluation.scores)} of {attempted} pairs scored, {evaluation.failures} failed")
    return evaluation
