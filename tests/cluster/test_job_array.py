"""Job arrays of a real Slurm, on phantoms, with the coarse stage of the packaged preset."""

import json
import time
from collections import Counter
from pathlib import Path

import pytest

from ..phantoms import phantom

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

PRESET = ("--preset", "lod-brain-synth", "--level", "coarse")
FEW = ("--cpus", "1", "--mem", "1500M", "--offline")


def rows(path):
    header, *lines = path.read_text().splitlines()
    return [dict(zip(header.split("\t"), line.split("\t"), strict=True)) for line in lines]


def make_plan(run, folder, name, *options):
    path = folder / name
    done = run("plan", folder / "in", folder / "out", "-o", path, *PRESET, *options)
    assert done.exit_code == 0, done.output
    return path


def submit(run, plan, name, *options):
    done = run("slurm", plan, "-o", plan.with_name(name), "--submit", *FEW, *options)
    assert done.exit_code == 0, done.output
    return done.stdout.split()


def written_by_tasks(folder):
    """How often the tasks' logs name each label image as new."""
    lines = [
        line for log in (folder / "logs").glob("*.log") for line in log.read_text().split("\n")
    ]
    return Counter(line for line in lines if line.endswith("_dseg.nii.gz"))


def study(folder, count):
    (folder / "in").mkdir(parents=True)
    for number in range(count):
        phantom(
            folder / "in", f"sub-{number:02}_T1w.nii.gz", voxel_mm=(3, 3, 3), shape=(60, 70, 60)
        )
    return folder


def test_what_a_cluster_does_to_an_array_is_mended_by_a_second_one(slurm, run, tmp_path):
    # 4 tasks, 12 scans: one scan damaged, one task cancelled, one over its memory.
    folder = study(tmp_path / 'it\'s a $(touch pwned) "study"; #1', 12)
    (folder / "in/sub-05_T1w.nii.gz").write_bytes(b"damaged")
    plan = make_plan(run, folder, "plan.tsv")
    submit_all = ("--tasks", 4, "--throttle", 3)
    made = run("slurm", plan, "-o", folder / "first.sh", *submit_all, *FEW)
    assert made.exit_code == 0, made.output
    sbatch = ("sbatch", "--parsable")
    small = slurm.ask(*sbatch, "--array=4", "--mem=170M", folder / "first.sh", check=True).strip()
    array = slurm.ask(*sbatch, "--array=1-3", folder / "first.sh", check=True).strip()
    first_of_two = folder / "out/sub-01_seg-lodbrain_dseg.nii.gz"  # of task 2: 1, 5, 9
    deadline = time.monotonic() + 90
    while not first_of_two.exists():
        assert time.monotonic() < deadline, slurm.ask("squeue", "-l")
        time.sleep(0.05)
    slurm.ask("scancel", "-b", "-s", "KILL", f"{array}_2", check=True)
    slurm.wait(small, array)
    assert "exceeded memory limit" in (folder / f"logs/{small}_4.log").read_text()
    assert " done, " not in (folder / f"logs/{array}_2.log").read_text(), "it had no last word"
    assert list((folder / "out").glob(".lodbrain-claim-*")), "nor gave up its claims"
    states = Counter(row["state"] for row in rows(make_plan(run, folder, "between.tsv")))
    assert states["done"] >= 6, states
    assert states["done"] <= 10, "the cancelled task and the one without memory did not do all"
    whole = {path: path.stat().st_mtime_ns for path in (folder / "out").glob("*_run.json")}

    again = make_plan(run, folder, "again.tsv", "--only", "failed,missing")
    assert 2 <= len(rows(again)) <= 6
    second, after = submit(run, again, "second.sh", "--tasks", 2, "--collect", folder / "out")
    slurm.wait(second, after)
    left = make_plan(run, folder, "left.tsv", "--only", "failed,missing,stale")
    assert [Path(row["input"]).name for row in rows(left)] == ["sub-05_T1w.nii.gz"]
    assert rows(left)[0]["reason"] == "InputError"
    assert {path: path.stat().st_mtime_ns for path in whole} == whole, "nothing twice"
    assert not list((folder / "out").glob(".*")), "nothing half-written, nothing claimed"
    assert set(written_by_tasks(folder).values()) == {1}
    records = [json.loads(p.read_text()) for p in (folder / "out").glob("*_run.json")]
    assert len(records) == 11
    assert {record["job"].split("_")[0] for record in records} <= {small, array, second}
    # the dependent job made the tables
    assert len(rows(folder / "out/volumes.tsv")) == 11
    assert [row["class"] for row in rows(folder / "out/failed.tsv")] == ["InputError"]
    assert not list(tmp_path.rglob("pwned"))


def test_two_arrays_on_one_folder_share_the_work(slurm, run, tmp_path):
    folder = study(tmp_path / "study", 8)
    plan = make_plan(run, folder, "plan.tsv")
    jobs = [
        submit(run, plan, f"{name}.sh", "--tasks", 1, "--logs", folder / "logs")[0]
        for name in ("one", "other")
    ]
    slurm.wait(*jobs)
    assert Counter(row["state"] for row in rows(make_plan(run, folder, "after.tsv"))) == {"done": 8}
    written = written_by_tasks(folder)
    assert len(written) == 8
    assert set(written.values()) == {1}, "nothing twice"
    told = [(folder / f"logs/{job}_1.log").read_text().splitlines()[-1] for job in jobs]
    assert all(" 0 failed, 0 left" in line for line in told), told
    assert not list((folder / "out").glob(".*"))


def test_a_cancelled_task_finishes_its_scan_and_says_so(slurm, run, tmp_path):
    folder = study(tmp_path / "study", 12)
    plan = make_plan(run, folder, "plan.tsv")
    (job,) = submit(run, plan, "a.sh", "--tasks", 1)
    deadline = time.monotonic() + 60
    while not list(folder.glob("out/*_run.json")):
        assert time.monotonic() < deadline, slurm.ask("squeue", "-l")
        time.sleep(0.05)
    slurm.ask("scancel", job, check=True)
    slurm.wait(job)
    log = (folder / f"logs/{job}_1.log").read_text()
    assert "left (terminated)" in log
    done = [row for row in rows(make_plan(run, folder, "after.tsv")) if row["state"] == "done"]
    assert 1 <= len(done) < 12
    assert not list((folder / "out").glob(".*"))
