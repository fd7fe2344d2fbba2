"""A wrong option is named, with what it got, in one line."""

import csv
import re
from pathlib import Path
from typing import get_args

import keras
import pytest
import yaml

from lodbrain_cli.errors import UsageError
from lodbrain_cli.networks.build import build_network
from lodbrain_cli.training.config import StageOptions, read_config
from lodbrain_cli.training.losses import LOSSES
from lodbrain_cli.training.stage_options import MOST_STEPS

ROOT = Path(__file__).resolve().parents[2]
STAGE = {
    "name": "coarse",
    "levels": 1,
    "voxel_mm": 4,
    "image_mm": 2,
    "shapes": [[]],
    "steps": 10,
    "epoch_steps": 5,
}
VALID = {"name": "try", "data": {"label_map": "freesurfer"}, "stages": [STAGE]}


def written(tmp_path, values):
    path = tmp_path / "config.yaml"
    path.write_text(values if isinstance(values, str) else yaml.safe_dump(values))
    return path


def changed(**changes):
    return {**VALID, "stages": [{**STAGE, **changes}]}


def test_a_config_gives_networks_and_grids(tmp_path):
    config = read_config(written(tmp_path, VALID))
    (stage,) = config.stages
    assert stage.grid().shapes == ((64, 64, 64),)
    assert stage.grid().pool == 2
    model = build_network(config.stage_network(stage, (7,)))
    assert not any(layer.name.startswith("level1") for layer in model.layers)


def test_the_config_that_the_readme_prints_is_one(tmp_path):
    blocks = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "README.md").read_text(), re.S | re.M)
    configs = [block for block in blocks if "stages:" in block]
    assert configs
    for text in configs:
        config = read_config(written(tmp_path, text))
        build_network(config.stage_network(config.stages[0], (7, 4)))


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("weights/*/config.yaml")), ids=lambda p: p.parent.name
)
def test_the_config_of_weights_of_ours_is_one(path):
    assert read_config(path).name == path.parent.name


def test_a_ratio_of_voxels_is_not_refused_for_its_rounding(tmp_path):
    fractions = changed(voxel_mm=1.8, image_mm=0.6, shapes=[[64, 64, 64]])
    assert read_config(written(tmp_path, fractions)).stages[0].grid().pool == 3


def test_the_largest_seed_is_one_at_every_step(tmp_path):
    values = {**changed(steps=MOST_STEPS), "seed": 2**31 - 1}
    config = read_config(written(tmp_path, values))
    keras.utils.set_random_seed(config.seed + config.stages[0].steps)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (changed(steps=-1), r"stages\.0\.steps: .*greater than 0; received -1"),
        (changed(loss="mean"), r"stages\.0\.loss: .*per_channel_dice_loss"),
        (changed(stpes=1), r"stages\.0\.stpes: Extra inputs are not permitted"),
        (changed(image_mm=3), r"voxel_mm 4\.0 is no multiple of image_mm 3\.0"),
        (changed(shapes=[[64, 64, 63]]), r"sides \(64, 64, 63\) must be multiples of 4"),
        (changed(shapes=[[64, 64, 68]]), r"stages\.0: .*shapes: .*more than 256 mm; .*at most 64"),
        (changed(image_mm=8), r"voxel_mm 4\.0 is no multiple of image_mm 8\.0"),
        (
            changed(final_learning_rate=0.1),
            r"final_learning_rate 0\.1 is above learning_rate 0\.0005",
        ),
        (
            changed(sees="brain", voxel_mm=8, image_mm=8, shapes=[[16, 16, 16]]),
            r"stage coarse: voxel_mm 8\.0 does not fit sees: brain: .*steps of 16 mm, .*4 voxels",
        ),
        ({**VALID, "seed": 2**32}, "seed: Input should be less than 2147483648; received"),
        (changed(steps=2**32), "steps: Input should be less than or equal to 2147483648"),
        (changed(levels=3), r"stage coarse: the network has 2 levels"),
        ({**VALID, "stages": [STAGE, STAGE]}, "stages need different names"),
        ({**VALID, "network": {"num_levels": 5}}, "num_levels must be between 1 and 2"),
        ({**VALID, "data": {}}, "give either table, or label_map"),
        (
            {**VALID, "augmentation": {"spatial_weights": {"bend": 1}}},
            "effects are flip, grid.*bend",
        ),
        ("- a\n- b", "expected options by name, got list"),
        ("a: [", "cannot be read as YAML"),
        ("!!python/object/apply:os.system ['true']", "cannot be read as YAML"),
    ],
)
def test_a_wrong_option_is_named_in_one_line(tmp_path, values, said):
    with pytest.raises(UsageError, match=said) as caught:
        read_config(written(tmp_path, values))
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_the_losses_to_choose_from_are_those_that_there_are():
    assert set(get_args(StageOptions.model_fields["loss"].annotation)) == set(LOSSES)


def test_the_config_of_lod_brain_synth_is_valid_and_holds_out_ten_people():
    folder = Path(__file__).resolve().parents[2] / "weights" / "lod-brain-synth"
    config = read_config(folder / "config.yaml")
    assert config.stages[0].name == "coarse"
    with (folder / config.data.table).open() as table:
        rows = list(csv.DictReader(table, delimiter="\t"))
    held_out = {row["subject"] for row in rows if row["set"] == "validation"}
    assert len(held_out) == 10
    assert not held_out & {row["subject"] for row in rows if row["set"] == "train"}


def test_a_missing_config_is_a_wrong_use(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        read_config(tmp_path / "none.yaml")
