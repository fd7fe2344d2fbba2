"""``lodbrain finetune``."""

from pathlib import Path
from typing import Any

import click

from ..errors import UsageError
from .console import emit, note, set_verbosity
from .options import option, threads_option, verbosity_options
from .parameter_types import preset_type

__all__ = ["finetune"]

_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command(
    short_help="Teach a trained network new classes, from a few labelled scans.",
    epilog="""
\b
Examples:
  lodbrain finetune --from lod-brain-synth --data pairs.tsv --classes limbic.tsv -o run/
  lodbrain finetune --from run/ --data tumours.tsv --classes tumour.tsv -o tumour/
  lodbrain finetune --from lod-brain-synth --data four.tsv --classes c.tsv -o cv/ --cross-validate
  lodbrain segment T1.nii.gz -o seg.nii.gz --preset run/

\b
pairs.tsv names scans and their label images:
  subject  image          labels           label_map
  ann      ann_T1w.nii.gz ann_dseg.nii.gz  freesurfer
limbic.tsv names the new classes, and which label numbers become them:
  index  name         numbers
  0      Background   *
  1      Hippocampus  17 53
""",
)
@option(
    "--from", "source", type=preset_type, required=True,
    help="Trained network to begin from: a preset, or the folder of a run.",
)  # fmt: skip
@option(
    "--data", "table", type=click.Path(path_type=Path, dir_okay=False), required=True,
    help="Table of scans with label images, TSV or CSV; paths are relative to its folder.",
)  # fmt: skip
@option(
    "--classes", required=True,
    help="Table of the new classes (index, name, numbers), or a label set's name.",
)  # fmt: skip
@option("-o", "--output", type=_FOLDER, required=True, help="Folder of the run; it goes on there.")
@option(
    "--reinit-last", type=click.IntRange(min=0), default=1, show_default=True,
    help="How many of the last layers begin anew. 1: the classes alone, each as the class of the "
    "source that it overlaps most.",
)  # fmt: skip
@option(
    "--warmup-epochs", type=click.IntRange(min=0), default=5, show_default=True,
    help="Epochs in which copied layers stay as they are.",
)  # fmt: skip
@option(
    "--epochs", type=click.IntRange(min=0), default=40, show_default=True,
    help="Epochs of all layers, at most; ended after ten without a better score.",
)  # fmt: skip
@option(
    "--warmup-rate", type=click.FloatRange(0, 1, min_open=True), default=5e-4, show_default=True,
    help="Learning rate of the warm-up.",
)  # fmt: skip
@option(
    "--rate", type=click.FloatRange(0, 1, min_open=True), default=5e-4, show_default=True,
    help="Learning rate of all layers.",
)  # fmt: skip
@option("--loss", default="per_channel_dice_loss", show_default=True, help="Name of the loss.")
@option(
    "--held-out", type=click.IntRange(min=0), default=1, show_default=True,
    help="People to validate on, where the table does not say who; 0 takes all epochs.",
)  # fmt: skip
@option(
    "--cross-validate", is_flag=True,
    help="Leave each person out in turn, score on that one, then learn from all (final/).",
)  # fmt: skip
@option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of all chance.")
@option("--volume-cache", type=_FOLDER, help="Folder where conformed volumes are kept.")
@threads_option
@verbosity_options
def finetune(
    table: Path,
    output: Path,
    volume_cache: Path | None,
    cross_validate: bool,
    threads: int | None,
    quiet: bool,
    verbose: int,
    **options: Any,
) -> None:
    """Teach a trained network new classes, from a few labelled scans.

    Layers are copied but for the last ones; those learn first, then all, on
    scans that are moved, turned, bent and given other intensities. A network
    that sees the brain's box, or a whole head at 1 mm, goes on with the box:
    that of the labels, where they cover the brain; where they are of a part of
    it (hippocampi, a tumour), that which a packaged network finds, and scans
    without any are as good as others. After a kill the same command goes on.
    Printed is the path of the weights; their folder is a preset for
    every other command.
    """
    set_verbosity(verbose, quiet=quiet)
    if options["warmup_epochs"] + options["epochs"] == 0:
        msg = "nothing to do: --warmup-epochs and --epochs are both 0"
        raise UsageError(msg)
    from ..inference.devices import allowed_threads
    from ..inference.keras_backend import start_keras

    backend = start_keras("auto", threads or allowed_threads())
    try:
        from ..batch.cross_validation import cross_validate as run_folds
        from ..training.finetune import FinetuneOptions
        from ..training.finetune import finetune as run
    except ModuleNotFoundError as error:
        if error.name not in ("pydantic", "yaml"):
            raise
        msg = "training needs further packages; install them with: pip install 'lodbrain[train]'"
        raise UsageError(msg) from None
    say = _Say(quiet)
    chosen = FinetuneOptions(**options)
    if not cross_validate:
        emit(str(run(table, output, chosen, backend=backend, cache_folder=volume_cache,
                     on_read=say.reading)))  # fmt: skip
        return
    done = run_folds(
        table, output, chosen, backend=backend, cache_folder=volume_cache, on_read=say.reading,
        on_fold=say.line,
    )  # fmt: skip
    emit(str(done.table))
    emit(str(done.weights))


class _Say:
    """What is told while it works."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet

    def line(self, text: str) -> None:
        """Tell a line, unless asked to be quiet."""
        if not self.quiet:
            note(text)

    def reading(self, subject: str) -> None:
        """Tell who is read."""
        self.line(f"reading {subject}")
