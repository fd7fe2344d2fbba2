"""What is validated is what runs: on windows where the network is run on windows."""

import json

import numpy as np
import pytest

from lodbrain_cli.presets import Windows, find_preset
from lodbrain_cli.training.samples import Sample
from lodbrain_cli.training.validation import ValidationSet

from .runs import NETWORKS, STAGE, TWO, trained


class FirstVoxels:
    """Says class 1 of each head where the image is bright, in the first 16 voxels alone."""

    def __init__(self):
        self.shapes = set()

    def predict_on_batch(self, images):
        self.shapes.add(images.shape[1:4])
        bright = (images > 0.5).astype(np.float32)
        bright[:, 16:] = 0
        return np.concatenate([1 - bright, bright, 1 - bright, bright, 0 * bright], axis=-1)


@pytest.fixture
def sample():
    labels = np.zeros((2, 40, 24, 24), np.uint8)
    labels[:, 2:38, 4:20, 4:20] = 1
    # Not one value all around: everything is looked at.
    image = np.random.default_rng(0).uniform(0, 0.4, labels.shape) + 0.6 * labels
    target = np.concatenate(
        [np.eye(classes, dtype=np.float32)[labels] for classes in (2, 3)], axis=-1
    )
    return Sample(image[..., None].astype(np.float32), target)


def test_windows_are_validated_as_they_are_run(sample):
    heads = {"two": 2, "three": 3}
    whole = ValidationSet([("t1w", sample)], heads).score(FirstVoxels())
    assert whole["dice_two"] == pytest.approx(2 * 14 / (14 + 36))
    model = FirstVoxels()
    windows = Windows((16, 24, 24), (8, 12, 12))
    scores = ValidationSet([("t1w", sample)], heads, windows).score(model)
    assert scores["dice_two"] == 1
    assert scores["dice_three"] == 1
    assert model.shapes == {(16, 24, 24)}


def test_a_head_without_labels_counts_nowhere(sample):
    target = sample.target.copy()
    target[..., 2:] = 0
    alone = ValidationSet([("t1w", Sample(sample.image, target))], {"two": 2, "three": 3})
    scores = alone.score(FirstVoxels())
    assert scores["validation_dice"] == scores["dice_two"] == pytest.approx(0.56)
    assert scores["dice_three"] == 0  # of nobody
    both = ValidationSet(
        [("t1w", Sample(sample.image, target)), ("t1w", sample)], {"two": 2, "three": 3}
    )
    assert both.score(FirstVoxels())["dice_three"] == pytest.approx(0.56)


def test_a_network_shown_parts_runs_on_windows_of_its_largest_half_overlapping(folder):
    stage = {**STAGE, "shapes": [[16, 16, 32], [32, 32, 48]]}
    run = trained(folder, "parts", TWO, network=NETWORKS["neuronet"], stages=[stage])
    assert find_preset(str(run)).windows == Windows((32, 32, 48), (16, 16, 24))
    assert json.loads((run / "model.json").read_text())["windows"]["stride"] == [16, 16, 24]


@pytest.mark.parametrize(
    ("network", "shapes"), [("neuronet", [[32, 32, 32], []]), ("lod-brain", [[32, 32, 32]])]
)
def test_there_are_no_windows_where_a_whole_was_shown_nor_for_lod_brain(network, shapes, folder):
    name = f"whole-{network}"
    run = trained(
        folder, name, TWO, network=NETWORKS[network], stages=[{**STAGE, "shapes": shapes}]
    )
    assert find_preset(str(run)).windows is None
