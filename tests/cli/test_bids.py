"""``lodbrain bids`` as a BIDS App's user meets it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from ..phantoms import phantom
from .test_run import SLOW

pytestmark = pytest.mark.usefixtures("quick_network")

SMALL = {"voxel_mm": (4.0, 4.4, 5.0), "shape": (40, 44, 36)}
LONG = "acq-mp2rage_ce-gd_rec-norm_run-10_echo-1_part-mag_chunk-3"
NAMES = (
    "sub-003/anat/sub-003_acq-a_T1w",
    "sub-01/ses-post/anat/sub-01_ses-post_run-1_T1w",
    f"sub-01/ses-pre/anat/sub-01_ses-pre_{LONG}_T1w",
    "sub-01/ses-pre/anat/sub-01_ses-pre_run-2_T1w",
    "sub-Xy7/anat/sub-Xy7_T1w",
)
DESCRIPTION = {"Name": "awkward", "BIDSVersion": "1.9.0", "License": "CC0"}


def dataset(folder, *names, description=DESCRIPTION):
    folder.mkdir(parents=True)
    (folder / "dataset_description.json").write_text(json.dumps(description))
    for name in names:
        path = folder / f"{name}.nii.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        phantom(path.parent, path.name, **SMALL)
    return folder


@pytest.fixture
def study(tmp_path):
    return dataset(tmp_path / "raw", *NAMES)


def labels_of(done, folder):
    return [
        str(Path(line).relative_to(folder)).removesuffix("_seg-lodbrain_dseg.nii.gz")
        for line in done.stdout.splitlines()
    ]


def asked(run, study, *options):
    """Names of the scans that the options choose."""
    done = run("bids", study, study.parent / "no", "participant", "--dry-run", *options)
    assert done.exit_code == 0, done.stderr
    return [Path(name).name for name in labels_of(done, study.parent / "no")]


def refusal(done, code):
    assert done.exit_code == code, done.output
    assert len(done.stderr.splitlines()) == 1, done.stderr
    return done.stderr


def test_every_scan_gets_its_derivatives_once(run, study, tmp_path):
    out = study / "derivatives/lodbrain"
    done = run("bids", study, out, "participant", "--also", "probabilities", "--also", "brain")
    assert done.exit_code == 0, done.stderr
    assert labels_of(done, out) == [name.removesuffix("_T1w") for name in NAMES]
    stem = out / "sub-01/ses-pre/anat" / f"sub-01_ses-pre_{LONG}"
    written = {p.name.removeprefix(stem.name) for p in stem.parent.glob(f"{stem.name}_*")}
    assert written == {
        "_seg-lodbrain_dseg.nii.gz", "_seg-lodbrain_dseg.tsv", "_seg-lodbrain_dseg.json",
        "_seg-lodbrain_probseg.nii.gz", "_seg-lodbrain_probseg.json",
        "_desc-brain_mask.nii.gz", "_desc-brain_mask.json",
        "_desc-brain_T1w.nii.gz", "_desc-brain_T1w.json", "_desc-volumes_stats.tsv",
        "_seg-lodbrain_dseg_run.json", "_seg-lodbrain_dseg_run.log",
    }  # fmt: skip
    source = f"bids:raw:{NAMES[2]}.nii.gz"
    assert json.loads((out / f"{stem}_desc-brain_mask.json").read_text()) | {
        "Type": "Brain", "Sources": [source], "SpatialReference": source,
    } == json.loads((out / f"{stem}_desc-brain_mask.json").read_text())  # fmt: skip
    frames = json.loads((out / f"{stem}_seg-lodbrain_probseg.json").read_text())["LabelMap"]
    assert len(frames) == nib.load(f"{stem}_seg-lodbrain_probseg.nii.gz").shape[3]
    scan, labels = (
        nib.load(p) for p in (f"{study / NAMES[2]}.nii.gz", f"{stem}_seg-lodbrain_dseg.nii.gz")
    )
    assert scan.shape == labels.shape
    np.testing.assert_array_equal(scan.affine, labels.affine)
    before = {p: p.stat().st_mtime_ns for p in out.rglob("*")}
    again = run("bids", study, out, "participant", "--also", "probabilities", "--also", "brain")
    assert (again.exit_code, again.stdout) == (0, "")
    assert "0 done, 5 were done before" in again.stderr
    assert {p: p.stat().st_mtime_ns for p in out.rglob("*")} == before


def test_the_dataset_says_what_it_is_and_where_it_comes_from(run, study, tmp_path):
    inside, outside = study / "derivatives/lodbrain", tmp_path / "results ü"
    for out in (inside, outside):
        assert run("bids", study, out, "participant", "--participant-label", "003").exit_code == 0
    facts = json.loads((inside / "dataset_description.json").read_text())
    assert facts["DatasetType"] == "derivative"
    assert facts["GeneratedBy"][0]["Name"] == "lodbrain"
    assert facts["License"] == "CC0"
    assert facts["DatasetLinks"]["raw"] == "../.."
    facts = json.loads((outside / "dataset_description.json").read_text())
    assert facts["DatasetLinks"]["raw"] == facts["SourceDatasets"][0]["URL"] == study.as_uri()


@pytest.fixture
def validate():
    program = shutil.which("bids-validator-deno", path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip("bids-validator-deno is not installed")

    def errors(folder):
        done = subprocess.run([program, folder, "--json"], capture_output=True, text=True)
        found = json.loads(done.stdout)
        assert found["summary"]["totalFiles"] > 5
        return {i["code"] for i in found["issues"]["issues"] if i["severity"] == "error"}

    return errors


def test_the_official_validator_finds_no_error(run, study, validate):
    (study / "sub-003/anat/sub-003_acq-b_T1w.nii.gz").write_bytes(b"damaged")
    out = study / "derivatives/lodbrain"
    done = run("bids", study, out, "participant", "--also", "probabilities", "--also", "brain")
    assert done.exit_code == 1, "one scan is damaged"
    assert run("bids", study, out, "group").exit_code == 0
    assert not validate(out)
    (out / ".bidsignore").unlink()
    assert validate(out), "it does look"


@pytest.mark.parametrize(
    "words",
    [
        ("--participant-label", "01", "Xy7"),
        ("--participant_label", "sub-01", "sub-Xy7"),
        ("--participant-label", "sub-01,Xy7"),
        ("--participant-label", "01", "--participant-label", "Xy7"),
        ("--participant-label=01", "--participant-label=sub-Xy7"),
    ],
)
def test_participants_are_named_as_in_any_bids_app(run, study, words):
    names = asked(run, study, *words)
    assert {name.split("_")[0] for name in names} == {"sub-01", "sub-Xy7"}
    assert len(names) == 4


def test_a_list_before_the_arguments_takes_one_word_alone(run, study, tmp_path, monkeypatch):
    done = run("--participant-label", "Xy7", study, tmp_path / "o", "participant", "--dry-run")
    assert done.exit_code == 2, "the group's options come first"
    done = run(
        "bids", "--participant-label", "Xy7", study, tmp_path / "o", "participant", "--dry-run"
    )
    assert labels_of(done, tmp_path / "o") == ["sub-Xy7/anat/sub-Xy7"]
    monkeypatch.setenv("LODBRAIN_PARTICIPANT_LABEL", "sub-Xy7 003")
    assert asked(run, study) == ["sub-003_acq-a", "sub-Xy7"]


def test_the_word_bids_may_be_left_out(run, study, tmp_path):
    words = (study, tmp_path / "o", "participant", "--session_label", "ses-post", "--dry-run")
    short, long = run(*words), run("bids", *words)
    assert short.stdout == long.stdout != ""
    assert not (tmp_path / "o").exists(), "a dry run writes nothing"


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (("--filter", "run=2"), ["sub-01_ses-pre_run-2"]),
        (("--filter", "run=02", "acq="), ["sub-01_ses-pre_run-2"]),
        (("--filter", "run=10,1"), ["sub-01_ses-post_run-1", f"sub-01_ses-pre_{LONG}"]),
        (("--filter", "run=", "--filter", "acq=*"), ["sub-003_acq-a"]),
        (("--session-label", "pre", "--t1w", "first"), ["sub-01_ses-pre_run-2"]),
        (("--t1w", "first", "--filter", "part=mag"), [f"sub-01_ses-pre_{LONG}"]),
    ],
)
def test_filters_choose_by_what_names_say(run, study, options, names):
    assert asked(run, study, *options) == names


def test_a_filter_file_of_other_apps_is_read(run, study, tmp_path):
    path = tmp_path / "filters.json"
    t1w = {"datatype": "anat", "suffix": "T1w", "session": ["pre", "post"], "ceagent": None}
    path.write_text(json.dumps({"bold": {"task": "rest"}, "t1w": t1w | {"run": "Query.OPTIONAL"}}))
    names = ["sub-01_ses-post_run-1", "sub-01_ses-pre_run-2"]
    assert asked(run, study, "--bids-filter-file", path) == names
    assert asked(run, study, "--bids-filter-file", path, "--filter", "run=2") == names[1:]


def test_first_is_the_lowest_run_without_a_contrast_agent(run, tmp_path):
    anat = "sub-1/anat/sub-1"
    study = dataset(
        tmp_path / "raw", *(f"{anat}_{x}_T1w" for x in ("ce-gd_run-1", "run-10", "run-2"))
    )
    assert asked(run, study, "--t1w", "first") == ["sub-1_run-2"]
    phantom(study / "sub-1/anat", "sub-1_T1w.nii.gz", **SMALL)
    assert asked(run, study, "--t1w", "first") == ["sub-1"]


def test_what_is_no_raw_scan_is_left_out_and_said(run, study):
    anat = study / "sub-Xy7/anat"
    shutil.copy(anat / "sub-Xy7_T1w.nii.gz", anat / "sub-Xy7_part-phase_T1w.nii.gz")
    for wrong in (
        "sub-01_T1w",
        "sub-Xy7_ses-1_T1w",
        "sub-Xy7_copy of_T1w",
        "sub-Xy7_run-1_run-2_T1w",
    ):
        shutil.copy(anat / "sub-Xy7_T1w.nii.gz", anat / f"{wrong}.nii.gz")
    (anat / "sub-Xy7_run-9_T1w.nii.gz").symlink_to("../.git/annex/objects/gone")
    (study / "derivatives/x/sub-Xy7/anat").mkdir(parents=True)
    shutil.copy(anat / "sub-Xy7_T1w.nii.gz", study / "derivatives/x/sub-Xy7/anat")
    options = ("--dry-run", "--participant-label", "Xy7")
    done = run("bids", study, study.parent / "no", "participant", *options)
    assert labels_of(done, study.parent / "no") == ["sub-Xy7/anat/sub-Xy7"]
    assert done.stderr.count("left out") == 5
    assert "not fetched yet?" in done.stderr
    assert asked(run, study, "--filter", "part=phase") == ["sub-Xy7_part-phase"]


def test_what_is_no_raw_bids_dataset_is_refused_in_one_line(run, study, tmp_path):
    out = tmp_path / "out"
    about = study / "dataset_description.json"
    assert "no such folder" in refusal(run("bids", tmp_path / "x", out, "participant"), 3)
    about.write_text("{")
    assert "cannot be read as JSON" in refusal(run("bids", study, out, "participant"), 3)
    about.write_text('{"Name": "x"}')
    assert "lacks BIDSVersion" in refusal(run("bids", study, out, "participant"), 3)
    about.write_text("[1]")
    assert "lacks Name and BIDSVersion" in refusal(run("bids", study, out, "participant"), 3)
    about.write_text(json.dumps({**DESCRIPTION, "DatasetType": "derivative"}))
    assert "expected a raw one" in refusal(run("bids", study, out, "participant"), 3)
    about.unlink()
    assert "is no BIDS dataset" in refusal(run("bids", study, out, "participant"), 3)
    (tmp_path / "empty").mkdir()
    for skip in ("--skip-bids-validation", "--skip_bids_validation"):
        said = refusal(run("bids", tmp_path / "empty", out, "participant", skip), 3)
        assert "no T1w scan" in said
    assert not out.exists()
    assert run("bids", study, out, "participant", "--skip-bids-validation").exit_code == 0


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--participant-label", "1"), 3, "no participant sub-1; there are 3: sub-003, sub-01"),
        (("--participant-label", "../01"), 2, "is no label"),
        (("--session-label", "later"), 3, "none fits the filters"),
        (("--filter", "run"), 2, "expected ENTITY=VALUE"),
        (("--filter", "dose=1"), 2, "expected one of sub, ses"),
        (("--bids-filter-file", "x.json"), 2, "cannot be read as a filter file"),
    ],
)
def test_a_choice_that_cannot_be_meant_is_refused_in_one_line(run, study, options, code, message):
    done = run("bids", study, study.parent / "out", "participant", *options)
    assert message in refusal(done, code)
    assert not (study.parent / "out").exists()


@pytest.mark.parametrize(
    "text", ["[]", '{"bold": {}}', '{"t1w": {"run": true}}', '{"t1w": {"b": 1}}']
)
def test_a_filter_file_of_something_else_is_refused(run, study, tmp_path, text):
    (tmp_path / "f.json").write_text(text)
    done = run(
        "bids", study, tmp_path / "o", "participant", "--bids-filter-file", tmp_path / "f.json"
    )
    assert "f.json" in refusal(done, 2)


def test_a_participant_without_a_scan_does_not_stop_the_others(run, study):
    (study / "sub-04/func").mkdir(parents=True)
    words = ("--participant-label", "04", "Xy7", "--dry-run")
    done = run("bids", study, study.parent / "out", "participant", *words)
    assert labels_of(done, study.parent / "out") == ["sub-Xy7/anat/sub-Xy7"]
    assert "sub-04: has no T1w scan" in done.stderr


def test_results_never_go_into_a_dataset_of_something_else(run, study, tmp_path):
    assert "is the dataset itself" in refusal(run("bids", study, study, "participant"), 2)
    (tmp_path / "link").symlink_to(study)
    skip = "--skip-bids-validation"
    (study / "dataset_description.json").unlink()
    said = refusal(run("bids", study, tmp_path / "link", "participant", skip), 2)
    assert "is the dataset itself" in said
    other = dataset(tmp_path / "other", description={**DESCRIPTION, "GeneratedBy": [{"Name": "x"}]})
    said = refusal(run("bids", study, other, "participant", skip), 2)
    assert "lodbrain did not make" in said


def test_the_group_level_tells_of_all_participants(run, study, tmp_path):
    out = tmp_path / "out"
    (study / "sub-003/anat/sub-003_acq-a_T1w.nii.gz").write_bytes(b"damaged")
    done = run("bids", study, out, "participant", "--participant-label", "003", "01")
    assert done.exit_code == 1
    done = run("bids", study, out, "group", "--json")
    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["done"], told["failed"], told["missing"]) == (3, 1, ["sub-Xy7"])
    header, *rows = (out / "volumes.tsv").read_text().splitlines()
    assert len(rows) == 3
    columns = json.loads((out / "volumes.json").read_text())
    assert list(columns) == header.split("\t")
    assert columns["brainstem_mm3"]["Units"] == "mm^3"
    assert (out / "failed.tsv").read_text().count("sub-003") > 0
    said = refusal(run("bids", study, out, "group", "--participant-label", "01"), 2)
    assert said.startswith("error: --participant-label is for the participant level")
    assert "--filter is for" in refusal(run("bids", study, out, "group", "--filter", "run=1"), 2)
    assert "no such folder" in refusal(run("bids", study, tmp_path / "none", "group"), 3)


def test_ages_of_the_dataset_reach_the_verdicts(run, study, tmp_path):
    lines = ["participant_id\tage", "sub-003\t3", "sub-01\t30", "sub-Xy7\tn/a"]
    (study / "participants.tsv").write_text("\n".join(lines))
    out = tmp_path / "out"
    words = ("--preset", "lod-brain", "--quality", "--participant-label", "003", "Xy7")
    assert run("bids", study, out, "participant", *words).exit_code == 0
    items = {
        path.name[:7]: json.loads(path.read_text())["quality"]["items"]
        for path in out.rglob("*_run.json")
    }
    assert items["sub-003"]["age"]["values"] == {"years": 3}
    assert "age" not in items["sub-Xy7"]


def test_reports_and_pictures_stand_beside_the_labels_and_on_the_page_of_all(
    run, study, tmp_path, validate
):
    out = tmp_path / "out"
    words = ("participant", "--also", "report", "--also", "snapshot", "--participant-label", "003")
    assert run("bids", study, out, *words).exit_code == 0
    stem = out / "sub-003/anat/sub-003_acq-a_seg-lodbrain"
    assert stem.with_name(f"{stem.name}_dseg.png").read_bytes().startswith(b"\x89PNG")
    done = run("bids", study, out, "group", "--json")
    (page,) = json.loads(done.stdout)["pages"]
    assert f"sub-003/anat/{stem.name}_report.html" in Path(page).read_text()
    assert stem.with_name(f"{stem.name}_report.html").is_file()
    assert not validate(out)


def test_several_processes_share_a_folder_for_results(study, tmp_path):
    out = tmp_path / "out"
    words = ("bids", study, out, "participant", "--device", "cpu")
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", SLOW, *(str(w) for w in words)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "SECONDS": "0.3"},
        )
        for _ in range(3)
    ]  # fmt: skip
    told = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], told
    assert sum(stdout.count("computing") for stdout, _ in told) == len(NAMES)
    assert len(list(out.glob("sub-*/**/*_dseg.nii.gz"))) == len(NAMES)
    json.loads((out / "dataset_description.json").read_text())
    assert not [p for p in out.rglob(".*") if p.name != ".bidsignore"]
