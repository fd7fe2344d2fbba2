"""A trained network learns other classes from a few volumes, and goes on as what it was."""

import json

import nibabel as nib
import numpy as np
import pytest
from click.testing import CliRunner

from lodbrain_cli.cli.main import cli
from lodbrain_cli.errors import InputError, UsageError
from lodbrain_cli.networks.tensors import read_all_tensors
from lodbrain_cli.presets import find_preset
from lodbrain_cli.training import volumes
from lodbrain_cli.training.finetune import FinetuneOptions, finetune, finetune_config
from lodbrain_cli.training.volumes import VolumeCache

from .runs import BACKEND

HALVES = "index\tname\tnumbers\n0\tNothing\t*\n1\tLeft half\t3\n2\tRight half\t2\n"


def finetuned(folder, output, *more):
    (folder / "halves.tsv").write_text(HALVES)
    arguments = ["finetune", "--from", str(folder / "lod"), "--data", str(folder / "pairs.tsv"),
                 "--classes", str(folder / "halves.tsv"), "-o", str(output),
                 "--warmup-epochs", "1", "--epochs", "1", "-q", *more]  # fmt: skip
    return CliRunner().invoke(cli, arguments, catch_exceptions=False)


@pytest.fixture(scope="module")
def tuned(folder, run, tmp_path_factory):
    output = tmp_path_factory.mktemp("tuned") / "run"
    result = finetuned(folder, output)
    assert result.exit_code == 0, result.stderr
    return output


def test_layers_are_copied_warmed_up_and_then_all_learn(tuned, run):
    source, warm, after = (
        read_all_tensors(path)
        for path in (run / "all.h5", tuned / "warm-up.h5", tuned / "all-layers.h5")
    )
    for name, tensor in source.items():
        same = np.array_equal(tensor, warm[name])
        assert same == (not name.startswith("logits"))
    assert not np.array_equal(warm["level0_entry/kernel"], after["level0_entry/kernel"])


def test_the_result_is_a_preset_with_the_new_classes(tuned, folder, tmp_path):
    output = tmp_path / "seg.nii.gz"
    result = CliRunner().invoke(
        cli, ["segment", str(folder / "bob_T1w.nii.gz"), "-o", str(output), "-q",
              "--preset", str(tuned), "--no-quality"],
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert set(np.unique(nib.load(output).get_fdata())) <= {0, 1, 2}
    model = json.loads((tuned / "model.json").read_text())
    assert model["name"] == "mine-halves"
    assert [x["name"] for x in model["label_sets"][0]["labels"]][1:] == ["Left half", "Right half"]


def test_the_same_command_goes_on_and_another_is_refused(tuned, folder):
    before = (tuned / "history.csv").read_text()
    assert finetuned(folder, tuned).exit_code == 0
    assert (tuned / "history.csv").read_text() == before
    refused = finetuned(folder, tuned, "--rate", "1e-4")
    assert refused.exit_code == 2
    assert "holds a run with other options" in str(refused.exception) + refused.stderr


def test_what_the_source_sees_is_what_is_trained_on(folder, run):
    (folder / "halves.tsv").write_text(HALVES)

    def grid(source):
        options = FinetuneOptions(source, str(folder / "halves.tsv"))
        stage = finetune_config(folder / "pairs.tsv", options, VolumeCache(None))["stages"][0]
        return stage["voxel_mm"], stage.get("sees", "head"), stage["shapes"]

    assert grid(str(run)) == (4, "head", [[]])
    voxel_mm, sees, shapes = grid("lod-brain-synth")
    assert (voxel_mm, sees) == (1, "brain")
    # Labels of 152 x 152 x 160 mm, with a margin, in steps of 16; LIA: left-right, down, front.
    assert shapes == [[176, 176, 176]]
    assert grid("lod-brain") == (1, "brain", shapes)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"reinit_last": 99}, "reinit_last is 99; the network has 9 layers"),
        ({"loss": "guess"}, "loss: Input should be"),
        ({"held_out": 2}, "nobody is left"),
    ],
)
def test_options_that_do_not_fit_are_refused(changes, reason, folder, run, tmp_path):
    (folder / "halves.tsv").write_text(HALVES)
    (folder / "free.tsv").write_text(
        (folder / "pairs.tsv").read_text().replace("train", "").replace("validation", "")
    )
    options = FinetuneOptions(str(run), str(folder / "halves.tsv"), **changes)
    with pytest.raises(UsageError, match=reason):
        finetune(folder / "free.tsv", tmp_path / "x", options, backend=BACKEND)


def test_a_label_map_without_an_image_is_refused(folder, run, tmp_path):
    table = folder / "bare.tsv"
    rows = ["subject\tlabels\tlabel_map", "ann\tann_dseg.nii.gz\tfreesurfer"]
    table.write_text("\n".join(rows) + "\n")
    with pytest.raises(UsageError, match="subject ann has no image"):
        finetune_config(table, FinetuneOptions(str(run), "brain"), VolumeCache(None))


def part_of(folder, path, place):
    """A label image with a little cube; nothing without a place."""
    labels = nib.load(folder / "ann_dseg.nii.gz")
    part = np.zeros(labels.shape, np.uint8)
    if place is not None:
        part[tuple(slice(start, start + 4) for start in place)] = 3
    nib.save(nib.Nifti1Image(part, labels.affine), path)
    return path


def table_of(path, image, labels):
    rows = [f"p{n}\t{each}\t{image}\tfreesurfer" for n, each in enumerate(labels)]
    path.write_text("\n".join(["subject\tlabels\timage\tlabel_map", *rows]) + "\n")
    return path


def test_labels_of_a_part_of_the_brain_do_not_place_its_box(
    folder, run, tmp_path, monkeypatch, caplog
):
    (folder / "halves.tsv").write_text(HALVES)
    monkeypatch.setattr(volumes, "find_place", lambda *_: (slice(50, 170),) * 3)
    image = folder / "ann_T1w.nii.gz"
    parts = [
        part_of(folder, tmp_path / "part.nii.gz", (30, 30, 30)),
        part_of(folder, tmp_path / "none.nii.gz", None),  # somebody without a lesion
    ]
    table = table_of(tmp_path / "part.tsv", image, parts)
    boxed = FinetuneOptions("lod-brain-synth", str(folder / "halves.tsv"), held_out=0)
    config = finetune_config(table, boxed, VolumeCache(None))
    assert config["data"]["targets"][0]["covers_brain"] is False
    assert config["stages"][0]["shapes"] == [[144, 144, 144]]  # of the brain, not of the label
    assert "labels cover 4 ml at most" in caplog.text
    whole_head = FinetuneOptions(str(run), str(folder / "halves.tsv"), held_out=0)
    assert finetune_config(table, whole_head, VolumeCache(None))["stages"][0]["shapes"] == [[]]

    mixed = table_of(tmp_path / "mixed.tsv", image, [parts[0], folder / "ann_dseg.nii.gz"])
    with pytest.raises(InputError, match=r"part.nii.gz: labels cover 4 ml, those of another"):
        finetune_config(mixed, boxed, VolumeCache(None))
    empty = table_of(tmp_path / "empty.tsv", image, parts[1:])
    with pytest.raises(InputError, match="neither here nor in another volume"):
        finetune_config(empty, boxed, VolumeCache(None))


def test_a_network_of_lesions_is_trained_and_says_that_it_covers_no_brain(folder, run, tmp_path):
    (folder / "lesions.tsv").write_text("index\tname\tnumbers\n0\tNothing\t*\n1\tLesion\t3\n")
    places = [(30, 30, 30), None, (20, 30, 30)]
    parts = [part_of(folder, tmp_path / f"{n}.nii.gz", place) for n, place in enumerate(places)]
    table = table_of(tmp_path / "lesions.tsv", folder / "ann_T1w.nii.gz", parts)
    options = FinetuneOptions(
        str(run), str(folder / "lesions.tsv"), warmup_epochs=1, epochs=0, held_out=1
    )
    weights = finetune(table, tmp_path / "lesions", options, backend=BACKEND)
    preset = find_preset(str(weights.parent))
    assert not preset.covers_brain
    assert [label.name for label in preset.label_set.structures] == ["Lesion"]


def test_each_is_left_out_once_and_nothing_is_chosen_by_it(folder, run, tmp_path):
    (folder / "halves.tsv").write_text(HALVES)
    rows = (folder / "pairs.tsv").read_text().splitlines()
    third = rows[1].replace("ann\t", "cid\t", 1)
    (folder / "three.tsv").write_text("\n".join([*rows, third]) + "\n")
    arguments = ["finetune", "--from", str(run), "--data", str(folder / "three.tsv"),
                 "--classes", str(folder / "halves.tsv"), "-o", str(tmp_path / "cv"), "-q",
                 "--warmup-epochs", "1", "--epochs", "0", "--cross-validate"]  # fmt: skip
    result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    weights = result.stdout.splitlines()[1]
    text = (tmp_path / "cv" / "cross-validation.tsv").read_text()
    lines = [line.split("\t") for line in text.splitlines()]
    assert [line[0] for line in lines] == [
        "left_out", "ann", "bob", "cid", "mean", "standard deviation"
    ]  # fmt: skip
    values = np.array([[float(v) for v in line[1:]] for line in lines[1:4]])
    np.testing.assert_allclose([float(v) for v in lines[4][1:]], values.mean(axis=0), atol=1e-4)
    for number, name in enumerate(("ann", "bob", "cid"), 1):
        split = (tmp_path / "cv" / f"fold-{number}" / "split.tsv").read_text()
        assert name not in split.replace("_T1w", "").split()
        assert "validation" not in split
        assert (tmp_path / "cv" / "out-of-fold" / f"{name}_probseg.nii.gz").is_file()
    assert (tmp_path / "cv" / "final" / "model.json").is_file()
    assert str(tmp_path / "cv" / "final") in weights
    history = (tmp_path / "cv" / "final" / "history.csv").read_text()
    assert "validation_dice" not in history


def test_two_people_cannot_be_left_out_in_turn(folder, run, tmp_path):
    from lodbrain_cli.batch.cross_validation import cross_validate

    with pytest.raises(UsageError, match="three people or more, one row each; got"):
        cross_validate(
            folder / "pairs.tsv", tmp_path, FinetuneOptions(str(run), "brain"), backend=BACKEND
        )
