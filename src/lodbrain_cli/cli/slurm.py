"""``lodbrain slurm``."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import UsageError
from .console import emit, note, set_verbosity
from .options import option, verbosity_options
from .parameter_types import Duration, MemorySize

if TYPE_CHECKING:
    from ..batch.slurm import Allocation, Container
    from ..batch.worklist import Job

__all__ = ["slurm"]

_PATH = click.Path(path_type=Path, readable=False)
_SCANS_PER_TASK = 50
# Slurm's own default allows no higher index (MaxArraySize).
_MOST_TASKS = 1000
# Between the last scan and the end of the allocation.
_MARGIN_SECONDS = 60


@click.command(
    short_help="Write or submit a Slurm job array for a plan.",
    epilog="""
\b
Examples:
  lodbrain slurm plan.tsv -o array.sh --time 4:00:00 --partition short --collect results/
  lodbrain slurm plan.tsv -o array.sh --tasks 64 --throttle 8 --gpus 1 --submit
  lodbrain slurm plan.tsv -o array.sh --image lodbrain.sif --bind /weights:ro --submit
  lodbrain slurm plan.tsv -o again.sh --tasks 64 --rerun --sbatch account=lab --submit
  lodbrain slurm plan.tsv --dry-run

docs/hpc.md has recipes for other schedulers.
""",
)
@click.argument("plan", type=_PATH, metavar="PLAN")
@option("-o", "--output", type=_PATH, help="Script to write; that of the collecting job beside it.")
@option(
    "--tasks",
    type=click.IntRange(min=1),
    help=f"Tasks of the array; default: {_SCANS_PER_TASK} scans each, {_MOST_TASKS} tasks at most.",
)
@option("--throttle", type=click.IntRange(min=1), help="So many tasks at once at most.")
@option("--rerun", is_flag=True, help="Only those of the tasks whose scans are not all done.")
@option("--partition", help="Partition to ask for.")
@option("--cpus", type=click.IntRange(min=1), default=2, show_default=True, help="Cores per task.")
@option("--mem", type=MemorySize(), default="4G", show_default=True, help="Memory per task, as 4G.")
@option("--gpus", metavar="[TYPE:]N", help="GPUs per task, as 1 or a100:1.")
@option("--time", "duration", type=Duration(), help="Time per task, as 4:00:00 or 4h.")
@option(
    "--sbatch",
    "more",
    metavar="NAME=VALUE",
    multiple=True,
    help="Any other option of sbatch, as account=lab or qos=long; may be given several times.",
)
@option("--image", type=_PATH, help="Apptainer or Singularity image that holds lodbrain.")
@option(
    "--runtime",
    type=click.Choice(["apptainer", "singularity"]),
    default="apptainer",
    show_default=True,
    help="Program that runs the image.",
)
@option(
    "--bind",
    "binds",
    metavar="FOLDER[:ro]",
    multiple=True,
    help="Folder that the image sees too; those of scans, results and plan it sees anyway.",
)
@option("--logs", type=_PATH, help="Folder for the tasks' logs; default: logs/ beside the plan.")
@option("--collect", type=_PATH, metavar="OUT", help="After all tasks, make the tables of OUT.")
@option("--weights", type=_PATH, help="Weights file or folder, as for 'lodbrain run'.")
@option("--offline", is_flag=True, help="Tasks never touch the network.")
@option(
    "--max-failures",
    type=click.IntRange(min=1),
    help="Each task ends when so many of its scans have failed; default: go on.",
)
@option("--submit", is_flag=True, help="Submit what was written; print the jobs' numbers.")
@option("--dry-run", is_flag=True, help="Print the scripts; write and submit nothing.")
@option("--overwrite", is_flag=True, help="Replace scripts that exist.")
@verbosity_options
def slurm(
    plan: Path,
    output: Path | None,
    tasks: int | None,
    throttle: int | None,
    rerun: bool,
    submit: bool,
    dry_run: bool,
    overwrite: bool,
    collect: Path | None,
    quiet: bool,
    verbose: int,
    **options: Any,
) -> None:
    """Write a script that runs a plan as an array of Slurm jobs; with --submit submit it.

    Each task does its share of the plan with the network loaded once, ends before
    its time does, and can be queued again or run twice without harm. Printed are
    the paths of the scripts, or with --submit the numbers of the jobs.
    """
    from ..batch.plan import read_plan
    from ..batch.slurm import array_script, collect_script, tasks_to_do

    set_verbosity(verbose, quiet=quiet)
    if (output is None) != dry_run or (submit and dry_run):
        msg = "name a script with -o, or look at it with --dry-run; not both"
        raise UsageError(msg)
    jobs = read_plan(plan)
    if not jobs:
        msg = f"{plan}: the plan is empty, so there is nothing to submit"
        raise UsageError(msg)
    count = tasks or min(-(-len(jobs) // _SCANS_PER_TASK), _MOST_TASKS)
    count = min(count, len(jobs))
    indices = tasks_to_do(jobs, count) if rerun else range(1, count + 1)
    if not indices:
        note(f"all {count} tasks are done; nothing to submit")
        return
    place = Path(os.path.abspath(plan))  # noqa: PTH100 - links are kept: nodes may mount other
    out = Path(os.path.abspath(collect)) if collect is not None else None  # noqa: PTH100
    logs = Path(os.path.abspath(options["logs"] or place.parent / "logs"))  # noqa: PTH100
    asked = {k: options[k] for k in ("partition", "cpus", "mem", "gpus", "duration", "more")}
    allocation = _allocation(asked, logs)
    of_run = {k: options[k] for k in ("weights", "duration", "max_failures", "offline")}
    of_image = {k: options[k] for k in ("image", "runtime", "binds", "weights", "gpus")}
    container = _container(of_image, jobs, place.parent, out)
    scripts = [
        array_script(
            place, count, list(indices), allocation, throttle=throttle, container=container,
            notice_seconds=_margin(options["duration"]),
            options=_run_options(of_run),
        )
    ]  # fmt: skip
    if out is not None:
        few = _allocation({**asked, "cpus": 1, "gpus": None, "duration": None}, logs)
        scripts.append(collect_script(out, few, container=container))
    if dry_run:
        for script in scripts:
            emit(script.rstrip("\n"))
        return
    assert output is not None
    # Slurm makes no folder for logs, and a container cannot mount what is not there.
    folders = [logs, *(f for f, mode in (container.mounts if container else ()) if mode == "rw")]
    _write(scripts, output, folders, overwrite=overwrite, submit=submit, quiet=quiet)


def _write(
    scripts: list[str],
    output: Path,
    folders: list[Path],
    *,
    overwrite: bool,
    submit: bool,
    quiet: bool,
) -> None:
    """Write the scripts, submit them if asked to, and print what came of it."""
    from ..batch.slurm import quoted
    from ..batch.slurm import submit as submit_script
    from ..files import check_writable, make_folder, write_text

    second = output.with_name(f"{output.stem}_collect{output.suffix}")
    paths = [output, second][: len(scripts)]
    for path in paths:
        check_writable(path, overwrite=overwrite)
    for folder in folders:
        if not folder.is_dir():  # one that is there may be for reading alone
            make_folder(folder)
    for path, script in zip(paths, scripts, strict=True):
        write_text(path, script)
    if not submit:
        for path in paths:
            emit(str(path))
        if not quiet:
            after = f", then {quoted(['sbatch', '--dependency=afterany:JOB', str(second)])}"
            note(f"submit: {quoted(['sbatch', str(output)])}{after if len(paths) > 1 else ''}")
        return
    job = submit_script(output)
    emit(job)
    for path in paths[1:]:
        emit(submit_script(path, after=job))


def _allocation(options: dict[str, Any], logs: Path) -> "Allocation":
    from ..batch.slurm import Allocation

    found = [
        ("partition", options["partition"]),
        ("cpus-per-task", str(options["cpus"])),
        ("mem", f"{-(-options['mem'] // 2**20)}M"),
        ("gres", f"gpu:{options['gpus']}" if options["gpus"] else None),
        ("time", _slurm_time(options["duration"])),
    ]
    for text in options["more"]:
        name, _, value = text.partition("=")
        found.append((name.removeprefix("--"), value))
    return Allocation(tuple((name, value) for name, value in found if value is not None), logs)


def _slurm_time(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 1440}-{minutes // 60 % 24:02}:{minutes % 60:02}:{rest:02}"


def _margin(seconds: float | None) -> int:
    """Seconds to keep free at the end of a task's time."""
    return _MARGIN_SECONDS if seconds is None else min(_MARGIN_SECONDS, int(seconds / 4))


def _run_options(options: dict[str, Any]) -> list[str]:
    words: list[str] = []
    if options["weights"] is not None:
        words += ["--weights", os.path.abspath(options["weights"])]  # noqa: PTH100
    if options["duration"] is not None:
        left = options["duration"] - _margin(options["duration"])
        words += ["--time-limit", f"{int(left)}s"]
    if options["max_failures"] is not None:
        words += ["--max-failures", str(options["max_failures"])]
    return words + (["--offline"] if options["offline"] else [])


def _container(
    options: dict[str, Any], jobs: "list[Job]", plan: Path, tables: Path | None
) -> "Container | None":
    from ..batch.slurm import Container, mounts_for

    if options["image"] is None:
        if options["binds"]:
            msg = "--bind is for a container; name its --image"
            raise UsageError(msg)
        return None
    named = []
    for text in options["binds"]:
        name, mode = (text[:-3], text[-2:]) if text.endswith((":ro", ":rw")) else (text, "rw")
        named.append((Path(os.path.abspath(name)), mode))  # noqa: PTH100
    models = {job.settings.model for job in jobs if job.settings.model is not None}
    read = [plan, *(Path(m) if Path(m).is_dir() else Path(m).parent for m in sorted(models))]
    if options["weights"] is not None:
        place = Path(os.path.abspath(options["weights"]))  # noqa: PTH100
        read.append(place if place.is_dir() else place.parent)
    image = Path(os.path.abspath(options["image"]))  # noqa: PTH100
    mounts = (*mounts_for(jobs, read, [tables] if tables else []), *named)
    return Container(image, options["runtime"], mounts, gpu=bool(options["gpus"]))
