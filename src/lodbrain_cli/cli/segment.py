"""``lodbrain segment``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import UsageError
from .console import Progress, emit, emit_json, note, set_verbosity, show_error
from .options import (
    device_option,
    engine_option,
    json_option,
    level_option,
    memory_option,
    offline_option,
    option,
    precision_option,
    preset_option,
    threads_option,
    verbosity_options,
    weights_option,
)

if TYPE_CHECKING:
    from ..batch.run import Outcome
    from ..batch.worklist import Job

__all__ = ["segment"]

# Click would refuse an unreadable scan as wrong usage, and all scans with it.
_PATH = click.Path(path_type=Path, readable=False)


@click.command(
    short_help="Label the brain in one or many T1w scans.",
    epilog="""
\b
Examples:
  lodbrain segment T1.nii.gz -o seg.nii.gz --volumes volumes.tsv
  lodbrain segment T1.mgz -o seg.mgz --brain brain.mgz --device cpu --threads 4
  lodbrain segment sub-*/anat/*_T1w.nii.gz -o results/ --skip-existing
  lodbrain segment --list scans.txt -o results/ --probabilities results/ --json
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
    type=_PATH,
    required=True,
    help="Label image for one scan (.nii.gz, .nii, .mgz); a folder for several.",
)
@option("--probabilities", type=_PATH, help="Class probabilities, 4-D float32 (folder: several).")
@option("--brain-mask", type=_PATH, help="Mask of all structures (folder: several scans).")
@option("--brain", type=_PATH, help="The scan inside the brain mask (folder: several scans).")
@option("--volumes", type=_PATH, help="Table of volumes, TSV (folder: several scans).")
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
@option("--overwrite", is_flag=True, help="Replace results that exist.")
@option(
    "--skip-existing",
    is_flag=True,
    help="Leave scans that were finished with the same input, weights and options; redo others.",
)
@preset_option
@level_option
@weights_option
@device_option
@engine_option
@threads_option
@precision_option
@memory_option
@offline_option
@json_option
@verbosity_options
def segment(
    inputs: tuple[Path, ...],
    list_file: Path | None,
    output: Path,
    overwrite: bool,
    skip_existing: bool,
    as_json: bool,
    quiet: bool,
    verbose: int,
    **options: Any,
) -> None:
    """Label the brain in one or many T1w scans, on their own grid.

    Scans are NIfTI or MGH files; of a folder all are taken, or only those named
    _T1w where there are any. Beside each label image stand the names and
    colours of its labels (.tsv) and a record of the run (_run.json). Printed
    are the paths of the label images.
    """
    set_verbosity(verbose, quiet=quiet)
    extras = {k: options.pop(k) for k in ("probabilities", "brain_mask", "brain", "volumes")}
    of_scan = {k: options.pop(k) for k in ("frame", "space", "postprocess")}
    if overwrite and skip_existing:
        msg = "--overwrite and --skip-existing exclude each other; choose one"
        raise UsageError(msg)
    try:
        jobs = _plan(inputs, list_file, output, extras)
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
    failures = _run(
        jobs, options, of_scan, skip_existing=skip_existing, as_json=as_json, quiet=quiet
    )
    if failures and len(jobs) == 1:
        raise failures[0]
    if len(jobs) > 1 and not quiet:
        note(f"{len(jobs) - len(failures)} of {len(jobs)} scans done, {len(failures)} failed")
    if failures:
        click.get_current_context().exit(1)


def _plan(
    inputs: tuple[Path, ...],
    list_file: Path | None,
    output: Path,
    extras: dict[str, Path | None],
) -> "list[Job]":
    """One scan with named results, or many into folders."""
    from ..batch.worklist import Job, plan_folder, read_list
    from ..imaging.names import IMAGE_EXTENSIONS
    from ..outputs.results import Results

    sources = [*inputs, *(read_list(list_file) if list_file else [])]
    if not sources:
        msg = "no scan given; name files or a folder, or use --list"
        raise UsageError(msg)
    several = len(sources) > 1 or sources[0].is_dir()
    named = output.name.lower().endswith(IMAGE_EXTENSIONS) and not output.is_dir()
    if not several and not output.is_dir():
        return [Job(sources[0], Results(output, **extras))]
    for name, folder in {"output": output, **extras}.items():
        if folder is not None and (folder.is_file() or (folder is output and named)):
            msg = f"--{name.replace('_', '-')} {folder}: expected a folder for several scans"
            raise UsageError(msg)
    if not output.parent.is_dir():
        msg = f"{output}: the folder {output.parent} does not exist; create it first"
        raise UsageError(msg)
    return plan_folder(sources, output, extras)


def _run(
    jobs: "list[Job]",
    options: dict[str, Any],
    of_scan: dict[str, Any],
    *,
    skip_existing: bool,
    as_json: bool,
    quiet: bool,
) -> list[Any]:
    """Load once, segment each scan, report as it goes; the errors that occurred."""
    from ..batch.run import run_jobs
    from ..segmentation import Segmenter

    options["offline"] = options["offline"] or None
    segmenter = Segmenter(**options, progress=not quiet)
    failures = []
    with Progress(len(jobs), quiet=quiet) as progress:
        outcomes = run_jobs(
            segmenter,
            jobs,
            skip_existing=skip_existing,
            on_step=lambda job, name: progress.step(job.source.name, name),
            **of_scan,
        )
        for outcome in outcomes:
            progress.clear()
            _report(outcome, as_json=as_json, quiet=quiet, alone=len(jobs) == 1)
            progress.advance()
            if outcome.error is not None:
                failures.append(outcome.error)
    return failures


def _report(outcome: "Outcome", *, as_json: bool, quiet: bool, alone: bool) -> None:
    job = outcome.job
    if outcome.error is not None:
        if not alone:  # the error of a single scan ends the command, with its exit code
            show_error(outcome.error)
        return
    if outcome.skipped and not quiet:
        note(f"{job.source}: done before, skipped")
    if outcome.result is not None and not quiet:
        for warning in outcome.result.record["warnings"]:
            note(f"warning: {job.source}: {warning}")
    if as_json:
        emit_json(_summary(outcome))
    else:
        emit(str(job.results.labels))


def _summary(outcome: "Outcome") -> dict[str, Any]:
    """Read the record as written, for scans done now or before."""
    import json

    record: dict[str, Any] = json.loads(outcome.job.results.record.read_text(encoding="utf-8"))
    return {**record, "skipped": outcome.skipped}
