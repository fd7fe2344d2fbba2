"""``lodbrain plan`` and ``lodbrain run`` as a user meets them, without a cluster."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from lodbrain_cli.cli.parameter_types import Duration
from lodbrain_cli.presets import MODEL_FILE, get_preset, model_to_plain

from ..phantoms import phantom

pytestmark = pytest.mark.usefixtures("quick_network")

SMALL = {"voxel_mm": (4.0, 4.4, 5.0), "shape": (40, 44, 36)}
LABELS = "_seg-lodbrain_dseg.nii.gz"

# The command line with a network that takes as long as told, and counts what it does.
SLOW = """
import os, sys, time
from types import SimpleNamespace
import lodbrain_cli.segmentation.pipeline as pipeline
from lodbrain_cli.imaging.probability_maps import ProbabilityMaps
from lodbrain_cli.inference.prediction import Prediction
from lodbrain_cli.presets import get_preset
def predict(image, **_):
    print("computing", flush=True)
    time.sleep(float(os.environ["SECONDS"]))
    return Prediction(ProbabilityMaps.background(7, [slice(0, 8)] * 3, image.shape))
preset = get_preset("lod-brain")
loaded = pipeline.LoadedNetwork(
    preset, "fine", preset.level("fine"),
    SimpleNamespace(device="cpu", name="", threads=1, predict=predict),
    SimpleNamespace(
        path=SimpleNamespace(name="w"), sha256=preset.weights.sha256, origin="", released=True))
pipeline.Segmenter.__init__ = lambda self, **_: self._use(loaded, None)
from lodbrain_cli.cli.main import main
main(args=sys.argv[1:])
"""


def rows(path):
    header, *lines = path.read_text().splitlines()
    return [dict(zip(header.split("\t"), line.split("\t"), strict=True)) for line in lines]


def scans(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    return [phantom(folder, f"{name}_T1w.nii.gz", **SMALL) for name in names]


@pytest.fixture
def study(run, tmp_path):
    """Three good scans and a damaged one, planned."""
    scans(tmp_path / "in", "a", "b", "c")
    (tmp_path / "in/bad_T1w.nii.gz").write_bytes(b"damaged")
    assert run("plan", tmp_path / "in", tmp_path / "out", "-o", tmp_path / "p.tsv").exit_code == 0
    return tmp_path


def states(run, folder):
    done = run(
        "plan", folder / "in", folder / "out", "-o", folder / "now.tsv", "--overwrite", "--json"
    )
    assert done.exit_code == 0, done.stderr
    found = rows(folder / "now.tsv")
    return {Path(row["input"]).name.split("_")[0]: row["state"] for row in found}


def test_a_plan_has_a_row_per_scan_in_a_stable_order(run, study):
    first = (study / "p.tsv").read_bytes()
    names = [Path(row["input"]).name for row in rows(study / "p.tsv")]
    assert names == [f"{name}_T1w.nii.gz" for name in ("a", "b", "bad", "c")]
    assert {row["state"] for row in rows(study / "p.tsv")} == {"todo"}
    assert len({row["options_hash"] for row in rows(study / "p.tsv")}) == 1
    refused = run("plan", study / "in", study / "out", "-o", study / "p.tsv")
    assert refused.exit_code == 2
    assert "exists already" in refused.stderr
    run("plan", study / "in", study / "out", "-o", study / "p.tsv", "--overwrite")
    assert (study / "p.tsv").read_bytes() == first
    assert not (study / "out").exists(), "a plan makes nothing but itself"


def test_the_plan_is_done_but_for_the_damaged_scan_and_once_only(run, study):
    done = run("run", study / "p.tsv", "--device", "cpu")
    assert done.exit_code == 1
    assert done.stderr.splitlines()[-1] == "3 done, 0 were done before, 1 failed, 0 left"
    written = [study / "out" / f"{name}{LABELS}" for name in "abc"]
    assert done.stdout.splitlines() == [str(path) for path in written]
    failure = json.loads((study / "out/bad_seg-lodbrain_dseg_failed.json").read_text())
    assert failure["error"]["class"] == "InputError"
    assert failure["error"]["exit_code"] == 3
    assert len(failure["input"]["sha256"]) == 64
    assert failure["peak_memory_bytes"] > 10**7
    record = json.loads((study / "out/a_seg-lodbrain_dseg_run.json").read_text())
    assert record["options_hash"] == rows(study / "p.tsv")[0]["options_hash"]
    assert record["input"]["bytes"] == (study / "in/a_T1w.nii.gz").stat().st_size
    log = (study / "out/a_seg-lodbrain_dseg_run.log").read_text()
    assert [line.split(" ", 1)[1] for line in log.splitlines()][1:4] == ["read", "conform", "check"]
    assert "failed: InputError" in (study / "out/bad_seg-lodbrain_dseg_run.log").read_text()
    assert not list((study / "out").glob(".*")), "no claim and no temporary file stays"
    before = [path.stat().st_mtime_ns for path in written]
    again = run("run", study / "p.tsv", "--device", "cpu", "--json")
    assert again.exit_code == 1
    (told,) = again.stdout.splitlines()
    assert json.loads(told)["error"]["class"] == "InputError"
    assert "0 done, 3 were done before, 1 failed" in again.stderr
    assert [path.stat().st_mtime_ns for path in written] == before


def test_states_tell_done_failed_stale_and_todo_apart(run, study):
    run("run", study / "p.tsv", "--device", "cpu")
    assert states(run, study) == {"a": "done", "b": "done", "bad": "failed", "c": "done"}
    os.utime(study / "in/a_T1w.nii.gz", (1, 1))
    assert states(run, study)["a"] == "done", "another time, but the same content"
    phantom(study / "in", "a_T1w.nii.gz", voxel_mm=(4.2, 4.4, 5.0), shape=(40, 44, 36))
    (study / "out" / f"b{LABELS}").unlink()
    (study / "out/c_seg-lodbrain_dseg_run.json").write_text("[[]")
    scans(study / "in", "bad")
    assert states(run, study) == {"a": "stale", "b": "todo", "bad": "stale", "c": "todo"}
    only = ("-o", study / "again.tsv", "--only", "missing,stale")
    assert run("plan", study / "in", study / "out", *only).exit_code == 0
    assert len(rows(study / "again.tsv")) == 4
    done = run("run", study / "again.tsv", "--device", "cpu")
    assert done.exit_code == 0, done.stderr
    assert set(states(run, study).values()) == {"done"}
    assert not list((study / "out").glob("*_failed.json"))


def test_other_options_and_other_weights_make_results_stale(run, study):
    run("run", study / "p.tsv", "--device", "cpu")
    for options, reason in (
        (("--space", "conformed"), "options"),
        (("--level", "coarse"), "options"),
        (("--weights", study / "other.h5"), "weights"),
    ):
        (study / "other.h5").write_bytes(b"other weights")
        made = run(
            "plan", study / "in", study / "out", "-o", study / "x.tsv", "--overwrite", *options
        )
        assert made.exit_code == 0, made.stderr
        by_name = {Path(row["input"]).name[0]: row for row in rows(study / "x.tsv")}
        assert (by_name["a"]["state"], by_name["a"]["reason"]) == ("stale", reason)
    refused = run("run", study / "x.tsv", "--device", "cpu")
    assert refused.exit_code == 2
    assert "asks for weights" in refused.stderr
    assert "--weights" in refused.stderr


def test_a_network_of_ones_own_is_planned_by_where_it_lies(run, study, monkeypatch):
    known = get_preset("lod-brain")
    own = replace(known, name="mine", weights=replace(known.weights, name="mine.h5", urls=()))
    (study / "model").mkdir()
    (study / "model" / MODEL_FILE).write_text(json.dumps(model_to_plain(own, [])))
    monkeypatch.chdir(study)
    options = ("--preset", "./model", "--overwrite")
    assert run("plan", "in", "out", "-o", "p.tsv", *options).exit_code == 0
    asked = json.loads(rows(study / "p.tsv")[0]["options"])
    assert (asked["preset"], asked["model"]) == ("mine", str(study / "model"))
    monkeypatch.chdir("/")
    done = run("run", study / "p.tsv", "--device", "cpu")
    assert "3 done" in done.stderr, done.output
    again = run("plan", study / "in", study / "out", "-o", study / "p.tsv", "--preset",
                study / "model", "--overwrite", "--json")  # fmt: skip
    assert json.loads(again.stdout)["done"] == 3
    shown = run("slurm", study / "p.tsv", "--dry-run", "--image", "x.sif")
    assert f"--bind {study}:{study}:ro" in shown.stdout, "the model is seen in the container"


def test_further_results_stand_beside_the_labels_and_are_missed(run, study):
    run("run", study / "p.tsv", "--device", "cpu")
    also = ("--also", "volumes", "--also", "brain-mask")
    run("plan", study / "in", study / "out", "-o", study / "v.tsv", *also, "--only", "missing")
    first = rows(study / "v.tsv")[0]
    assert first["reason"] == "a_desc-brain_mask.nii.gz is missing"
    assert run("run", study / "v.tsv", "--device", "cpu").exit_code == 0
    assert (study / "out/c_desc-volumes_stats.tsv").is_file()
    assert (study / "out/c_desc-brain_mask.nii.gz").is_file()


def test_of_a_bids_dataset_the_raw_t1w_scans_are_planned(run, tmp_path):
    bids = tmp_path / "bids"
    for folder in ("sub-01/anat", "sub-02/ses-a/anat", "derivatives/fmriprep/sub-01/anat"):
        name = "_".join(folder.split("/")[:-1]).replace("derivatives_fmriprep_", "")
        scans(bids / folder, name)
    scans(bids / "sourcedata/sub-01/anat", "sub-01")
    phantom(bids / "sub-01/anat", "sub-01_T2w.nii.gz", **SMALL)
    (bids / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.10.0"}')
    assert run("plan", bids, tmp_path / "out", "-o", tmp_path / "p.tsv").exit_code == 0
    outputs = [
        Path(row["output"]).relative_to(tmp_path / "out").as_posix()
        for row in rows(tmp_path / "p.tsv")
    ]
    assert outputs == [
        f"sub-01/anat/sub-01{LABELS}",
        f"sub-02/ses-a/anat/sub-02_ses-a{LABELS}",
    ]


def test_a_table_names_inputs_outputs_frames_and_ages(run, tmp_path):
    image = nib.load(scans(tmp_path, "a")[0])
    stacked = np.stack([np.zeros(image.shape, "int16"), np.asarray(image.dataobj)], -1)
    nib.save(nib.Nifti1Image(stacked, image.affine), tmp_path / "four.nii.gz")
    (tmp_path / "t.tsv").write_text(
        "input\tage\toutput\tframe\na_T1w.nii.gz\t3\tn/a\tn/a\nfour.nii.gz\t4\tx/four.nii.gz\t1\n"
    )
    assert (
        run("plan", tmp_path / "t.tsv", tmp_path / "out", "-o", tmp_path / "p.tsv").exit_code == 0
    )
    done = run("run", tmp_path / "p.tsv", "--device", "cpu")
    assert done.exit_code == 0, done.stderr
    assert (tmp_path / f"out/a{LABELS}").is_file()
    assert nib.load(tmp_path / "out/x/four.nii.gz").shape == image.shape
    planned = (tmp_path / "p.tsv").read_text()
    assert [f'"age": {age}' in planned for age in (3.0, 4.0)] == [True, True]


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("input\n", 3, "names no scan"),
        ("scan\na\n", 3, "with the columns input"),
        ("input\tframe\na\t-1\n", 3, "expected a number from 0"),
        ("input\tage\na\told\n", 3, "expected years from 0 to 130"),
        ("input\toutput\na\tx.nii\nb\tx.nii\n", 2, "would both be written"),
        ("input\toutput\na.nii\t../a.nii\n", 2, "is a scan"),
    ],
)
def test_a_table_that_cannot_be_meant_is_refused(run, tmp_path, text, code, message):
    (tmp_path / "t.tsv").write_text(text)
    done = run("plan", tmp_path / "t.tsv", tmp_path / "out", "-o", tmp_path / "p.tsv")
    assert done.exit_code == code
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "p.tsv").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("\toptions\n", "\topt\n"), "with the columns input, output, options"),
        (('"postprocess": true', '"postprocess": 1'), "as 'lodbrain plan' writes them"),
        (('{"preset"', "[1"), "as 'lodbrain plan' writes them"),
        (('{"preset"', '{"shell": "x", "preset"'), "as 'lodbrain plan' writes them"),
        (('"level": "fine"', '"level": "coarse"'), "different networks"),
    ],
)
def test_a_plan_that_was_tampered_with_is_refused(run, study, change, message):
    text = (study / "p.tsv").read_text()
    (study / "q.tsv").write_text(text.replace(*change, 1))
    done = run("run", study / "q.tsv", "--device", "cpu")
    assert done.exit_code in (2, 3)
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_shards_together_do_all_of_it(run, study):
    written = []
    for index in (1, 2, 3):
        done = run("run", study / "p.tsv", "--shard", f"{index}/3", "--device", "cpu")
        written += done.stdout.splitlines()
    assert sorted(written) == [str(study / "out" / f"{name}{LABELS}") for name in "abc"]
    assert run("run", study / "p.tsv", "--shard", "auto").exit_code == 2
    assert run("run", study / "p.tsv", "--shard", "4/3").exit_code == 2


def test_shard_auto_reads_the_scheduler(run, study, monkeypatch):
    monkeypatch.setenv("SGE_TASK_ID", "4")
    monkeypatch.setenv("SGE_TASK_FIRST", "1")
    monkeypatch.setenv("SGE_TASK_LAST", "4")
    monkeypatch.setenv("LODBRAIN_SHARD", "auto")
    done = run("run", study / "p.tsv", "--device", "cpu")
    assert done.stdout.splitlines() == [str(study / "out" / f"c{LABELS}")]


def test_an_empty_plan_and_a_done_one_load_no_network(run, study, monkeypatch):
    run("run", study / "p.tsv", "--device", "cpu")
    monkeypatch.setattr("lodbrain_cli.segmentation.loading.start_engine", None)
    run("plan", study / "in", study / "out", "-o", study / "e.tsv", "--only", "stale")
    assert rows(study / "e.tsv") == []
    assert run("run", study / "e.tsv").exit_code == 0
    run("plan", study / "in", study / "out", "-o", study / "d.tsv", "--only", "done")
    assert run("run", study / "d.tsv").exit_code == 0


def test_enough_failures_end_the_run(run, tmp_path):
    (tmp_path / "in").mkdir()
    for name in "abcdef":
        (tmp_path / f"in/{name}_T1w.nii.gz").write_bytes(b"damaged")
    run("plan", tmp_path / "in", tmp_path / "out", "-o", tmp_path / "p.tsv")
    done = run("run", tmp_path / "p.tsv", "--max-failures", 2, "--device", "cpu", "--memory", "8G")
    assert done.exit_code == 1
    assert "2 failed, 4 left (2 scans failed, which is all" in done.stderr.splitlines()[-1]


def test_a_bug_that_one_scan_meets_does_not_stop_the_rest(run, study, monkeypatch):
    from lodbrain_cli.imaging import normalisation

    real = normalisation.z_score

    def broken(volume, **options):
        if broken.calls.append(0) or len(broken.calls) == 2:
            raise ZeroDivisionError("no such\nthing")
        return real(volume, **options)

    broken.calls = []
    monkeypatch.setattr("lodbrain_cli.imaging.normalisation.z_score", broken)
    done = run("run", study / "p.tsv", "--device", "cpu")
    assert done.exit_code == 1
    assert "2 done, 0 were done before, 2 failed" in done.stderr
    failure = json.loads((study / "out/b_seg-lodbrain_dseg_failed.json").read_text())
    assert failure["error"]["class"] == "ZeroDivisionError"
    assert any("in broken" in line for line in failure["error"]["details"])
    assert "\n" not in failure["error"]["message"]
    assert "Traceback" not in done.stderr


def test_memory_that_runs_out_asks_to_be_tried_again(run, study, monkeypatch):
    def exhausted(*_args, **_options):
        raise MemoryError

    (study / "in/bad_T1w.nii.gz").unlink()
    run("plan", study / "in", study / "out", "-o", study / "m.tsv")
    monkeypatch.setattr("lodbrain_cli.imaging.normalisation.z_score", exhausted)
    done = run("run", study / "m.tsv", "--device", "cpu")
    assert done.exit_code == 5
    assert states(run, study) == dict.fromkeys("abc", "failed")


def test_a_result_folder_that_cannot_be_made_fails_its_scan_alone(run, tmp_path):
    scans(tmp_path / "in/one", "a")
    scans(tmp_path / "in/two", "b")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/one").write_text("in the way")
    run("plan", tmp_path / "in", tmp_path / "out", "-o", tmp_path / "p.tsv")
    done = run("run", tmp_path / "p.tsv", "--device", "cpu")
    assert done.exit_code == 1, done.output
    assert "Traceback" not in done.output
    assert done.stdout.splitlines() == [str(tmp_path / f"out/two/b{LABELS}")]


def test_hostile_names_are_names_like_any_other(run, tmp_path):
    names = ["a b", "$(touch pwned)", "q'uo\"te", "new\nline", "tab\there", "back\\slash", "-o"]
    names += [os.fsdecode(b"M\xfcller"), "\u2028sep", "#hash"]
    scans(tmp_path / "in", *names)
    made = run("plan", tmp_path / "in", tmp_path / "out", "-o", tmp_path / "p.tsv")
    assert made.exit_code == 0, made.output
    done = run("run", tmp_path / "p.tsv", "--device", "cpu", "-q")
    assert done.exit_code == 0, done.output
    for name in names:
        assert (tmp_path / "out" / f"{name}{LABELS}").is_file()
    assert not list(tmp_path.rglob("pwned"))


def slow(seconds, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", SLOW, *(str(a) for a in arguments)],
        env={**os.environ, "SECONDS": str(seconds)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def records(folder):
    return sorted(path.name[0] for path in (folder / "out").glob("*_run.json"))


@pytest.fixture
def five(run, tmp_path):
    scans(tmp_path / "in", *"abcde")
    run("plan", tmp_path / "in", tmp_path / "out", "-o", tmp_path / "p.tsv")
    return tmp_path


def test_sigterm_ends_the_run_after_the_scan_at_hand(five):
    with slow(1, "run", five / "p.tsv") as process:
        assert process.stdout.readline() == "computing\n"
        process.send_signal(signal.SIGTERM)
        out, errors = process.communicate(timeout=60)
    assert process.returncode == 143, errors
    assert errors.splitlines()[-1] == "1 done, 0 were done before, 0 failed, 4 left (terminated)"
    assert out.count("computing") == 0, "no scan is begun after the signal"
    assert records(five) == ["a"]
    assert not list((five / "out").glob(".*"))


def test_a_second_sigterm_ends_at_once(five):
    with slow(60, "run", five / "p.tsv") as process:
        assert process.stdout.readline() == "computing\n"
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 143, errors
    assert "Traceback" not in errors
    assert records(five) == []
    assert not list((five / "out").glob(".*"))


def test_the_time_limit_ends_between_scans_and_the_rest_is_left(five):
    with slow(1, "run", five / "p.tsv", "--time-limit", "4s") as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 5, errors
    assert "left (the time limit is near)" in errors.splitlines()[-1]
    assert 1 <= len(records(five)) <= 4
    assert not list((five / "out").glob(".*"))


def test_after_a_kill_the_next_run_does_the_rest_and_nothing_twice(run, five):
    with slow(0.3, "run", five / "p.tsv") as process:
        for _ in range(3):
            assert process.stdout.readline()
        time.sleep(0.1)
        process.kill()
    first = {path: path.stat().st_mtime_ns for path in (five / "out").glob("*_run.json")}
    assert 1 <= len(first) <= 4
    assert list((five / "out").glob(".lodbrain-claim-*")), "what it was at is still claimed"
    run("plan", five / "in", five / "out", "-o", five / "claimed.tsv", "--only", "missing")
    reasons = [row["reason"] for row in rows(five / "claimed.tsv")]
    assert any(reason.startswith(f"claimed by process {process.pid} on ") for reason in reasons)
    began = time.monotonic()
    done = run("run", five / "p.tsv", "--device", "cpu")
    assert time.monotonic() - began < 60, "dead claims are not waited for"
    assert done.exit_code == 0, done.stderr
    assert f"{5 - len(first)} done, {len(first)} were done before" in done.stderr
    assert records(five) == list("abcde")
    assert {path: path.stat().st_mtime_ns for path in first} == first
    assert not list((five / "out").glob(".*"))


def test_what_a_process_that_died_as_it_ended_left_is_cleared_away(run, study):
    run("run", study / "p.tsv", "--device", "cpu")
    digest = hashlib.sha256(f"a{LABELS}".encode()).hexdigest()[:16]
    claim = study / "out" / f".lodbrain-claim-{digest}.0"
    claim.write_text("{}")
    os.utime(claim, (0, 0))
    assert "3 were done before" in run("run", study / "p.tsv", "--device", "cpu").stderr
    assert not list((study / "out").glob(".*"))


def test_two_runs_of_one_plan_share_the_work(five):
    with slow(0.4, "run", five / "p.tsv") as one, slow(0.4, "run", five / "p.tsv") as other:
        told = [process.communicate(timeout=90) for process in (one, other)]
    assert [one.returncode, other.returncode] == [0, 0], told
    computed = [out.count("computing") for out, _ in told]
    assert sum(computed) == 5, "nothing twice"
    assert min(computed) >= 1
    assert records(five) == list("abcde")
    assert not list((five / "out").glob(".*"))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("90s", 90), ("3h30m", 12600), ("1d", 86400), ("45M", 2700), ("0:30", 30)),
        *(("3:30:00", 12600), ("1-12:30", 131400), ("2-01:00:05", 176405)),
    ],
)
def test_times_are_read_as_people_and_slurm_write_them(text, seconds):
    assert Duration().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "5", "soon", "3h -1m", "0s", "1:2:3:4", "٣h"])
def test_a_time_that_is_none_is_wrong_usage(run, study, text):
    done = run("run", study / "p.tsv", "--time-limit", text)
    assert done.exit_code == 2
    assert "is no time" in done.stderr
