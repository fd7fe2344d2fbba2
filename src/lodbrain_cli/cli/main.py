"""``lodbrain``: the group of commands. Starts without TensorFlow."""

from importlib import metadata
from typing import Any

import click

from .bids import bids
from .check import check
from .cite import cite
from .collect import collect
from .completion import completion
from .console import LodbrainGroup
from .dataset_stats import dataset_stats
from .demo import demo
from .evaluate import evaluate
from .extract import extract
from .finetune import finetune
from .info import info
from .inhomogeneity import inhomogeneity
from .labels import labels
from .mesh import mesh
from .picture import picture
from .plan import plan
from .run import run
from .segment import segment
from .slurm import slurm
from .synthesize import synthesize
from .train import train
from .view import view
from .weights import weights

__all__ = ["cli", "main"]


def _show_version(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    """Version of the tool and, without importing it, of what it computes with."""
    if not value or ctx.resilient_parsing:
        return
    from ..presets import PRESETS

    lines = [f"lodbrain {metadata.version('lodbrain')}"]
    lines += [f"preset {p.name}, weights {p.weights.sha256[:12]}" for p in PRESETS.values()]
    for package in ("keras", "tensorflow", "jax", "torch"):
        try:
            lines.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            continue
    click.echo("\n".join(lines))
    ctx.exit()


@click.group(
    cls=LodbrainGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""
\b
Examples:
  lodbrain segment T1.nii.gz -o seg.nii.gz     one scan
  lodbrain segment scans/ -o results/          a folder of scans
  lodbrain check T1.nii.gz                     look at it before
  lodbrain plan bids/ results/ -o plan.tsv     very many, in pieces; then lodbrain run
  lodbrain bids bids/ results/ participant     a BIDS App
  lodbrain demo                                try it without a scan

Every option can be set in the environment: --threads by LODBRAIN_THREADS.

Exit codes: 0 done, 1 some scan failed, 2 usage, 3 input refused, 4 written
but not to be trusted, 5 out of memory or time, or no such device, 6 weights
missing or wrong, 129, 130 and 143 signals.
""",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the versions of lodbrain, its weights and Keras, and exit.",
)
def cli() -> None:
    """Segment the brain in T1-weighted MRI."""


for _command in (
    segment,
    check,
    plan,
    run,
    bids,
    collect,
    slurm,
    evaluate,
    extract,
    mesh,
    picture,
    view,
    demo,
    labels,
    weights,
    info,
    cite,
    train,
    finetune,
    synthesize,
    dataset_stats,
    inhomogeneity,
    completion,
):
    cli.add_command(_command)


def main(**arguments: Any) -> None:
    """Run the command line."""
    cli(prog_name="lodbrain", **arguments)
