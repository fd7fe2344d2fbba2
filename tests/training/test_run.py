"""A run writes down what it was, goes on only as what it was, and cleans up after a kill."""

import csv
import errno
import logging
import shutil
import subprocess
import sys

import nibabel as nib
import numpy as np
import pytest
import yaml
from nibabel.affines import from_matvec

from lodbrain_cli.errors import InputError, UsageError
from lodbrain_cli.inference.keras_backend import Backend
from lodbrain_cli.training.run import train

BACKEND = Backend("tensorflow", "2.x", "3.x", "gpu:1", 3)
STAGE = {"name": "coarse", "levels": 1, "voxel_mm": 8, "image_mm": 8, "shapes": [[]],
         "steps": 2, "epoch_steps": 2}  # fmt: skip
NETWORK = {"num_levels": 1, "filters": [4, 8]}
SHAPE = (40, 48, 40)
PEOPLE = ("ann", "bob", "cid")


def save_head(path, rng, image=None):
    numbers = np.zeros(SHAPE, np.int16)
    numbers[8:32, 8:40, 8:32] = 258
    for k, number in enumerate((2, 3, 4, 8, 10, 16)):
        numbers[10 + 3 * k : 13 + 3 * k, 12:36, 12:28] = number
    affine = from_matvec(np.diag([4.0, 4.0, 4.0]), [-80, -96, -80])
    nib.save(nib.Nifti1Image(numbers, affine), path)
    if image is not None:
        values = (numbers + rng.normal(size=SHAPE)).astype("float32")
        nib.save(nib.Nifti1Image(values, affine), image)


@pytest.fixture(scope="module")
def maps(tmp_path_factory):
    """Label maps of three people, one of whom has an image, in a data folder."""
    folder, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    for person in PEOPLE:
        image = folder / "ann_T1w.nii.gz" if person == "ann" else None
        save_head(folder / f"{person}_dseg.nii.gz", rng, image)
    return folder


def written(folder, text, **changes):
    """Config with a table of its own, in a folder."""
    (folder / "pairs.tsv").write_text(text)
    values = {"name": "x", "data": {"table": "pairs.tsv"}, "network": NETWORK, "stages": [STAGE]}
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump({**values, **changes}))
    return config


def table(**sides):
    rows = [
        f"{p}\t{p}_dseg.nii.gz\t{p + '_T1w.nii.gz' if p == 'ann' else ''}\tfreesurfer\t{side}"
        for p, side in sides.items()
    ]
    return "\n".join(["subject\tlabels\timage\tlabel_map\tset", *rows]) + "\n"


@pytest.fixture(scope="module")
def finished(maps, tmp_path_factory):
    """A folder with a config and the folder ``run`` of its run."""
    folder = tmp_path_factory.mktemp("finished")
    config = written(folder, table(ann="train", bob="validation"))
    train(config, folder / "run", backend=BACKEND, data_folder=maps, cache_folder=maps / "cache")
    return folder


@pytest.fixture
def place(finished, tmp_path):
    """A copy of it."""
    shutil.copytree(finished, tmp_path / "copy")
    return tmp_path / "copy"


def rows(path):
    with path.open() as file:
        return list(csv.DictReader(file, delimiter="\t"))


def facts(run):
    return [(run / name).read_bytes() for name in ("config.yaml", "split.tsv", "starts.tsv")]


def test_a_run_writes_down_its_pairs_by_their_paths_in_the_data_folder(finished):
    assert rows(finished / "run" / "split.tsv") == [
        {"set": "train", "subject": "ann", "labels": "ann_dseg.nii.gz",
         "image": "ann_T1w.nii.gz", "label_map": "freesurfer"},
        {"set": "validation", "subject": "bob", "labels": "bob_dseg.nii.gz",
         "image": "", "label_map": "freesurfer"},
    ]  # fmt: skip


def test_the_config_of_a_runs_folder_goes_on_with_the_run_and_every_start_is_written_down(
    place, maps, monkeypatch
):
    monkeypatch.setattr(sys, "argv", ["lodbrain", "train", "a b"])
    run = place / "run"
    assert train(run / "config.yaml", run, backend=BACKEND, data_folder=maps) == run / "coarse.h5"
    first, second = rows(run / "starts.tsv")
    assert (first["stage"], first["step"]) == ("coarse", "0")
    assert (second["stage"], second["step"]) == ("coarse", "2")
    assert second["backend"] == "tensorflow 2.x"
    assert (second["keras"], second["device"], second["threads"]) == ("3.x", "gpu:1", "3")
    assert second["command"] == "lodbrain train 'a b'"
    assert second["began"].endswith("+00:00")


def test_a_run_is_not_gone_on_with_when_somebody_changed_sides(place, maps):
    before = facts(place / "run")
    config = written(place, table(ann="validation", bob="train"))
    with pytest.raises(UsageError, match="bob is in train now, but was in validation"):
        train(config, place / "run", backend=BACKEND, data_folder=maps)
    assert facts(place / "run") == before


def test_a_run_goes_on_with_more_people(place, maps):
    config = written(place, table(ann="train", bob="validation", cid="validation"))
    train(config, place / "run", backend=BACKEND, data_folder=maps, cache_folder=maps / "cache")
    assert [row["subject"] for row in rows(place / "run" / "split.tsv")] == ["ann", "bob", "cid"]


def test_without_a_table_people_stay_where_the_run_had_them(place, maps):
    """Drawn anew among three people, somebody else would be held out for most seeds."""
    data = {"label_map": "freesurfer", "held_out": 1}
    for seed in range(4):
        config = written(place, "", data=data, seed=seed)
        train(config, place / "run", backend=BACKEND, data_folder=maps, cache_folder=maps / "cache")
        held_out = [r["subject"] for r in rows(place / "run" / "split.tsv") if r["set"] != "train"]
        assert held_out == ["bob"]


@pytest.mark.parametrize("state", ["damaged", "foreign"])
def test_a_state_that_is_not_accepted_leaves_what_was_written_down(place, maps, state):
    run = place / "run"
    before = facts(run)
    config = place / "config.yaml"
    if state == "damaged":
        (run / "state.h5").write_bytes(b"nothing")
    else:
        text = table(ann="train", bob="validation")
        config = written(place, text, network={**NETWORK, "filters": [8, 8]})
    with pytest.raises(InputError, match=r"damaged|of another network"):
        train(config, run, backend=BACKEND, data_folder=maps, cache_folder=maps / "cache")
    assert facts(run) == before


def test_options_that_changed_are_named_in_one_line(place, maps, caplog):
    values = yaml.safe_load((place / "run" / "config.yaml").read_text())
    values["stages"][0]["learning_rate"] = 1e-4
    config = place / "lower.yaml"
    config.write_text(yaml.safe_dump({**values, "average": 0.5}))
    with caplog.at_level(logging.INFO, logger="lodbrain_cli"):
        train(config, place / "run", backend=BACKEND, data_folder=maps, cache_folder=maps / "cache")
    (line,) = [m for m in caplog.messages if m.startswith("options changed")]
    assert line.endswith("last start: average, stages.coarse.learning_rate")
    assert "train: 1 label maps of 1 people, 1 with an image" in caplog.messages
    saved = yaml.safe_load((place / "run" / "config.yaml").read_text())
    assert saved["stages"][0]["learning_rate"] == 1e-4


def test_what_a_killed_save_left_behind_is_gone_after_the_next_start(place, maps):
    run = place / "run"
    code = (
        "import os, pathlib, sys; from lodbrain_cli.files import replacing\n"
        "with replacing(pathlib.Path(sys.argv[1])) as temporary:\n"
        "    temporary.write_text('half'); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(run / "state.h5")])
    assert len(list(run.glob(".lodbrain-*"))) == 1
    train(
        place / "config.yaml", run, backend=BACKEND, data_folder=maps, cache_folder=maps / "cache"
    )
    assert not list(run.glob(".lodbrain-*"))


def test_folders_that_cannot_be_made_are_refused_before_anything_is_read(finished, maps, tmp_path):
    (tmp_path / "afile").touch()
    read = []
    for folder, cache in ((tmp_path / "afile" / "run", None), (tmp_path / "r", tmp_path / "afile")):
        with pytest.raises(UsageError, match=r"afile.*: the folder cannot be made"):
            train(
                finished / "config.yaml",
                folder,
                backend=BACKEND,
                data_folder=maps,
                cache_folder=cache,
                on_read=read.append,
            )
    assert read == []


def test_a_folder_that_cannot_be_locked_is_refused_in_one_line(
    finished, maps, tmp_path, monkeypatch
):
    def refuse(*_args, **_kwargs):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("lodbrain_cli.training.run.FileLock.acquire", refuse)
    with pytest.raises(UsageError, match=r"cannot be locked \(Permission denied\)"):
        train(finished / "config.yaml", tmp_path, backend=BACKEND, data_folder=maps)
