"""What was trained is used by every command from the folder of its run."""

import json
import shutil

import nibabel as nib
import numpy as np
import pytest
from click.testing import CliRunner

from lodbrain_cli.cli.main import cli
from lodbrain_cli.errors import UsageError, WeightsError
from lodbrain_cli.labels import Label, LabelSet
from lodbrain_cli.networks.tensors import read_all_tensors
from lodbrain_cli.presets import MODEL_FILE, find_preset
from lodbrain_cli.segmentation import Segmenter
from lodbrain_cli.segmentation.disagreement import disagreement

from .runs import BOTH, NETWORKS, STAGE, TWO, trained


def test_the_folder_of_a_run_is_taken_as_a_preset(run, folder, tmp_path):
    result = CliRunner().invoke(
        cli, ["segment", str(folder / "bob_T1w.nii.gz"), "-o", str(tmp_path / "s.nii.gz"),
               "--preset", str(run), "--volumes", str(tmp_path / "v.tsv"), "-q",
               "--no-quality"],
        catch_exceptions=False,
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert nib.load(tmp_path / "s.nii.gz").shape == (64, 64, 64)
    assert "First" in (tmp_path / "s.tsv").read_text()
    record = json.loads((tmp_path / "s_run.json").read_text())
    assert record["preset"] == "mine"
    assert record["weights"]["origin"] == "model"
    assert record["weights"]["released"]
    names = CliRunner().invoke(cli, ["labels", "--preset", str(run)])
    assert "2\tSecond" in names.stdout


@pytest.mark.parametrize("name", NETWORKS)
def test_every_architecture_trains_on_two_protocols_and_is_used(name, folder):
    run = trained(folder, f"two-{name}", BOTH, network=NETWORKS[name])
    preset = find_preset(str(run))
    assert [label_set.name for label_set in preset.label_sets] == ["two", "half"]
    assert preset.network.heads == (3, 2)
    header = (run / "history.csv").read_text().splitlines()[0].split(",")
    assert {"dice_two", "dice_half", "dice_real", "validation_dice"} <= set(header)
    case = (segmenter := Segmenter(str(run))).prepare(folder / "bob_T1w.nii.gz")
    segmenter.compute(case)
    maps = case.prediction.maps
    assert [head.num_classes for head in maps.heads()] == [3, 2]
    for head in maps.heads():
        np.testing.assert_allclose(head.values.sum(axis=0), 1, atol=1e-4)


def test_a_run_begins_from_weights_and_frozen_layers_stay(run, folder):
    start = {"weights": "lod/all.h5", "reinit_last": 2}
    warm_up = {**STAGE, "name": "warm-up", "freeze_copied": True}
    begun = trained(folder, "begun", BOTH, network=NETWORKS["lod-brain"], start=start,
                    stages=[warm_up, {**STAGE, "learning_rate": 1.0e-4}])  # fmt: skip
    before, warmed, after = (
        read_all_tensors(path / f"{name}.h5")
        for path, name in ((run, "all"), (begun, "warm-up"), (begun, "all"))
    )
    entry, features = "level0_entry/kernel", "level0_features/kernel"
    np.testing.assert_array_equal(before[entry], warmed[entry])
    assert not np.array_equal(before[features], warmed[features])
    assert not np.array_equal(warmed[entry], after[entry])


def test_a_head_learns_nothing_from_people_without_its_labels(folder):
    network = NETWORKS["lod-brain"]
    trained(folder, "known", BOTH, network=network)
    rows = (folder / "both.tsv").read_text().splitlines()
    rows[1] = rows[1].rsplit("\t", 1)[0] + "\t"  # of the one that is learnt from
    (folder / "partly.tsv").write_text("\n".join(rows) + "\n")
    start = {"weights": "known/all.h5", "reinit_last": 0}
    data = {"table": "partly.tsv", "targets": BOTH}
    run = trained(folder, "partly", BOTH, network=network, start=start, data=data)
    before, after = (read_all_tensors(folder / name / "all.h5") for name in ("known", "partly"))
    last = next(name for name in before if name.endswith("kernel") and before[name].shape[-1] == 5)
    moved = np.abs(before[last] - after[last]).reshape(-1, 5).max(axis=0)
    assert (moved[:3] > 0).all()
    assert not moved[3:].any()
    scores = dict(zip(*(line.split(",") for line in (run / "history.csv").read_text().split()),
                      strict=True))  # fmt: skip
    assert float(scores["dice_half"]) > 0  # the one held out has them


def test_weights_of_another_network_are_no_beginning(run, folder):
    other = {"num_levels": 1, "filters": [4, 8]}
    with pytest.raises(UsageError, match=r"have \(3, 3, 3, 1, 8\) for level0_entry/kernel, this"):
        trained(folder, "other", TWO, network=other, start={"weights": "lod/all.h5"})
    start = {"weights": "lod/all.h5", "reinit_last": 9}
    with pytest.raises(UsageError, match="the network has 9 layers with weights"):
        trained(folder, "none", TWO, network=NETWORKS["lod-brain"], start=start)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"network": {"heads": [7]}}, "network: heads are those of data.targets"),
        ({"network": {"architecture": "unet"}}, "network: activation sigmoid is for heads"),
        ({"network": {"architecture": "unet", "filters": "x"}}, "filters: Input should be"),
        ({"network": {"architecture": "unet"}, "stages": [{**STAGE, "levels": 1}]}, "no levels of"),
        ({"network": NETWORKS["unet"], "stages": [{**STAGE, "freeze_copied": True}]}, "nothing is"),
    ],
)
def test_a_network_that_cannot_be_is_refused_by_its_option(changes, reason, folder):
    with pytest.raises(UsageError, match=reason):
        trained(folder, "wrong", TWO, **changes)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"format": "other"}, "is no model file"),
        ({"name": "../x"}, "damaged .*name"),
        ({"label_sets": []}, "damaged .*label sets"),
        ({"network": {"architecture": "x"}}, "damaged .*unknown architecture"),
        ({"weights": {"file": "/etc/x.h5", "sha256": "0" * 64, "num_bytes": 1}}, "damaged"),
        ({"sees": "all"}, "damaged"),
        ({"finder": "nobody"}, "unknown preset 'nobody'"),
    ],
)
def test_a_model_file_that_says_what_cannot_be_is_refused(change, reason, run, tmp_path):
    plain = json.loads((run / MODEL_FILE).read_text())
    path = tmp_path / MODEL_FILE
    path.write_text(json.dumps({**plain, **change}))
    with pytest.raises(UsageError, match=reason):
        find_preset(str(tmp_path))
    path.write_text("{")
    with pytest.raises(UsageError, match="cannot be read as a model"):
        find_preset(str(path))


def test_weights_that_are_not_those_of_the_model_are_refused(run, folder, tmp_path):
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run" / "all.h5").write_bytes(b"other")
    with pytest.raises(WeightsError, match="missing there or not those that it names"):
        Segmenter(str(tmp_path / "run"))
    with pytest.raises(UsageError, match=r"no folder with a model\.json"):
        Segmenter(str(folder / "pairs.tsv"))


def test_each_protocol_gets_its_labels_and_the_map_says_where_they_differ(folder, tmp_path):
    run = trained(folder, "protocols", BOTH, network=NETWORKS["neuronet"])
    arguments = ["segment", str(folder / "bob_T1w.nii.gz"), "-o", str(tmp_path), "-q",
                 "--preset", str(run), "--volumes", str(tmp_path), "--no-quality"]  # fmt: skip
    result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    written = {path.name.removeprefix("bob_") for path in tmp_path.iterdir()}
    assert written == {
        "seg-two_dseg.nii.gz", "seg-two_dseg.tsv", "seg-two_dseg_run.json", "seg-two_stats.tsv",
        "seg-half_dseg.nii.gz", "seg-half_dseg.tsv", "seg-half_stats.tsv",
        "seg-lodbrain_desc-disagreement_map.nii.gz",
    }  # fmt: skip
    assert "Half" in (tmp_path / "bob_seg-half_dseg.tsv").read_text()
    printed = CliRunner().invoke(cli, ["labels", "--preset", str(run), "--label-set", "half"])
    assert "Half" in printed.stdout
    first = CliRunner().invoke(cli, ["labels", "--preset", str(run)])
    assert "Half" not in first.stdout
    assert "labels of two; by --label-set: half" in first.stderr
    record = json.loads((tmp_path / "bob_seg-two_dseg_run.json").read_text())
    assert set(record["protocols"]) == {"half"}
    assert "labels_half" in record["outputs"]
    apart = nib.load(tmp_path / "bob_seg-lodbrain_desc-disagreement_map.nii.gz").get_fdata()
    inside = nib.load(tmp_path / "bob_seg-two_dseg.nii.gz").get_fdata() > 0
    items = Segmenter(str(run)).segment(folder / "bob_T1w.nii.gz").record["quality"]["items"]
    share = items["protocols"]["values"]["share"]
    assert share == pytest.approx(apart[inside].mean(), abs=1e-4)
    assert apart.any()
    refused = CliRunner().invoke(cli, arguments)
    assert refused.exit_code == 2  # nothing is overwritten
    again = CliRunner().invoke(cli, [*arguments, "--skip-existing"])
    assert again.exit_code == 0
    assert "done before" not in again.stderr  # quiet


def test_no_older_map_of_differences_stays_beside_labels_that_have_none(folder, tmp_path):
    two = trained(folder, "older", BOTH, network=NETWORKS["neuronet"])
    shutil.copytree(two, tmp_path / "unmapped")
    model = json.loads((two / MODEL_FILE).read_text())
    for label in model["label_sets"][1]["labels"]:
        label["mapping"] = None
    (tmp_path / "unmapped" / MODEL_FILE).write_text(json.dumps(model))
    (tmp_path / "out").mkdir()
    maps = []
    for preset in (two, tmp_path / "unmapped"):
        arguments = ["segment", str(folder / "bob_T1w.nii.gz"), "-o", str(tmp_path / "out"), "-q",
                     "--preset", str(preset), "--no-quality", "--overwrite"]  # fmt: skip
        assert CliRunner().invoke(cli, arguments, catch_exceptions=False).exit_code == 0
        maps.append([path.name for path in (tmp_path / "out").glob("*disagreement*")])
    assert maps == [["bob_seg-lodbrain_desc-disagreement_map.nii.gz"], []]


def test_disagreement_counts_pairs_that_name_different_tissues():
    def names(*mappings):
        return LabelSet(
            "x", tuple(Label(i, str(i), "", "#000000", m) for i, m in enumerate(mappings))
        )

    # Grey, white; fluid, grey, white; a structure of several tissues.
    sets = [names(0, 1, 2), names(0, 3, 8, 2), names(0, 10)]
    grids = [np.array(v, np.uint8).reshape(1, 1, -1) for v in
             ([0, 1, 1, 2, 1], [0, 2, 1, 3, 2], [0, 1, 1, 1, 0])]  # fmt: skip
    apart = disagreement(grids, sets)[0, 0]
    np.testing.assert_allclose(apart, [0, 0, 1, 0, 2 / 3], atol=1e-6)
    assert disagreement(grids[::2], sets[::2]) is None  # one of them says nothing of tissues
