"""Real and synthetic images take turns as the config says, and a real one stays as it was."""

import numpy as np
import pytest
from keras import ops

from lodbrain_cli.errors import UsageError
from lodbrain_cli.imaging.components import bounding_box
from lodbrain_cli.imaging.extent import extent_around, extent_sides
from lodbrain_cli.imaging.intensity import z_score
from lodbrain_cli.labels import get_label_set
from lodbrain_cli.training.augmentation import AugmentationOdds
from lodbrain_cli.training.config import TrainingConfig
from lodbrain_cli.training.heads import head_of
from lodbrain_cli.training.real_samples import AugmentedSamples
from lodbrain_cli.training.samples import SampleGrid
from lodbrain_cli.training.sources import Sources, training_samples, validation_samples
from lodbrain_cli.training.targets import Coding, Target
from lodbrain_cli.training.volumes import ConformedPair

from .heads import label_map

TARGETS = (Target(get_label_set("lod-brain-7")),)
SEVEN = Coding(np.arange(7, dtype=np.uint8)[:, None], (7,))

STAGE = {"name": "a", "levels": 1, "image_mm": 8, "voxel_mm": 8, "shapes": [[]], "steps": 9}


@pytest.fixture(scope="module")
def head():
    return head_of(label_map().astype(np.int32), "phantom")


@pytest.fixture
def pair(rng):
    labels = np.zeros((32, 32, 32), np.uint8)
    labels[10:20, 8:18, 12:22] = 3
    image = (labels * 9 + rng.normal(size=labels.shape)).astype("float32")
    return ConformedPair(image, labels, SEVEN)


@pytest.fixture
def whole_pair(pair):
    """The same, on 256³ voxels of 1 mm."""

    def larger(volume):
        return volume.repeat(8, 0).repeat(8, 1).repeat(8, 2)

    return ConformedPair(larger(pair.image), larger(pair.codes), SEVEN)


def config(stage=None, synthesis=None, **data):
    values = {"name": "x", "data": {"label_map": "freesurfer", **data}, "validation_images": 2}
    values["synthesis"] = synthesis or {}
    values["network"] = {"num_levels": 1, "filters": [4, 8]}  # aligned to 16 mm in voxels of 8
    return TrainingConfig(**values, stages=[{**STAGE, "epoch_steps": 1, **(stage or {})}])


def numpy(tensor):
    return np.asarray(ops.convert_to_numpy(tensor))


def test_an_image_without_augmentation_is_the_conformed_one(pair):
    grid = SampleGrid(2.0, 2, ((16, 16, 16),))
    untouched = AugmentationOdds(overall=0.0)
    sample = AugmentedSamples([lambda: pair], grid, untouched, TARGETS, (0,))(0)
    expected = z_score(pair.image).reshape(16, 2, 16, 2, 16, 2).max((1, 3, 5))
    np.testing.assert_allclose(numpy(sample.image)[0, ..., 0], expected, atol=1e-5)
    shares = (pair.codes == 3).reshape(16, 2, 16, 2, 16, 2).mean((1, 3, 5))
    np.testing.assert_allclose(numpy(sample.target)[0, ..., 3], shares, atol=1e-6)
    np.testing.assert_allclose(numpy(sample.target).sum(-1), 1, atol=1e-6)


def test_a_part_holds_the_brain_and_a_number_gives_the_same_part(pair):
    grid = SampleGrid(1.0, 1, ((16, 20, 16),))
    samples = AugmentedSamples([lambda: pair], grid, AugmentationOdds(spatial=0.0), TARGETS, (1,))
    for number in range(5):
        sample = samples(number)
        assert sample.image.shape == (1, 16, 20, 16, 1)
        assert numpy(sample.target)[..., 3].sum() == 1000
        np.testing.assert_array_equal(numpy(sample.image), numpy(samples(number).image))


@pytest.mark.parametrize(("sees", "fewest"), [("head", 2), ("brain", 4)])
def test_all_of_a_brain_that_a_part_cannot_hold_comes_up(pair, sees, fewest):
    """Of the brain's 10 voxels along each axis a part of 4 shows at least `fewest`."""
    grid = SampleGrid(1.0, 1, ((4, 4, 4),), sees)
    codes = np.zeros_like(pair.codes)
    codes[10:20, 8:18, 12:22] = 1 + np.arange(10, dtype=np.uint8)[:, None, None]
    depths = Coding(np.arange(11, dtype=np.uint8)[:, None], (11,))
    deep = ConformedPair(pair.image, codes, depths)
    samples = AugmentedSamples([lambda: deep], grid, AugmentationOdds(overall=0.0), TARGETS, (1,))
    shown = [np.flatnonzero(numpy(samples(k).target)[0].any(axis=(0, 1, 2))[1:]) for k in range(80)]
    assert set(np.concatenate(shown)) == set(range(10))
    assert min(map(len, shown)) == fewest


def test_a_pair_that_stands_three_times_is_drawn_three_times_as_often(pair):
    drawn = []

    def rare():
        drawn.append(1)
        return pair

    grid = SampleGrid(2.0, 2, ((8, 8, 8),))
    pairs = [lambda: pair, lambda: pair, lambda: pair, rare]
    samples = AugmentedSamples(pairs, grid, AugmentationOdds(overall=0.0), TARGETS, (0,))
    for number in range(400):
        samples(number)
    assert 70 < len(drawn) < 130


def test_real_and_synthetic_take_turns(head, whole_pair):
    options = config(real_share=0.25)
    asked = []
    both = Sources((head,), (lambda: asked.append(1) or whole_pair,), TARGETS)
    samples = training_samples(options, options.stages[0], both, (0,))
    for number in (0, 1, 2, 4, 5, 6):
        samples(number)
    assert asked == []  # three of four are synthetic
    samples(3)
    assert asked == [1]


def test_synthetic_samples_are_the_same_ones_whether_real_ones_come_between_or_not(
    head, whole_pair
):
    options = config(stage={"uses": 2}, real_share=0.5)
    alone = training_samples(options, options.stages[0], Sources((head,), (), TARGETS), (0,))
    both = Sources((head,), (lambda: whole_pair,), TARGETS)
    mixed = training_samples(options, options.stages[0], both, (0,))
    for step, number in enumerate((0, 2, 4)):
        np.testing.assert_array_equal(numpy(mixed(number).image), numpy(alone(step).image))


def test_a_real_image_keeps_its_size_whatever_grid_synthetic_ones_are_made_on(whole_pair):
    untouched = AugmentationOdds(overall=0.0)
    for pool in (1, 4):
        grid = SampleGrid(4.0, pool, ((64, 64, 64),))
        target = numpy(
            AugmentedSamples([lambda: whole_pair], grid, untouched, TARGETS, (0,))(0).target
        )
        assert target[..., 3].sum() == 20**3  # 80 mm in voxels of 4 mm
    with pytest.raises(UsageError, match="whole millimetres"):
        AugmentedSamples(
            [lambda: whole_pair], SampleGrid(1.5, 1, ((8, 8, 8),)), untouched, TARGETS, (0,)
        )


def test_moving_a_brain_in_its_box_neither_cuts_it_short_nor_smears_it(whole_pair):
    odds = AugmentationOdds(1.0, 0.0, 0.0, 1.0, 0.0, {"translation": 1.0})
    grid = SampleGrid(1.0, 1, ((128, 128, 128),), "brain")
    samples = AugmentedSamples([lambda: whole_pair], grid, odds, TARGETS, (2,))
    volume = 80**3
    for number in range(4):
        labels = numpy(samples(number).target)[0, ..., 3] > 0
        # Brain leaves the box at one side at most by what it was moved, none is repeated.
        assert labels.sum() <= volume
        for axis in range(3):
            others = tuple(i for i in range(3) if i != axis)
            occupied = np.flatnonzero(labels.any(axis=others))
            assert len(occupied) <= 80
            assert np.all(np.diff(occupied) == 1)


def test_validation_has_every_kind_at_the_whole_extent(head):
    options = config()
    found = list(validation_samples(options, options.stages[0], Sources((head,), (), TARGETS), 0))
    assert [kind for kind, _ in found] == ["t1w", "random"]
    assert all(sample.image.shape == (1, 32, 32, 32, 1) for _, sample in found)


def test_a_network_that_sees_the_brain_is_validated_on_the_box_around_it(head, whole_pair):
    options = config(stage={"sees": "brain", "shapes": [[16, 20, 16]]})
    stage = options.stages[0]
    sources = Sources((head,), (lambda: whole_pair,), TARGETS)
    found = dict(validation_samples(options, stage, sources, 0))
    sides_of = {"t1w": [b - a + 1 for a, b in head.brain_vox], "real": [80, 80, 80]}
    for kind, brain in sides_of.items():
        sides = tuple(round(side / stage.voxel_mm) for side in extent_sides(brain))
        assert found[kind].image.shape == (1, *sides, 1)


def test_a_real_image_is_validated_on_the_box_that_inference_cuts(whole_pair):
    options = config(stage={"sees": "brain", "shapes": [[16, 20, 16]]})
    stage = options.stages[0]
    ((kind, sample),) = validation_samples(
        options, stage, Sources((), (lambda: whole_pair,), TARGETS), 0
    )
    box = extent_around(bounding_box(whole_pair.codes > 0), whole_pair.codes.shape)
    labels = (whole_pair.codes[box] == 3).reshape(12, 8, 12, 8, 12, 8).mean((1, 3, 5))
    assert kind == "real"
    np.testing.assert_allclose(numpy(sample.target)[0, ..., 3], labels, atol=1e-6)
    image = z_score(whole_pair.image[box]).reshape(12, 8, 12, 8, 12, 8).max((1, 3, 5))
    np.testing.assert_allclose(numpy(sample.image)[0, ..., 0], image, atol=1e-4)


def test_validation_deforms_heads_as_much_as_the_config_says(head):
    sources = Sources((head,), (), TARGETS)

    def targets(strength):
        options = config(synthesis={"deformation_strength": strength})
        found = validation_samples(options, options.stages[0], sources, 0)
        return numpy(next(iter(found))[1].target)

    assert np.abs(targets(0.0) - targets(2.0)).mean() > 0.001


def test_intensities_are_normalised_over_what_the_network_sees(head, whole_pair):
    for sees in ("head", "brain"):
        options = config(stage={"sees": sees, "shapes": [[16, 20, 16]]}, real_share=0.5)
        samples = training_samples(
            options, options.stages[0], Sources((head,), (lambda: whole_pair,), TARGETS), (0,)
        )
        synthetic = [numpy(samples(number).image) for number in (0, 2)]
        normalised = [abs(image.mean()) < 1e-3 for image in synthetic]
        assert all(normalised) == (sees == "brain")
