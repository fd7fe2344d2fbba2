"""``lodbrain segment``."""

import os
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import UsageError
from ..labels import LABEL_MAPS
from .console import note, set_verbosity
from .options import (
    agreement_option,
    level_option,
    option,
    preset_option,
    quality_option,
    running_options,
)
from .tally import Tally

if TYPE_CHECKING:
    from ..batch.settings import Settings
    from ..batch.worklist import Job

__all__ = ["segment"]

# Click would refuse an unreadable scan as wrong usage, and all scans with it.
_DISTRUSTED = 4
_PATH = click.Path(path_type=Path, readable=False)
_TEXTS_AND_PICTURES = (".tsv", ".html", ".png")
_AFTER_A_FOLDER = tuple({"/", os.sep})


@click.command(
    short_help="Label the brain in one or many T1w scans.",
    epilog="""
\b
Examples:
  lodbrain segment T1.nii.gz -o seg.nii.gz --volumes volumes.tsv
  lodbrain segment T1.mgz -o seg.mgz --brain brain.mgz --device cpu --threads 4
  lodbrain segment sub-*/anat/*_T1w.nii.gz -o results/ --skip-existing
  lodbrain segment --list scans.txt -o results/ --probabilities results/ --json
  lodbrain segment T1.nii.gz -o seg.nii.gz --report report.html --snapshot seg.png
  lodbrain segment T1.nii.gz -o seg.nii.gz --report report.html --reference aparc+aseg.mgz
  lodbrain segment T1.nii.gz -o results/ --preset run/       labels of every protocol
  lodbrain segment scans/ -o results/ --report results/      a page each, and one of all
  lodbrain segment T1.nii.gz -o preview.nii.gz --level coarse
  lodbrain segment T1.nii.gz -o seg.nii.gz --memory 1G --threads 1
""",
)
@click.argument("inputs", nargs=-1, type=_PATH, metavar="[SCAN|FOLDER]...")
@option(
    "--list",
    "list_file",
    type=_PATH,
    help="Text file that names scans, one a line, relative to its own folder.",
)
@option(
    "-o",
    "--output",
    "output_name",
    type=click.Path(readable=False),
    required=True,
    help="Label image for one scan (.nii.gz, .nii, .mgz); a folder for several, or with a / at its "
    "end for one.",
)
@option("--probabilities", type=_PATH, help="Class probabilities, 4-D float32 (folder: several).")
@option("--brain-mask", type=_PATH, help="Mask of all structures (folder: several scans).")
@option("--brain", type=_PATH, help="The scan inside the brain mask (folder: several scans).")
@option("--volumes", type=_PATH, help="Table of volumes, TSV (folder: several scans).")
@option("--report", type=_PATH, help="Page to look at, one HTML file (folder: several scans).")
@option("--snapshot", type=_PATH, help="Slices with outlines, PNG (folder: several scans).")
@option("--reference", type=_PATH, help="Label image by others, to switch to in the report.")
@option(
    "--ref-label-map",
    type=click.Choice(["auto", *LABEL_MAPS]),
    default="auto",
    show_default=True,
    help="Protocol of the numbers in the reference; auto takes the first that knows all.",
)
@option(
    "--space",
    type=click.Choice(["native", "conformed"]),
    default="native",
    show_default=True,
    help="Grid of all results: the scan's own, or 256 voxels of 1 mm along LIA axes.",
)
@option("--frame", type=click.IntRange(min=0), help="Frame of a 4-D scan, counted from 0.")
@option(
    "--postprocess/--no-postprocess",
    default=True,
    help="Smooth and keep one piece per structure, or take the network's answer as it is.",
)
@quality_option
@agreement_option
@option(
    "--age",
    type=click.FloatRange(0, 130),
    help="Age of the person in years, for the verdict (one scan; of a BIDS folder its tables say).",
)
@option("--overwrite", is_flag=True, help="Replace results that exist.")
@option(
    "--skip-existing",
    is_flag=True,
    help="Leave scans that were finished with the same input, weights and options; redo others.",
)
@preset_option
@level_option
@running_options()
def segment(
    inputs: tuple[Path, ...],
    list_file: Path | None,
    output_name: str,
    overwrite: bool,
    skip_existing: bool,
    as_json: bool,
    quiet: bool,
    verbose: int,
    **options: Any,
) -> None:
    """Label the brain in one or many T1w scans, on their own grid.

    Scans are NIfTI or MGH files; of a folder all are taken, or only those named
    _T1w where there are any, of a BIDS dataset its raw ones. Beside each label
    image stand the names and colours of its labels (.tsv) and a record of the run
    (_run.json) with a verdict on the result. Printed are the paths of the label
    images. The exit code is 4 where a result is there but not to be trusted.
    """
    set_verbosity(verbose, quiet=quiet)
    extras = {
        k: options.pop(k)
        for k in ("probabilities", "brain_mask", "brain", "volumes", "report", "snapshot")
    }
    reference, protocol = options.pop("reference"), options.pop("ref_label_map")
    if overwrite and skip_existing:
        msg = "--overwrite and --skip-existing exclude each other; choose one"
        raise UsageError(msg)
    from ..batch.settings import Settings
    from ..segmentation import ScanOptions

    output = Path(output_name)
    asked = ScanOptions(**{f.name: options.pop(f.name) for f in fields(ScanOptions)})
    try:
        settings = Settings.of(options["preset"], options["level"], options["weights"], asked)
        jobs = _plan(inputs, list_file, output_name, extras, settings)
        if reference is not None:
            jobs = [_with_reference(jobs, reference, protocol)]
    except OSError as error:  # a closed folder on the way, a name that is too long
        msg = f"{error.filename or output}: cannot be used ({error.strerror or error})"
        raise UsageError(msg) from error
    from ..outputs.results import resolved

    scans = frozenset(resolved(job.source) for job in jobs)
    for job in jobs:
        job.results.check(
            overwrite=overwrite or skip_existing,
            make_folders=output != job.results.labels,
            scans=scans,
        )
    if asked.age is not None and len(jobs) > 1:
        msg = f"--age is of one person; {len(jobs)} scans were named"
        raise UsageError(msg)
    tally = _run(jobs, options, skip_existing=skip_existing, as_json=as_json, quiet=quiet)
    if tally.errors and len(jobs) == 1:
        raise tally.errors[0]
    if extras["report"] is not None and extras["report"].is_dir():
        _write_group_page(output, extras["report"], quiet=quiet)
    if len(jobs) > 1 and not quiet:
        failed = len(tally.errors)
        note(f"{len(jobs) - failed} of {len(jobs)} scans done, {failed} failed")
    if tally.errors or tally.counts["incomplete"]:
        click.get_current_context().exit(1)
    if tally.counts["distrusted"]:
        click.get_current_context().exit(_DISTRUSTED)


def _with_reference(jobs: "list[Job]", path: Path, protocol: str) -> "Job":
    """Add labels by others to the one scan, read once to see that they can be."""
    from dataclasses import replace

    from ..outputs.report.reference import LabelSource
    from ..presets import find_preset

    if len(jobs) != 1 or jobs[0].results.report is None:
        msg = "--reference is shown in the report of one scan; name one, with --report"
        raise UsageError(msg)
    source = LabelSource(path, protocol)
    source.read(find_preset(jobs[0].settings.asked_preset).label_set)
    return replace(jobs[0], reference=source)


def _write_group_page(results: Path, folder: Path, *, quiet: bool) -> None:
    """Write the page of all scans of whose results there are records, with links to theirs."""
    from ..batch.collect import collect

    page = collect(results).write_page(folder)
    if not quiet:
        note(f"all scans: {page}")


def _plan(
    inputs: tuple[Path, ...],
    list_file: Path | None,
    output_name: str,
    extras: dict[str, Any],
    settings: "Settings",
) -> "list[Job]":
    """One scan with named results, or many into folders."""
    from ..batch.worklist import Job, plan_folder, read_list
    from ..imaging.names import IMAGE_EXTENSIONS
    from ..outputs.results import Results

    sources = [*inputs, *(read_list(list_file) if list_file else [])]
    if not sources:
        msg = "no scan given; name files or a folder, or use --list"
        raise UsageError(msg)
    output = Path(output_name)
    to_folder = output.is_dir() or output_name.endswith(_AFTER_A_FOLDER)
    named = output.name.lower().endswith(IMAGE_EXTENSIONS) and not to_folder
    if len(sources) == 1 and not sources[0].is_dir() and not to_folder:
        if not named:
            endings = ", ".join(IMAGE_EXTENSIONS)
            msg = f"{output}: expected a name ending in {endings}, or a folder, with a / at its end"
            raise UsageError(msg)
        protocols = settings.protocols
        return [Job(sources[0], Results(output, **extras, protocols=protocols), settings)]
    folders = {"output": None if to_folder and not output.is_file() else output, **extras}
    for name, folder in folders.items():
        if folder is not None and (folder.is_file() or _names_a_file(folder)):
            what = "results" if to_folder else "several scans"
            msg = f"--{name.replace('_', '-')} {folder}: expected a folder for {what}"
            raise UsageError(msg)
    if not output.parent.is_dir():
        msg = f"{output}: the folder {output.parent} does not exist; create it first"
        raise UsageError(msg)
    return plan_folder(sources, output, extras, settings)


def _names_a_file(path: Path) -> bool:
    """Whether a path that is no folder is named as results are."""
    from ..imaging.names import IMAGE_EXTENSIONS

    return path.name.lower().endswith((*IMAGE_EXTENSIONS, *_TEXTS_AND_PICTURES)) and not (
        path.is_dir()
    )


def _run(
    jobs: "list[Job]",
    options: dict[str, Any],
    *,
    skip_existing: bool,
    as_json: bool,
    quiet: bool,
) -> Tally:
    """Load once, segment each scan, report as it goes."""
    from ..batch.run import run_jobs
    from ..segmentation import Segmenter

    options["offline"] = options["offline"] or None
    tally = Tally(len(jobs), as_json=as_json, quiet=quiet, name_skipped=True)
    with tally:
        outcomes = run_jobs(
            lambda: Segmenter(**options, progress=not quiet),
            jobs,
            skip_done=skip_existing,
            on_step=tally.step,
        )
        tally.report_all(outcomes)
    return tally
