"""Time what many scans cost beside the network: planning, resuming, collecting, starting.

``python benchmarks/cluster.py scans/ --json cluster.json``: `scans/` holds T1w scans, which are
taken in turn. Records are simulated: one real record, copied for as many small files as there are
rows. CPU seconds stand beside wall seconds, for a machine that others use too. The part `array`
needs a Slurm on this machine; ``python -m tests.cluster.one_node python benchmarks/cluster.py
scans/ --parts array`` runs it beside one.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

FINE = ("--preset", "lod-brain-synth")
LEVEL = ("--preset", "lod-brain-synth", "--level", "coarse")
ROWS = (1_000, 10_000, 27_000)
BATCHES = (1, 8, 50)
MANY = 200
HEADS = 100
TASKS = 5
#: Scans of an array, and its tasks.
ARRAYS = ((1, 1), (8, 4), (50, 10))
PARTS = ("rows", "scans", "tasks", "array", "memory", "heads")
SCAN = "sub-{0:05d}/anat/sub-{0:05d}_T1w.nii.gz"
LABELS = "sub-{0:05d}/anat/sub-{0:05d}_seg-lodbrain_dseg"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scans", type=Path, help="folder with scans (*_T1.nii.gz or *_T1w.nii.gz)")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--folder", type=Path, help="where to work (default: a temporary folder)")
    options = parser.parse_args()
    scans = sorted(
        p for p in options.scans.iterdir() if p.name.endswith(("_T1.nii.gz", "_T1w.nii.gz"))
    )
    cores = len(os.sched_getaffinity(0))
    print(f"{cores} cores, load {os.getloadavg()[0]:.1f} at the start\n")
    results: dict = {}
    for part in options.parts:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            measure = {
                "rows": rows,
                "scans": many_scans,
                "tasks": tasks,
                "array": array,
                "memory": memory,
                "heads": heads,
            }[part]
            results[part] = measure(Path(folder), scans)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")


class Seconds(NamedTuple):
    """How long a command took, and how much of processors it used meanwhile."""

    wall: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.wall:.1f} ({self.cpu:.1f})"


def lodbrain(*arguments: object) -> tuple[Seconds, str]:
    """Run a command; its seconds and what it said last."""
    started, used = time.perf_counter(), cpu_seconds()
    done = called(*arguments)
    seconds = Seconds(time.perf_counter() - started, cpu_seconds() - used)
    return seconds, done.stderr.splitlines()[-1]


def called(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "lodbrain_cli", *(str(a) for a in arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: {done.stderr}")
    return done


def cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def plan_of(folder: Path, scans: list[Path], count: int, level: tuple[str, ...] = LEVEL) -> Path:
    """Plan `count` scans, links to those that there are in turn."""
    (folder / "in").mkdir(parents=True)
    for number in range(count):
        link = folder / f"in/sub-{number:03d}_T1w.nii.gz"
        link.symlink_to(scans[number % len(scans)].resolve())
    plan = folder / "plan.tsv"
    lodbrain("plan", folder / "in", folder / "out", "-o", plan, *level)
    return plan


def rows(folder: Path, scans: list[Path]) -> dict:
    """Plan, resume and collect for growing numbers of scans, of which all are done."""
    template = real_record(folder / "one", scans)
    found = {}
    print("Seconds on the clock, and in brackets of the processor.\n")
    print("| rows | plan, all to do | plan, all done | run, all done | collect | MB of plan |")
    print("|---|---|---|---|---|---|")
    for count in ROWS:
        place = folder / str(count)
        simulate_scans(place / "in", count)
        arguments = (place / "in", place / "out", "-o", place / "plan.tsv", "--overwrite", *LEVEL)
        todo, _ = lodbrain("plan", *arguments)
        simulate_results(place, count, template)
        done, told = lodbrain("plan", *arguments)
        assert f"{count} done" in told, told
        resumed, told = lodbrain("run", place / "plan.tsv")
        assert f"{count} were done before" in told, told
        collected, told = lodbrain("collect", place / "out")
        assert told == f"{count} scans with results, 0 failed", told
        size = (place / "plan.tsv").stat().st_size
        found[count] = {
            "plan_todo_s": todo, "plan_done_s": done, "run_done_s": resumed,
            "collect_s": collected, "plan_bytes": size,
        }  # fmt: skip
        print(f"| {count:,} | {todo} | {done} | {resumed} | {collected} | {size / 1e6:.1f} |")
        shutil.rmtree(place)
    return found


def real_record(folder: Path, scans: list[Path]) -> dict:
    lodbrain("run", plan_of(folder, scans, 1))
    return json.loads((folder / "out/sub-000_seg-lodbrain_dseg_run.json").read_text())


def simulate_scans(folder: Path, count: int) -> None:
    (folder / "dataset_description.json").parent.mkdir(parents=True)
    (folder / "dataset_description.json").write_text(
        '{"Name": "simulated", "BIDSVersion": "1.10.0"}'
    )
    for number in range(count):
        path = folder / SCAN.format(number)
        path.parent.mkdir(parents=True)
        path.write_bytes(b"a scan")


def simulate_results(place: Path, count: int, template: dict) -> None:
    for number in range(count):
        source = place / "in" / SCAN.format(number)
        stem = place / "out" / LABELS.format(number)
        stem.parent.mkdir(parents=True)
        paths = {
            "labels": f"{stem}.nii.gz",
            "label_names": f"{stem}.tsv",
            "record": f"{stem}_run.json",
        }
        for path in list(paths.values())[:2]:
            Path(path).write_bytes(b"a result")
        known = source.stat()
        facts = {"path": str(source), "bytes": known.st_size, "mtime_ns": known.st_mtime_ns}
        record = {**template, "input": {**template["input"], **facts}, "outputs": paths}
        Path(paths["record"]).write_text(json.dumps(record, indent=2))


def many_scans(folder: Path, scans: list[Path]) -> dict:
    """Seconds per scan of one process, its start included."""
    found = {}
    print(
        "\n| level | scans in one process | s | s per scan | CPU s per scan "
        "| steps of a scan, median s |"
    )
    print("|---|---|---|---|---|---|")
    for name, level in (("coarse", LEVEL), ("fine", FINE)):
        for count in BATCHES:
            place = folder / f"{name}-{count}"
            seconds, _ = lodbrain("run", plan_of(place, scans, count, level))
            records = [json.loads(p.read_text()) for p in place.glob("out/*_run.json")]
            steps = statistics.median(sum(record["seconds"].values()) for record in records)
            found[f"{name}-{count}"] = {"seconds": seconds, "steps_s": steps}
            print(
                f"| {name} | {count} | {seconds.wall:.1f} | {seconds.wall / count:.2f} "
                f"| {seconds.cpu / count:.2f} | {steps:.2f} |",
                flush=True,
            )
    return found


def tasks(folder: Path, scans: list[Path]) -> dict:
    """Tell what a task of an array costs before its first scan and after its last."""
    found = []
    for number in range(TASKS):
        place = folder / str(number)
        seconds, _ = lodbrain("run", plan_of(place, scans, 1))
        record = json.loads(next(place.glob("out/*_run.json")).read_text())
        found.append((seconds.wall, sum(record["seconds"].values()), record["load_seconds"]))
    total, steps, load = (statistics.median(column) for column in zip(*found, strict=True))
    print(
        f"\nA task with one scan takes {total:.2f} s, of which the scan {steps:.2f} s and loading "
        f"the network {load:.2f} s: {total - steps:.2f} s are the task's own (medians of {TASKS})."
    )
    return {"total_s": total, "steps_s": steps, "load_s": load}


def array(folder: Path, scans: list[Path]) -> dict:
    """Seconds per scan of an array whose tasks have all cores, so that they run in turn."""
    cores = len(os.sched_getaffinity(0))
    found = {}
    print("\n| level | scans | one process, s per scan | tasks | array, s per scan |")
    print("|---|---|---|---|---|")
    for name, level in (("coarse", LEVEL), ("fine", FINE)):
        for count, tasks in ARRAYS:
            place = folder / f"{name}-{count}"
            alone, _ = lodbrain("run", plan_of(place / "alone", scans, count, level))
            plan = plan_of(place / "array", scans, count, level)
            wall = submitted(plan, "--tasks", tasks, "--cpus", cores, "--mem", "4G", "--offline")
            done = len(list(place.glob("array/out/*_run.json")))
            assert done == count, f"{done} of {count} done"
            found[f"{name}-{count}"] = {"process_s": alone, "array_s": wall}
            print(
                f"| {name} | {count} | {alone.wall / count:.2f} | {tasks} | {wall / count:.2f} |",
                flush=True,
            )
    return found


def submitted(plan: Path, *options: object) -> float:
    """Seconds from the submission of an array to the end of its last task."""
    started = time.perf_counter()
    done = called("slurm", plan, "-o", plan.with_name("array.sh"), "--submit", *options)
    job = done.stdout.split()[0]
    while subprocess.run(
        ["squeue", "-h", "-j", job], check=True, capture_output=True, text=True
    ).stdout.strip():
        time.sleep(0.2)
    return time.perf_counter() - started


WATCHER = """
import json, os, sys
from lodbrain_cli.batch.claims import Claims
from lodbrain_cli.batch.journal import Journal
from lodbrain_cli.batch.plan import read_plan
from lodbrain_cli.batch.run import run_jobs
from lodbrain_cli.inference.devices import resident_bytes
from lodbrain_cli.segmentation import Segmenter
from pathlib import Path
jobs, seen = read_plan(Path(sys.argv[1])), []
with Journal() as journal, Claims() as claims:
    load = lambda: Segmenter(jobs[0].settings.asked_preset, level=jobs[0].settings.level)
    for outcome in run_jobs(load, jobs, claims=claims, journal=journal):
        assert outcome.result is not None, outcome.error
        del outcome
        seen.append((resident_bytes(), len(os.listdir("/proc/self/fd"))))
print(json.dumps(seen))
"""


def memory(folder: Path, scans: list[Path]) -> dict:
    """Resident memory and open files of one process after each of many scans."""
    resident, files = watched(plan_of(folder, scans, MANY))
    early, late = (statistics.median(part) for part in (resident[40:60], resident[180:]))
    print(
        f"\n{MANY} scans in one process: {early / 1e6:.0f} MB resident about scan 50, "
        f"{late / 1e6:.0f} MB at the end ({late / early - 1:+.1%}); open files {files[49]} and "
        f"{files[-1]}."
    )
    return {"early_bytes": early, "late_bytes": late, "files": [files[49], files[-1]]}


def heads(folder: Path, scans: list[Path]) -> dict:
    """Resident memory of one process after each of many heads at the fine level.

    Heads of all sizes, for what is compiled depends on the size of the brain.
    """
    resident, _ = watched(plan_of(folder, scans, HEADS, FINE))
    found = {count: statistics.median(resident[count - 10 : count]) for count in (20, 60, HEADS)}
    told = ", ".join(f"{size / 1e6:.0f} MB about scan {count}" for count, size in found.items())
    print(
        f"\n{HEADS} scans of {len(scans)} heads at the fine level in one process: {told} resident."
    )
    return {"resident_bytes": list(resident)}


def watched(plan: Path) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Work through a plan in one process; its memory and open files after each scan."""
    done = subprocess.run(
        [sys.executable, "-c", WATCHER, plan], check=True, capture_output=True, text=True
    )
    resident, files = zip(*json.loads(done.stdout), strict=True)
    return resident, files


if __name__ == "__main__":
    main()
