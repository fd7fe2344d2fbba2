"""``lodbrain slurm``: scripts whose words are those that were meant; no Slurm is needed here."""

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from .test_run import LABELS, scans

HOSTILE = 'it\'s a "plan" $(touch pwned) `touch pwned`;touch pwned # %a\n&'
PRESET = ("--preset", "lod-brain-synth", "--level", "coarse")


@pytest.fixture
def study(run, tmp_path):
    """Five damaged scans, planned: nothing is ever computed."""
    (tmp_path / "in").mkdir()
    for name in "abcde":
        (tmp_path / f"in/{name}_T1w.nii.gz").write_bytes(b"damaged")
    run("plan", tmp_path / "in", tmp_path / "out", "-o", tmp_path / "p.tsv", *PRESET)
    return tmp_path


def directives(script):
    return dict(
        line.removeprefix("#SBATCH --").partition("=")[::2]
        for line in script.splitlines()
        if line.startswith("#SBATCH")
    )


def test_a_script_asks_for_what_was_asked_for(run, study):
    done = run(
        "slurm", study / "p.tsv", "-o", study / "a.sh", "--tasks", 3, "--throttle", 2, "--cpus", 4,
        "--partition", "gpu", "--gpus", "a100:1", "--mem", "6G", "--time", "1-02:00:00",
        "--sbatch", "account=lab", "--sbatch", "qos=long", "--offline", "--max-failures", 5,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert done.stdout == f"{study / 'a.sh'}\n"
    assert f"submit: sbatch {study / 'a.sh'}" in done.stderr
    script = (study / "a.sh").read_text()
    found = directives(script)
    assert found["array"] == "1-3%2"
    assert (found["partition"], found["gres"]) == ("gpu", "gpu:a100:1")
    assert (found["cpus-per-task"], found["mem"]) == ("4", "6144M")
    assert found["time"] == "1-02:00:00"
    assert (found["account"], found["qos"]) == ("lab", "long")
    assert found["signal"] == "B:TERM@60"
    assert "requeue" in found
    assert script.splitlines()[-1] == (
        f"exec {sys.executable} -P -m lodbrain_cli run {study / 'p.tsv'} --shard auto/3 "
        "--time-limit 93540s --max-failures 5 --offline"
    )
    assert (study / "logs").is_dir()
    again = run("slurm", study / "p.tsv", "-o", study / "a.sh")
    assert again.exit_code == 2
    assert "exists already" in again.stderr


def test_a_short_task_keeps_a_quarter_of_its_time_free(run, study):
    shown = run("slurm", study / "p.tsv", "--dry-run", "--time", "2m")
    assert directives(shown.stdout)["signal"] == "B:TERM@30"
    assert "--time-limit 90s" in shown.stdout


def test_the_number_of_tasks_follows_the_plan(run, study):
    shown = run("slurm", study / "p.tsv", "--dry-run")
    assert directives(shown.stdout)["array"] == "1"
    assert "--shard auto/1" in shown.stdout
    shown = run("slurm", study / "p.tsv", "--dry-run", "--tasks", 99)
    assert directives(shown.stdout)["array"] == "1-5", "no task without a scan"
    assert not (study / "logs").exists()


@pytest.mark.usefixtures("quick_network")
def test_only_tasks_with_something_left_run_again_with_the_same_shards(run, study):
    scans(study / "in", "b", "d")
    run("run", study / "p.tsv", "--device", "cpu")
    shown = run("slurm", study / "p.tsv", "--dry-run", "--tasks", 5, "--rerun")
    assert directives(shown.stdout)["array"] == "1,3,5"
    assert "--shard auto/5" in shown.stdout
    scans(study / "in", *"ace")
    run("run", study / "p.tsv", "--device", "cpu")
    done = run("slurm", study / "p.tsv", "--dry-run", "--tasks", 5, "--rerun")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "nothing to submit" in done.stderr


def test_names_are_inert_in_a_real_shell(run, tmp_path):
    folder = tmp_path / HOSTILE
    (folder / "in").mkdir(parents=True)
    (folder / "in" / f"{HOSTILE}_T1w.nii.gz").write_bytes(b"damaged")
    plan = folder / "p l a n.tsv"
    assert run("plan", folder / "in", folder / "out", "-o", plan, *PRESET).exit_code == 0
    (tmp_path / "work").mkdir()
    made = run("slurm", plan, "-o", tmp_path / "a.sh", "--logs", tmp_path / "logs", "--offline")
    assert made.exit_code == 0, made.output
    done = subprocess.run(
        ["bash", tmp_path / "a.sh"], cwd=tmp_path / "work", capture_output=True, text=True,
        env={**os.environ, "SLURM_ARRAY_TASK_ID": "1"},
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "0 done, 0 were done before, 1 failed" in done.stderr
    stem = HOSTILE + LABELS.removesuffix(".nii.gz")
    failure = json.loads((folder / "out" / f"{stem}_failed.json").read_text())
    assert failure["input"]["path"] == str(folder / "in" / f"{HOSTILE}_T1w.nii.gz")
    assert not list(tmp_path.rglob("pwned"))


def test_in_a_container_the_words_are_the_same_and_the_folders_are_mounted(run, tmp_path):
    folder = tmp_path / "it's $(touch pwned)"
    (folder / "in/deep").mkdir(parents=True)
    (folder / "in/deep/x_T1w.nii.gz").write_bytes(b"damaged")
    run("plan", folder / "in", tmp_path / "out", "-o", folder / "p.tsv", *PRESET)
    made = run(
        "slurm", folder / "p.tsv", "-o", tmp_path / "a.sh", "--image", folder / "l b.sif",
        "--bind", tmp_path / "weights:ro", "--gpus", 1, "--collect", tmp_path / "out",
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    (tmp_path / "bin").mkdir()
    fake = tmp_path / "bin/apptainer"
    fake.write_text('#!/bin/bash\nprintf "%s\\0" "$@" > "$WORDS"\n')
    fake.chmod(0o755)
    words = {}
    for script in ("a.sh", "a_collect.sh"):
        path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "WORDS": str(tmp_path / "words")}
        subprocess.run(["bash", tmp_path / script], env=environment, check=True, cwd=tmp_path)
        words[script] = (tmp_path / "words").read_text().split("\0")[:-1]
    binds = [word for flag, word in pairwise(words["a.sh"]) if flag == "--bind"]
    assert binds == [
        f"{folder}:{folder}:ro",
        f"{tmp_path / 'out'}:{tmp_path / 'out'}:rw",
        f"{tmp_path / 'weights'}:{tmp_path / 'weights'}:ro",
    ]
    at = words["a.sh"].index(str(folder / "l b.sif"))
    assert words["a.sh"][:2] == ["exec", "--nv"]
    assert (tmp_path / "out").is_dir(), "what is not there cannot be mounted"
    assert words["a.sh"][at + 1 :] == [
        "lodbrain",
        "run",
        str(folder / "p.tsv"),
        "--shard",
        "auto/1",
    ]
    assert words["a_collect.sh"][-3:] == ["lodbrain", "collect", str(tmp_path / "out")]
    assert not list(tmp_path.rglob("pwned"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--partition", "x y"), "plain words"),
        (("--partition", "x\n#SBATCH --uid=0"), "plain words"),
        (("--gpus", "1 --uid=0"), "plain words"),
        (("--sbatch", "wrap=$(reboot)"), "plain words"),
        (("--sbatch", "--Wrap=x"), "plain words"),
        (("--sbatch", "account"), "plain words"),
        (("--logs", "new\nline"), "choose --logs"),
        (("--logs", "back\\slash"), "choose --logs"),
        (("--bind", "/x"), "name its --image"),
        (("--image", "x.sif", "--bind", "a:b"), "cannot be mounted"),
        (("--submit", "--dry-run"), "not both"),
        (("--mem", "4"), "no size"),
        (("--time", "4"), "no time"),
    ],
)
def test_what_cannot_be_said_to_slurm_is_refused_before_anything_is_written(
    run, study, arguments, message
):
    given = ("-o", study / "a.sh") if "--dry-run" not in arguments else ()
    done = run("slurm", study / "p.tsv", *given, *arguments)
    assert done.exit_code == 2, done.output
    assert message in done.stderr
    assert not (study / "a.sh").exists()


def test_without_slurm_the_script_stays_and_the_person_is_told(run, study, monkeypatch):
    monkeypatch.setenv("PATH", str(study))
    done = run("slurm", study / "p.tsv", "-o", study / "a.sh", "--submit")
    assert done.exit_code == 2
    assert "sbatch was not found" in done.stderr
    assert (study / "a.sh").is_file()
    empty = study / "e.tsv"
    run("plan", study / "in", study / "out", "-o", empty, "--only", "stale", *PRESET)
    assert "nothing to submit" in run("slurm", empty, "--dry-run").stderr


def test_what_slurm_refuses_is_one_line(run, study, monkeypatch):
    fake = study / "sbatch"
    fake.write_text("#!/bin/bash\necho 'error: invalid partition\nsecond line' >&2; exit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{study}:{os.environ['PATH']}")
    done = run("slurm", study / "p.tsv", "-o", study / "a.sh", "--submit")
    assert done.exit_code == 1
    assert done.stderr.splitlines() == [
        f"error: {study / 'a.sh'}: Slurm refused it (error: invalid partition second line)"
    ]
    fake.write_text('#!/bin/bash\necho "$@" >> "$(dirname "$0")/asked"\necho "77;cluster"\n')
    words = ("slurm", study / "p.tsv", "-o", study / "a.sh", "--overwrite", "--submit")
    done = run(*words, "--collect", study / "out")
    assert done.stdout == "77\n77\n"
    assert (study / "asked").read_text().splitlines() == [
        f"--parsable {study / 'a.sh'}",
        f"--parsable --dependency=afterany:77 {study / 'a_collect.sh'}",
    ]


def test_paths_of_one_folder_are_needed_for_a_container(run, study):
    table = Path(study / "t.tsv")
    table.write_text(f"input\n/other_T1w.nii.gz\n{study}/in/a_T1w.nii.gz\n")
    run("plan", table, study / "out", "-o", study / "q.tsv", *PRESET)
    done = run("slurm", study / "q.tsv", "--dry-run", "--image", "x.sif")
    assert done.exit_code == 2
    assert "no folder in common" in done.stderr
