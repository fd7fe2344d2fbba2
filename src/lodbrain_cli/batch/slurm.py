"""Slurm job arrays: the script for a plan, one that collects after it, and their submission."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from ..errors import LodbrainError, UsageError
from .shards import Shard
from .states import state_of
from .worklist import Job

__all__ = [
    "Allocation", "Container", "array_script", "collect_script", "mounts_for", "quoted", "ranges",
    "submit", "tasks_to_do",
]  # fmt: skip

# What Slurm itself writes in such values; never a blank, a quote, or what a shell reads.
_PLAIN = re.compile(r"[A-Za-z0-9_.,:=@%+/&|*()\[\]-]+")
_OPTION = re.compile(r"[a-z][a-z0-9-]*")
_SUBMIT_SECONDS = 60


@dataclass(frozen=True)
class Allocation:
    """What each task is given.

    Parameters
    ----------
    options : tuple of (str, str)
        Of sbatch, without ``--``: name and value, in their order.
    logs : Path
        Folder for the tasks' logs.
    """

    options: tuple[tuple[str, str], ...]
    logs: Path

    def lines(self, log_name: str, **more: str) -> list[str]:
        """Directives of a script.

        Raises
        ------
        UsageError
            When an option could be read as something else.
        """
        for name, value in self.options:
            if not (_OPTION.fullmatch(name) and _PLAIN.fullmatch(value)):
                msg = f"--{name}={value}: expected plain words and numbers, as sbatch takes them"
                raise UsageError(msg)
        logs = str(self.logs)
        if "\\" in logs or not logs.isprintable():
            # Slurm takes a backslash for "no %A and %a here", and a directive ends with its line.
            msg = f"{logs!r}: Slurm cannot write logs into a folder of this name; choose --logs"
            raise UsageError(msg)
        log = f"{logs.replace('%', '%%')}/{log_name}"
        found = [*self.options, *((k.replace("_", "-"), v) for k, v in more.items())]
        lines = [f"#SBATCH --{name}={value}" for name, value in found]
        return [*lines, f"#SBATCH --output={shlex.quote(log)}", "#SBATCH --open-mode=append"]


@dataclass(frozen=True)
class Container:
    """An Apptainer or Singularity image that holds lodbrain.

    Parameters
    ----------
    image : Path
    runtime : {"apptainer", "singularity"}
    mounts : tuple of (Path, str)
        Folders that it sees at the same place, and "ro" or "rw".
    gpu : bool
    """

    image: Path
    runtime: str = "apptainer"
    mounts: tuple[tuple[Path, str], ...] = ()
    gpu: bool = False

    def command(self) -> list[str]:
        """Words before the command that runs inside.

        Raises
        ------
        UsageError
            When a folder's name cannot be said to the runtime.
        """
        words = [self.runtime, "exec", *(["--nv"] if self.gpu else [])]
        for folder, mode in self.mounts:
            if re.search(r"[:,\x00-\x1f]", str(folder)):
                what = "':', ',' or a control sign"
                msg = f"{str(folder)!r}: cannot be mounted in a container ({what} in its name)"
                raise UsageError(msg)
            words += ["--bind", f"{folder}:{folder}:{mode}"]
        return [*words, str(self.image), "lodbrain"]


def mounts_for(
    jobs: Sequence[Job], read: Iterable[Path], write: Iterable[Path]
) -> tuple[tuple[Path, str], ...]:
    """Folders that a plan needs: that of the scans read-only, that of the results not.

    Parameters
    ----------
    jobs : sequence of Job
    read, write : iterable of Path
        Further folders, to read and to write into.

    Returns
    -------
    tuple of (Path, str)
        Outer ones first; none that an outer one of the same mode has already.

    Raises
    ------
    UsageError
        When scans or results have no folder in common.
    """
    modes = dict.fromkeys([*read, _common(job.source for job in jobs)], "ro")
    written = [path for job in jobs for path in job.results.paths().values()]
    modes |= dict.fromkeys([*write, _common(written)], "rw")
    mounts: list[tuple[Path, str]] = []
    for folder in sorted(modes, key=lambda folder: (len(folder.parts), folder)):
        outer = [mode for above, mode in mounts if folder.is_relative_to(above)]
        if not outer or outer[-1] != modes[folder]:
            mounts.append((folder, modes[folder]))
    return tuple(mounts)


def array_script(
    plan: Path,
    tasks: int,
    indices: Sequence[int],
    allocation: Allocation,
    *,
    throttle: int | None = None,
    notice_seconds: int = 60,
    container: Container | None = None,
    options: Sequence[str] = (),
) -> str:
    """Write the script of a job array that runs a plan.

    Parameters
    ----------
    plan : Path
        Absolute.
    tasks : int
        Shards of the plan.
    indices : sequence of int
        Those to run, from 1; a part of them may run again later.
    allocation : Allocation
    throttle : int, optional
        So many at once at most.
    notice_seconds : int
        A task is told to end so long before its time is over.
    container : Container, optional
    options : sequence of str
        Further words for ``lodbrain run``.

    Returns
    -------
    str
        Any name in it is inert, whatever a shell would make of it.
    """
    array = ranges(indices) + (f"%{throttle}" if throttle else "")
    # TERM goes to the batch shell, in whose place lodbrain stands.
    lines = allocation.lines(
        "%A_%a.log", job_name="lodbrain", array=array, signal=f"B:TERM@{notice_seconds}"
    )  # fmt: skip
    # Whatever the array, shard i is task i of all: a part of it can run again.
    words = ["run", str(plan), "--shard", f"auto/{tasks}", *options]
    return _script(lines, [*_program(container), *words], "requeue")


def collect_script(
    results: Path, allocation: Allocation, *, container: Container | None = None
) -> str:
    """Write the script of a job that makes tables of the results.

    Parameters
    ----------
    results : Path
        Absolute.
    allocation, container
        As in :func:`array_script`.
    """
    lines = allocation.lines("%j_collect.log", job_name="lodbrain-collect")
    return _script(lines, [*_program(container), "collect", str(results)])


def tasks_to_do(jobs: Sequence[Job], tasks: int) -> list[int]:
    """Numbers of the tasks whose scans are not all done, from 1."""
    return [
        index
        for index in range(1, tasks + 1)
        if any(state_of(job).name != "done" for job in Shard(index, tasks).of(jobs))
    ]


def submit(script: Path, after: str | None = None) -> str:
    """Submit a script and return the number of its job.

    Parameters
    ----------
    script : Path
    after : str, optional
        Job that must have ended before, however it ended.

    Raises
    ------
    UsageError
        When Slurm is not here.
    LodbrainError
        When Slurm refuses it, or does not answer.
    """
    program = shutil.which("sbatch")
    if program is None:
        msg = "sbatch was not found; submit the script where Slurm is"
        raise UsageError(msg)
    dependency = [f"--dependency=afterany:{after}"] if after else []
    try:
        done = subprocess.run(  # noqa: S603 - a list of words, no shell
            [program, "--parsable", *dependency, str(script)],
            capture_output=True, text=True, errors="replace", timeout=_SUBMIT_SECONDS, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        msg = f"{script}: sbatch did not answer ({error})"
        raise LodbrainError(msg) from error
    job = done.stdout.strip().split(";")[0]  # a cluster's name may follow
    if done.returncode or not job.isdigit():
        msg = f"{script}: Slurm refused it ({' '.join(done.stderr.split()) or 'without a word'})"
        raise LodbrainError(msg)
    return job


def ranges(numbers: Sequence[int]) -> str:
    """Write numbers as Slurm does: 1, 2, 3, 7 is ``1-3,7``."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)


def quoted(words: Iterable[str]) -> str:
    """Write words so that a shell reads just these."""
    return " ".join(shlex.quote(word) for word in words)


def _script(directives: list[str], words: list[str], *flags: str) -> str:
    version = metadata.version("lodbrain")
    lines = [
        "#!/bin/bash",
        f"# Written by lodbrain {version}; submit it with sbatch.",
        *directives,
        *(f"#SBATCH --{flag}" for flag in flags),
        f"exec {quoted(words)}",
    ]
    return "".join(f"{line}\n" for line in lines)


def _program(container: Container | None) -> list[str]:
    if container is not None:
        return container.command()
    # This very installation, whatever PATH is over there; -P: no code from the job's folder.
    return [sys.executable, "-P", "-m", "lodbrain_cli"]


def _common(paths: Iterable[Path]) -> Path:
    folder = Path(os.path.commonpath({path.parent for path in paths}))
    if folder == Path(folder.anchor):
        msg = "the plan's files have no folder in common to be mounted; name all with --bind"
        raise UsageError(msg)
    return folder
