"""``evaluate`` as a command: what it writes, prints, refuses and survives."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from ..phantoms import GRIDS, centred_affine, rotation

SHAPE = (19, 23, 17)
AFFINE = centred_affine(rotation((12, -7, 30)) @ GRIDS["LPS"], (1.0, 1.2, 2.0), SHAPE)
PEOPLE = [f"sub-{n:02d}" for n in range(1, 13)]


def brain(grown=0):
    labels = np.zeros(SHAPE, np.uint8)
    labels[4:14, 4:18, 4:12] = 1
    labels[5:9, 6:12, 6 : 10 + grown] = 3
    labels[10:13, 6:12, 6:10] = 6
    return labels


def save(path, labels, affine=AFFINE):
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(labels, affine), path)
    return path


@pytest.fixture
def folders(tmp_path):
    """Predictions and references of twelve people, the later ones worse."""
    for n, person in enumerate(PEOPLE):
        anat = Path(person, "anat")
        save(tmp_path / "pred" / anat / f"{person}_seg-lodbrain_dseg.nii.gz", brain(n // 6))
        save(tmp_path / "ref" / anat / f"{person}_dseg.nii.gz", brain())
    return tmp_path / "pred", tmp_path / "ref"


def rows(path):
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_one_pair_gives_tables_a_plot_and_their_paths(run, tmp_path):
    ours = save(tmp_path / "seg.nii.gz", brain(1))
    theirs = save(tmp_path / "manual.nii.gz", brain())
    arguments = ("evaluate", ours, theirs, "-o", tmp_path / "new" / "out")
    done = run(*arguments)
    assert done.exit_code == 0, done.stderr
    paths = [Path(line) for line in done.stdout.splitlines()]
    assert [path.name for path in paths] == [
        "scores.tsv", "summary.tsv", "scores.png", "scores.json"
    ]  # fmt: skip
    assert {path.name for path in paths[0].parent.iterdir()} == {path.name for path in paths}
    table = rows(paths[0])
    assert [row["index"] for row in table] == ["1", "2", "3", "4", "5", "6"]
    assert table[5]["dice"] == "1"
    assert float(table[2]["dice"]) == pytest.approx(2 * 96 / (96 + 120), rel=1e-6)
    assert table[1]["dice"] == table[1]["hd95_mm"] == "n/a"
    assert float(table[2]["hd95_mm"]) == pytest.approx(2)
    assert paths[2].read_bytes().startswith(b"\x89PNG")
    refused = run(*arguments)
    assert refused.exit_code == 2
    assert "exists already" in refused.stderr
    assert run(*arguments, "--overwrite").exit_code == 0


def test_folders_are_summarised_and_compared_by_groups(run, folders, tmp_path):
    lines = [
        f"{p}\t{20 + 5 * (n // 6)}\t{'FM'[n % 2]}\tGE Signa/x\tn/a" for n, p in enumerate(PEOPLE)
    ]
    people = tmp_path / "participants.tsv"
    people.write_text("\n".join(["participant_id\tage\tsex\tscanner\tnotes", *lines]))
    done = run("evaluate", *folders, "-o", tmp_path / "out", "--groups", people)
    assert done.exit_code == 0, done.stderr
    assert "12 of 12 pairs scored, 0 failed" in done.stderr
    assert "the column 'scanner' makes no groups" in done.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "scores.tsv", "summary.tsv", "scores.json", "scores.png",
        "groups.tsv", "groups_age.png", "groups_sex.png",
    }  # fmt: skip
    summary = {(r["index"], r["measure"]): r for r in rows(tmp_path / "out" / "summary.tsv")}
    assert summary["3", "dice"]["n"] == "12"
    assert float(summary["1", "volume_mm3"]["mean"]) > 0
    assert summary["n/a", "dice"]["name"] == "Mean of classes"
    groups = [r for r in rows(tmp_path / "out" / "groups.tsv") if r["index"] == "3"]
    ages = [r for r in groups if r["column"] == "age"]
    assert [(r["group"], r["n"]) for r in ages] == [("16-20", "6"), ("21-25", "6")]
    assert ages[0]["test"] == "Mann-Whitney U"
    assert float(ages[0]["p"]) < 0.01
    document = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert len(document["pairs"]) == 12
    assert document["pairs"][0]["scores"][1]["dice"] is None


def test_bad_pairs_are_one_line_each_and_stop_no_other(run, folders, tmp_path):
    pred, ref = folders
    (pred / "sub-01/anat/sub-01_seg-lodbrain_dseg.nii.gz").write_bytes(b"scrambled")
    save(pred / "sub-02/anat/sub-02_seg-lodbrain_dseg.nii.gz", brain(), np.diag([3.0, 3, 3, 1]))
    save(pred / "sub-03/anat/sub-03_seg-lodbrain_dseg.nii.gz", brain() * 20)
    save(ref / "sub-04/anat/sub-04_desc-second_dseg.nii.gz", brain())
    (ref / "sub-05/anat/sub-05_dseg.nii.gz").unlink()
    done = run("evaluate", *folders, "-o", tmp_path / "out", "--no-plots")
    assert done.exit_code == 1
    lines = done.stderr.splitlines()
    for words in (
        "sub-01_seg-lodbrain_dseg.nii.gz: not a readable NIfTI",
        "sub-02_seg-lodbrain_dseg.nii.gz: lies on another grid",
        "sub-03_seg-lodbrain_dseg.nii.gz: 3 label numbers are not of the protocol",
        "sub-04: several files on one side",
        "sub-05_seg-lodbrain_dseg.nii.gz: prediction without a reference",
    ):
        assert sum(words in line for line in lines) == 1, words
    assert "7 of 11 pairs scored, 4 failed" in lines[-1]
    assert len(rows(tmp_path / "out" / "scores.tsv")) == 7 * 6
    document = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert sum(pair["error"] is not None for pair in document["pairs"]) == 3
    assert len(document["ambiguous"]["sub-04"]) == 3
    assert len(document["without_partner"]["predictions"]) == 1


def test_other_protocols_and_grids_are_scored_when_asked(run, tmp_path):
    ours = save(tmp_path / "seg.nii.gz", brain())
    freesurfer = np.array([0, 1001, 0, 41, 0, 0, 16], np.int16)[brain()]
    doubled = freesurfer.repeat(2, 2)
    step = np.diag([1, 1, 0.5, 1])
    step[2, 3] = -0.25
    theirs = save(tmp_path / "aseg.nii.gz", doubled, AFFINE @ step)
    arguments = ("evaluate", ours, theirs, "-o", tmp_path / "out", "--no-plots", "--json")
    assert run(*arguments).exit_code == 3
    named = (*arguments, "--ref-label-map", "freesurfer")
    refused = run(*named)
    assert refused.exit_code == 3
    assert "use --resample" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()
    done = run(*named, "--resample")
    assert done.exit_code == 0, done.stderr
    document = json.loads(done.stdout)
    assert document == json.loads((tmp_path / "out" / "scores.json").read_text())
    assert [s["dice"] for s in document["pairs"][0]["scores"]] == [1, None, 1, None, None, 1]


def test_no_pair_at_all_is_refused_input(run, folders, tmp_path):
    for path in folders[0].rglob("*.nii.gz"):
        path.write_bytes(b"scrambled")
    done = run("evaluate", *folders, "-o", tmp_path / "out", "--no-plots")
    assert done.exit_code == 3
    assert "none of 12 pairs could be scored" in done.stderr
    assert not (tmp_path / "out").exists()


def test_missing_matplotlib_is_said_before_anything_is_computed(run, tmp_path, monkeypatch):
    for name in ("matplotlib", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, name, None)
    arguments = ("evaluate", tmp_path / "none.nii", tmp_path / "no.nii", "-o", tmp_path / "out")
    refused = run(*arguments)
    assert refused.exit_code == 2
    assert "lodbrain[plots]" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    assert "no such file" in run(*arguments, "--no-plots").stderr


def test_evaluate_loads_no_keras(tmp_path):
    ours = save(tmp_path / "seg.nii.gz", brain())
    arguments = ["evaluate", str(ours), str(ours), "-o", str(tmp_path / "out")]
    code = (
        "import sys\nfrom lodbrain_cli.cli.main import cli\n"
        f"cli({arguments!r}, standalone_mode=False)\n"
        "heavy = {'tensorflow', 'keras', 'jax', 'torch', 'openvino'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
