"""A trained network learns other classes from a few volumes, and goes on as what it was."""

import json

import nibabel as nib
import numpy as np
import pytest
from click.testing import CliRunner

from lodbrain_cli.cli.main import cli
from lodbrain_cli.errors import UsageError
from lodbrain_cli.networks.tensors import read_all_tensors
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
              "--preset", str(tuned)],
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
