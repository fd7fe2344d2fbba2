"""``lodbrain check`` as a user meets it, and its findings in the record of ``segment``."""

import json
import subprocess
import sys

import nibabel as nib
import numpy as np
import pytest

from ..checking.heads import head

ITEMS = [
    "file", "dimensions", "voxel size", "orientation", "axes", "units", "data type",
    "intensities", "head", "field of view", "noise", "contrast", "skull", "face",
]  # fmt: skip


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    """A folder with a good, a suspicious and a broken scan."""
    folder = tmp_path_factory.mktemp("scans")
    good = head()
    nib.save(good, folder / "good_T1w.nii.gz")
    nib.save(head(noise=20.0), folder / "noisy_T1w.nii.gz")
    (folder / "broken_T1w.nii.gz").write_bytes(b"no image")
    return folder


def test_a_good_scan_is_code_0_with_a_row_per_item(run, scans):
    done = run("check", scans / "good_T1w.nii.gz")
    assert done.exit_code == 0
    assert done.stderr == ""
    first, *rows = done.stdout.splitlines()
    assert first == f"{scans / 'good_T1w.nii.gz'}: ok"
    assert [row[2:16].strip() for row in rows] == ITEMS
    assert {row[17:25].strip() for row in rows} == {"ok"}


def test_warnings_are_code_0_and_3_when_strict(run, scans):
    noisy = scans / "noisy_T1w.nii.gz"
    assert run("check", noisy).exit_code == 0
    assert run("check", noisy, "--strict").exit_code == 3
    assert run("check", scans / "good_T1w.nii.gz", "--strict").exit_code == 0


def test_a_refused_scan_is_code_3_and_among_several_code_1(run, scans):
    alone = run("check", scans / "broken_T1w.nii.gz")
    assert alone.exit_code == 3
    assert "refuse   not a readable NIfTI" in alone.stdout
    several = run("check", scans)
    assert several.exit_code == 1
    assert "3 scans checked, 1 refused, 1 with warnings" in several.stderr
    rows = [line for line in several.stdout.splitlines() if line.startswith("  ")]
    assert [row.split()[0] for row in rows] == ["file", "noise"]  # what is ok is left out
    assert run("check", scans, "-v").stdout.count("\n") > 20
    assert run("check", scans, "-q").stderr == ""


def test_json_gives_one_object_per_scan(run, scans, tmp_path):
    names = tmp_path / "list.txt"
    names.write_text("\n".join(str(path) for path in sorted(scans.iterdir())))
    done = run("check", "--list", names, "--json")
    assert done.exit_code == 1
    found = {d["scan"].split("/")[-1]: d for d in map(json.loads, done.stdout.splitlines())}
    assert {name: d["verdict"] for name, d in found.items()} == {
        "broken_T1w.nii.gz": "refuse", "good_T1w.nii.gz": "ok", "noisy_T1w.nii.gz": "warn",
    }  # fmt: skip
    noise = [row for row in found["noisy_T1w.nii.gz"]["items"] if row["item"] == "noise"]
    assert noise[0]["values"]["snr"] < 8


def test_a_frame_is_chosen_as_for_segment(run, tmp_path):
    one = head()
    both = np.stack([np.asarray(one.dataobj)] * 2, -1)
    nib.save(nib.Nifti1Image(both, one.affine), tmp_path / "two.nii.gz")
    assert run("check", tmp_path / "two.nii.gz").exit_code == 3
    assert run("check", tmp_path / "two.nii.gz", "--frame", "1").exit_code == 0
    assert run("check", tmp_path / "two.nii.gz", "--frame", "2").exit_code == 3


def test_wrong_use_is_code_2_and_an_empty_folder_code_3(run, tmp_path):
    assert run("check").exit_code == 2
    assert run("check", tmp_path / ("n" * 300)).exit_code in (2, 3)
    empty = run("check", tmp_path)
    assert empty.exit_code == 3
    assert "no scan in this folder" in empty.stderr


def test_memory_that_runs_out_is_code_5(run, scans, monkeypatch):
    def exhausted(*_arguments):
        raise MemoryError

    monkeypatch.setattr("lodbrain_cli.checking.check", exhausted)
    assert run("check", scans / "good_T1w.nii.gz").exit_code == 5
    assert run("check", scans).exit_code == 1


@pytest.mark.parametrize("name", ["a b'\"$(x);_T1w.nii.gz", "é\n_T1w.nii.gz", "-rf_T1w.nii.gz"])
def test_hostile_names_are_only_names(run, scans, tmp_path, name):
    (tmp_path / name).write_bytes((scans / "good_T1w.nii.gz").read_bytes())
    done = run("check", tmp_path, "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["scan"] == str(tmp_path / name)


def test_a_check_loads_no_engine_and_no_deep_learning_library(scans):
    code = (
        "import sys\nfrom lodbrain_cli.cli.main import cli\n"
        f"cli(['check', {str(scans / 'good_T1w.nii.gz')!r}], standalone_mode=False)\n"
        "heavy = {'tensorflow', 'keras', 'jax', 'torch', 'openvino', 'h5py'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.usefixtures("no_network")
def test_segment_repeats_each_warning_once_and_all_verdicts(run, tmp_path):
    image = head(voxel_mm=(2.0, 2.0, 4.0), shape=(100, 120, 60), noise=20.0)
    moved = image.affine.copy()
    moved[0, 3] += 8
    image.set_qform(moved, 1)
    nib.save(image, tmp_path / "a.nii.gz")
    done = run(
        "segment", tmp_path / "a.nii.gz", "-o", tmp_path / "s.nii.gz", "--no-postprocess",
        "--device", "cpu",
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    record = json.loads((tmp_path / "s_run.json").read_text())
    checked = json.loads(run("check", tmp_path / "a.nii.gz", "--json").stdout)
    texts = [row["text"] for row in checked["items"] if row["verdict"] == "warn"]
    assert len(texts) == 3
    for text in texts:
        assert record["warnings"].count(text) == 1
        assert done.stderr.count(text) == 1
    assert sum("disagree" in warning for warning in record["warnings"]) == 1
    assert record["checks"] == {
        row["item"]: row["verdict"] for row in checked["items"] if row["item"] != "file"
    }


@pytest.mark.data
@pytest.mark.slow
def test_real_heads_pass_and_what_is_wrong_with_the_others_is_said(run, data_dir):
    done = run("check", data_dir / "heads", data_dir / "heads/fruit_GE_IRSPGR.nii.gz",
               data_dir / "pairs/aomic/AOMIC_T1w.nii.gz", data_dir / "pairs/ixi_2mm",
               "--json")  # fmt: skip
    assert done.exit_code == 0, done.stderr
    warned = {}
    for line in done.stdout.splitlines():
        report = json.loads(line)
        name = report["scan"].split("/")[-1].split(".")[0]
        if name.endswith("DLMUSE"):
            continue
        found = {row["item"]: row["text"] for row in report["items"] if row["verdict"] == "warn"}
        if found:
            warned[name] = found
    assert set(warned) == {
        "fruit_GE_IRSPGR", "decubitus_HFDL_T1w", "decubitus_HFDR_T1w", "decubitus_HFP_T1w",
    }  # fmt: skip
    assert "no head found" in warned["fruit_GE_IRSPGR"]["head"]
    assert "cut off by the field of view: right" in warned["decubitus_HFDL_T1w"]["field of view"]
    assert "cut off by the field of view: left" in warned["decubitus_HFDR_T1w"]["field of view"]
    assert all("voxel size" in warned[name] for name in warned if "decubitus" in name)
