"""``synthesize`` and ``train`` as commands: what they write, and what they refuse."""

import nibabel as nib
import numpy as np
import pytest
from filelock import FileLock

from ..training.heads import label_map, save_label_map


@pytest.fixture(scope="module")
def labels(tmp_path_factory):
    return save_label_map(tmp_path_factory.mktemp("maps") / "aseg.nii.gz")


@pytest.mark.slow
def test_synthesize_writes_an_image_and_its_classes(run, labels, tmp_path):
    image, classes = tmp_path / "T1.nii.gz", tmp_path / "labels.nii.gz"
    arguments = ("synthesize", labels, "-o", image, "--seed", 2, "--labels-out", classes)
    result = run(*arguments)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.strip() == str(image)
    written, found = nib.load(image), nib.load(classes)
    assert written.shape == found.shape == (256, 256, 256)
    assert nib.aff2axcodes(written.affine) == ("L", "I", "A")
    np.testing.assert_array_equal(written.affine, nib.load(labels).affine)
    values, numbers = np.asarray(written.dataobj), np.asarray(found.dataobj)
    assert set(np.unique(numbers)) == set(range(7))
    # Its brain is as large as the label map's, give or take the deformation.
    brain = np.isin(label_map(), [2, 3, 4, 8, 11, 16, 50]).sum()
    assert 0.6 < (numbers > 0).sum() / brain < 1.7
    assert np.median(values[numbers == 3]) > np.median(values[numbers == 4])
    assert run(*arguments).exit_code == 2  # it exists


def test_synthesize_refuses_what_is_no_label_map(run, tmp_path, rng):
    image = tmp_path / "T1.nii.gz"
    nib.save(nib.Nifti1Image(rng.integers(0, 9000, (32, 32, 32)).astype("int16"), np.eye(4)), image)
    refused = run("synthesize", image, "-o", tmp_path / "x.nii.gz")
    assert refused.exit_code == 3
    assert "label numbers are not of the protocol 'synthseg'" in refused.stderr
    nib.save(nib.Nifti1Image(rng.normal(size=(32, 32, 32)).astype("float32"), np.eye(4)), image)
    refused = run("synthesize", image, "-o", tmp_path / "x.nii.gz")
    assert refused.exit_code == 3
    assert "holds values that are no label numbers" in refused.stderr
    assert run("synthesize", image, "-o", tmp_path / "x.txt").exit_code == 2
    assert not (tmp_path / "x.nii.gz").exists()


def test_synthesize_writes_to_different_files_and_not_over_its_label_map(run, labels, tmp_path):
    image = tmp_path / "x.nii.gz"
    again = tmp_path / "." / "below" / ".." / "x.nii.gz"
    (tmp_path / "below").mkdir()
    for arguments in (("-o", image, "--labels-out", again), ("-o", labels, "--overwrite")):
        refused = run("synthesize", labels, *arguments)
        assert refused.exit_code == 2
        assert "must be different files" in refused.stderr
    assert not image.exists()


def test_train_names_a_wrong_option_and_exits_with_2(run, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("name: x\nstages: []\ndata: {label_map: muse}\n")
    refused = run("train", config, "-o", tmp_path / "run")
    assert refused.exit_code == 2
    assert "stages: List should have at least 1 item" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_train_says_which_label_map_is_wrong(run, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text(
        "name: x\ndata: {table: t.csv}\nstages:\n"
        "- {name: a, levels: 1, voxel_mm: 8, image_mm: 8, shapes: [[]], steps: 1, epoch_steps: 1}\n"
    )
    (tmp_path / "t.csv").write_text("subject,labels,label_map\np1,none.nii.gz,muse\n")
    refused = run("train", config, "-o", tmp_path / "run")
    assert refused.exit_code == 2
    assert "t.csv, row 2" in refused.stderr
    assert "none.nii.gz does not exist" in refused.stderr


def test_two_runs_do_not_share_a_folder(run, labels, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text(
        "name: x\ndata: {table: t.csv}\nstages:\n"
        "- {name: a, levels: 1, voxel_mm: 8, image_mm: 8, shapes: [[]], steps: 1, epoch_steps: 1}\n"
    )
    rows = [f"p{n},{labels},freesurfer,{side}" for n, side in enumerate(("train", "validation"))]
    (tmp_path / "t.csv").write_text("\n".join(["subject,labels,label_map,set", *rows]))
    (tmp_path / "run").mkdir()
    with FileLock(tmp_path / "run" / ".lock"):
        refused = run("train", config, "-o", tmp_path / "run")
    assert refused.exit_code == 2
    assert "another process trains there" in refused.stderr
