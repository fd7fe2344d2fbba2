"""``lodbrain run``."""

import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import ResourceError
from .console import note, raise_terminated, set_verbosity
from .options import limit_options, option, running_options
from .tally import Tally

if TYPE_CHECKING:
    from ..batch.limits import Limits
    from ..batch.worklist import Job

__all__ = ["run", "work_through"]

_TERMINATED = 128 + signal.SIGTERM


@click.command(
    short_help="Segment the scans of a plan, or a share of them.",
    epilog="""
\b
Examples:
  lodbrain run plan.tsv
  lodbrain run plan.tsv --shard 2/8
  lodbrain run plan.tsv --shard auto --time-limit 3h30m       in a job array
  lodbrain run plan.tsv --shard auto/64 --offline             of 64 tasks

Exit codes: 0 all done, 1 some scan failed, 5 some for want of memory or time (run it again),
143 ended by SIGTERM.
""",
)
@click.argument("plan", type=click.Path(path_type=Path, readable=False), metavar="PLAN")
@option(
    "--shard",
    metavar="I/N|auto|auto/N",
    help="Do every N-th scan, from the I-th; auto takes both from Slurm, SGE or LSF, auto/N the "
    "number of the task also from PBS and Kubernetes.",
)
@limit_options
@running_options()
def run(
    plan: Path,
    shard: str | None,
    time_limit: float | None,
    max_failures: int | None,
    as_json: bool,
    quiet: bool,
    verbose: int,
    **options: Any,
) -> None:
    """Segment the scans of a plan that are not done, with the network loaded once.

    What, where to and with which options is in the plan. Each scan gets a log
    (_run.log) and a record (_run.json), or where it fails _failed.json. Scans that
    another process is at are left to it, so several may run on one folder. SIGTERM
    ends the run after the scan at hand. Printed are the paths of new label images.
    """
    from ..batch.limits import Limits
    from ..batch.plan import read_plan
    from ..batch.shards import parse_shard

    set_verbosity(verbose, quiet=quiet)
    limits = Limits(time_limit, max_failures)
    part = parse_shard(shard) if shard is not None else None
    jobs = read_plan(plan)
    listed = len(jobs)
    if part is not None:
        jobs = part.of(jobs)
        if not quiet:
            note(f"shard {part.index} of {part.count}: {len(jobs)} of {listed} scans")
    code = work_through(jobs, limits, options, as_json=as_json, quiet=quiet)
    click.get_current_context().exit(code)


def work_through(
    jobs: "list[Job]", limits: "Limits", options: dict[str, Any], *, as_json: bool, quiet: bool
) -> int:
    """Segment what is not done of many scans of one network, and tell how it went.

    Parameters
    ----------
    jobs : list of Job
    limits : Limits
        SIGTERM asks them for the end.
    options : dict
        Of :class:`~lodbrain_cli.segmentation.Segmenter`, but for preset and level.
    as_json, quiet : bool

    Returns
    -------
    int
        The exit code.

    Raises
    ------
    UsageError
        When reports or snapshots are asked for that this machine cannot make.
    """
    if jobs:
        jobs[0].results.check_makers()  # once, not scan after scan
    with _ending_between_scans(limits) as ended:
        tally = _run(jobs, limits, options, as_json=as_json, quiet=quiet)
    counts = {name: tally.counts[name] for name in ("done", "skipped", "failed", "left")}
    if not quiet:
        if tally.counts["distrusted"]:
            note(f"{tally.counts['distrusted']} results are not to be trusted; see their records")
        reason = f" ({limits.reason})" if counts["left"] else ""
        note(
            f"{counts['done']} done, {counts['skipped']} were done before, "
            f"{counts['failed']} failed, {counts['left']} left{reason}"
        )
    return _exit_code(tally, ended=bool(ended))


def _run(
    jobs: "list[Job]", limits: "Limits", options: dict[str, Any], *, as_json: bool, quiet: bool
) -> Tally:
    """Claim, segment and report scan after scan."""
    from ..batch.claims import Claims
    from ..batch.journal import Journal
    from ..batch.run import run_jobs
    from ..segmentation import Segmenter

    options["offline"] = options["offline"] or None
    network: dict[str, Any] = {}
    if jobs:
        network = {"preset": jobs[0].settings.asked_preset, "level": jobs[0].settings.level}
    tally = Tally(len(jobs), as_json=as_json, quiet=quiet, name_skipped=False)
    with tally, Journal() as journal, Claims() as claims:
        outcomes = run_jobs(
            lambda: Segmenter(**network, **options, progress=not quiet),
            jobs,
            skip_done=True,
            claims=claims,
            journal=journal,
            limits=limits,
            on_step=tally.step,
        )
        with closing(outcomes):
            tally.report_all(outcomes)
    return tally


def _exit_code(tally: Tally, *, ended: bool) -> int:
    if ended and tally.counts["left"]:
        return _TERMINATED
    if any(not isinstance(error, ResourceError) for error in tally.errors):
        return 1
    if tally.counts["incomplete"]:
        return 1
    return ResourceError.exit_code if tally.errors or tally.counts["left"] else 0


@contextmanager
def _ending_between_scans(limits: "Limits") -> Iterator[list[int]]:
    """Let the first SIGTERM ask for the end, the second end at once; gives those that came."""
    came: list[int] = []

    def ask(number: int, frame: Any) -> None:
        if came:
            raise_terminated(number, frame)
        came.append(number)
        limits.ask("terminated")

    before = signal.getsignal(signal.SIGTERM)
    with suppress(ValueError):  # not the main thread: the caller keeps its signals
        signal.signal(signal.SIGTERM, ask)
    try:
        yield came
    finally:
        with suppress(ValueError):
            signal.signal(signal.SIGTERM, before)
