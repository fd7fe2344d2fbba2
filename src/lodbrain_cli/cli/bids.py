"""``lodbrain bids``: the BIDS App."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import UsageError
from .collect import write_pages
from .console import emit, emit_json, note, set_verbosity
from .options import (
    agreement_option,
    level_option,
    limit_options,
    option,
    preset_option,
    quality_option,
    running_options,
)
from .run import work_through

if TYPE_CHECKING:
    from ..batch.bids import Selection
    from ..batch.worklist import Job

__all__ = ["bids"]

_PATH = click.Path(path_type=Path, readable=False)
_POSITIONALS = 3
# Every scan has these beside its labels; the rest is for --also.
_ALWAYS = ("brain_mask", "volumes")


class _BidsApp(click.Command):
    """A command that takes lists as BIDS Apps do: ``--participant-label 01 02``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Give each word of a list its option, once all arguments stand before it."""
        options = [p for p in self.params if isinstance(p, click.Option)]
        lists = {name for p in options if p.multiple for name in p.opts}
        valued = {name for p in options if not (p.is_flag or p.count) for name in p.opts}
        spread: list[str] = []
        plain, of_list, is_value = 0, "", False
        for word in args:
            if is_value:
                is_value = False
            elif word.startswith("-"):
                of_list = word if word in lists else ""
                is_value = word in valued
            elif of_list and plain == _POSITIONALS:
                spread.append(of_list)
            else:
                plain += 1
            spread.append(word)
        return super().parse_args(ctx, spread)


@click.command(
    cls=_BidsApp,
    short_help="Segment a BIDS dataset into BIDS derivatives.",
    epilog="""
\b
Examples:
  lodbrain bids data/ data/derivatives/lodbrain participant
  lodbrain bids data/ results/ participant --participant-label 01 02 --session-label pre
  lodbrain bids data/ results/ participant --t1w first --filter acq=mprage --dry-run
  lodbrain bids data/ results/ participant --n-cpus 4 --mem 4G --also probabilities
  lodbrain bids data/ results/ group

The word bids may be left out: lodbrain data/ results/ participant.
docs/bids.md says which scans are taken and what is written.
""",
)
@click.argument("source", type=_PATH, metavar="BIDS_DIR")
@click.argument("folder", type=_PATH, metavar="OUT_DIR")
@click.argument("analysis", type=click.Choice(["participant", "group"]))
@option(
    "--participant-label", "--participant_label",
    multiple=True,
    metavar="LABEL...",
    help="Only these participants, with or without sub-.",
)  # fmt: skip
@option(
    "--session-label", "--session_label",
    multiple=True,
    metavar="LABEL...",
    help="Only these sessions, with or without ses-.",
)  # fmt: skip
@option(
    "--filter",
    "filters",
    multiple=True,
    metavar="ENTITY=VALUE...",
    help="Only scans whose names fit: run=1, acq=mprage,spgr; ce= for names without ce-.",
)
@option(
    "--bids-filter-file",
    type=_PATH,
    help='The same as JSON, as other BIDS Apps read it: {"t1w": {"run": 1, "ceagent": null}}.',
)
@option(
    "--t1w",
    type=click.Choice(["all", "first"]),
    default="all",
    show_default=True,
    help="Scans of a session: each by itself, or the first alone (lowest run, no contrast agent).",
)
@option(
    "--also",
    type=click.Choice(["probabilities", "brain", "report", "snapshot"]),
    multiple=True,
    help="Further results beside labels, brain mask and volumes; may be given several times.",
)
@option(
    "--skip-bids-validation", "--skip_bids_validation",
    is_flag=True,
    help="Take a folder without a right dataset_description.json too.",
)  # fmt: skip
@option("--dry-run", is_flag=True, help="Only print what label images there would be.")
@limit_options
@preset_option
@level_option
@quality_option
@agreement_option
@running_options(bids=True)
def bids(
    source: Path,
    folder: Path,
    analysis: str,
    skip_bids_validation: bool,
    as_json: bool,
    quiet: bool,
    verbose: int,
    **options: Any,
) -> None:
    """Segment the T1w scans of BIDS_DIR into OUT_DIR, a BIDS derivative dataset.

    participant: each scan that is asked for and not done gets labels, their names,
    brain mask, volumes, sidecars, a log and a record; ages for the verdict are those
    of participants.tsv or the sessions' tables. Several processes may share OUT_DIR.
    group: volumes.tsv, quality.tsv, failed.tsv and a page of all. Printed are the
    paths of new label images, or of tables and page.
    """
    set_verbosity(verbose, quiet=quiet)
    words = {
        k: options.pop(k)
        for k in (
            *("participant_label", "session_label", "filters", "bids_filter_file", "t1w"),
            *("also", "quality", "agreement", "dry_run", "time_limit", "max_failures"),
        )
    }
    # Links are kept: nodes may mount what they lead to elsewhere.
    place, out = Path(os.path.abspath(source)), Path(os.path.abspath(folder))  # noqa: PTH100
    try:
        raw = _description(place, skip=skip_bids_validation)
        if analysis == "group":
            _refuse_words(tuple(words))
            _group(place, out, as_json=as_json, quiet=quiet)
            return
        jobs = _jobs(place, out, words, options)
        if words["dry_run"]:
            _tell(jobs, as_json=as_json, quiet=quiet)
            return
        from ..batch.derivatives import describe_derivative

        describe_derivative(out, place, raw, options["preset"])
    except OSError as error:  # a closed folder on the way, a name that is too long
        msg = f"{error.filename or source}: cannot be used ({error.strerror or error})"
        raise UsageError(msg) from error
    from ..batch.limits import Limits

    limits = Limits(words["time_limit"], words["max_failures"])
    running = {k: v for k, v in options.items() if k not in ("preset", "level")}
    code = work_through(jobs, limits, running, as_json=as_json, quiet=quiet)
    click.get_current_context().exit(code)


def _description(source: Path, *, skip: bool) -> dict[str, Any]:
    from ..batch.bids import read_description
    from ..errors import InputError

    try:
        return read_description(source)
    except InputError:
        if not (skip and source.is_dir()):
            raise
        return {}


def _jobs(
    source: Path, folder: Path, words: dict[str, Any], options: dict[str, Any]
) -> "list[Job]":
    """List the scans that are asked for, with where their results go."""
    from ..batch.ages import Ages
    from ..batch.bids import find_t1w
    from ..batch.derivatives import bids_jobs, check_derivative
    from ..batch.settings import Settings
    from ..segmentation.scan_options import ScanOptions

    check_derivative(folder, source)
    scan = ScanOptions(quality=words["quality"], agreement=words["agreement"])
    network = (options["preset"], options["level"], options["weights"])
    settings = Settings.of(*network, scan)
    scans = find_t1w(source, _selection(words))
    return bids_jobs(scans, folder, settings, (*_ALWAYS, *words["also"]), Ages(source))


def _selection(words: dict[str, Any]) -> "Selection":
    from ..batch.bids import Selection
    from ..batch.bids_filters import read_filter_file, read_filters, read_labels

    path = words["bids_filter_file"]
    return Selection(
        read_labels(words["participant_label"], "sub"),
        read_labels(words["session_label"], "ses"),
        {**(read_filter_file(path) if path else {}), **read_filters(words["filters"])},
        one_per_session=words["t1w"] == "first",
    )


def _tell(jobs: "list[Job]", *, as_json: bool, quiet: bool) -> None:
    """Print what would be done."""
    from ..batch.states import state_of

    todo = 0
    for job in jobs:
        state = state_of(job)
        todo += state.name != "done"
        labels = str(job.results.labels)
        if as_json:
            facts = {"input": str(job.source), "state": state.name, "reason": state.reason}
            emit_json({**facts, "outputs": {k: str(v) for k, v in job.results.paths().items()}})
        else:
            emit(labels)
    if not quiet:
        note(f"{len(jobs)} scans, {todo} of them to do; nothing was written")


def _refuse_words(names: tuple[str, ...]) -> None:
    """Refuse options that the group level does not read; those of the environment may stand."""
    context = click.get_current_context()
    for parameter in context.command.params:
        given = context.get_parameter_source(str(parameter.name))
        if parameter.name in names and given is click.core.ParameterSource.COMMANDLINE:
            msg = f"{parameter.opts[0]} is for the participant level; tables are of all"
            raise UsageError(msg)


def _group(source: Path, folder: Path, *, as_json: bool, quiet: bool) -> None:
    """Make the tables of all participants; say whose scans have neither result nor failure."""
    from ..batch.bids import t1w_files
    from ..batch.collect import collect
    from ..batch.derivatives import check_derivative, describe_tables

    check_derivative(folder, source)
    collection = collect(folder)
    tables = [*collection.write(folder), describe_tables(folder, collection.columns)]
    pages = write_pages(collection, folder, quiet=quiet)
    rows = [*collection.volumes, *collection.failures]
    known = {row["participant_id"] for row in rows}
    there = {path.name.split("_")[0] for path in t1w_files(source)}
    missing = sorted(there - known)
    done, failed = len(collection.volumes), len(collection.failures)
    if not quiet:
        names = f": {', '.join(missing[:5])}{', ...' if len(missing) > 5 else ''}"
        note(
            f"{done} scans with results, {failed} failed; "
            f"{len(missing)} participants with neither{names if missing else ''}"
        )
    if as_json:
        facts = {"tables": [str(p) for p in tables], "pages": [str(p) for p in pages]}
        emit_json({**facts, "done": done, "failed": failed, "missing": missing})
        return
    for path in (*tables, *pages):
        emit(str(path))
