"""The authors' augmentations: their ranges, labels that follow, nothing lost on the way."""

import json

import numpy as np
import pytest

from lodbrain_cli.training.augmentation import (
    AugmentationOdds,
    apply_augmentation,
    sample_augmentation,
)
from lodbrain_cli.training.intensity_augmentation import INTENSITY
from lodbrain_cli.training.spatial_augmentation import SPATIAL

SHAPE = (40, 44, 36)


@pytest.fixture
def pair(rng):
    labels = np.zeros(SHAPE, np.uint8)
    labels[8:20, 10:30, 8:28] = 3
    image = (labels * 10 + rng.normal(0, 0.5, SHAPE)).astype(np.float32)
    return (image - image.mean()) / image.std(), labels


@pytest.mark.parametrize("name", SPATIAL)
def test_labels_follow_the_image(pair, name):
    image, labels = pair
    sample, apply = SPATIAL[name]
    for seed in range(5):
        parameters = sample(np.random.default_rng(seed), SHAPE)
        moved, found = apply(image, labels, **parameters)
        assert moved.shape == found.shape == SHAPE
        assert set(np.unique(found)) <= {0, 3}
        threshold = (image[labels == 3].mean() + image[labels == 0].mean()) / 2
        agree = np.mean((moved > threshold) == (found == 3))
        assert agree > 0.97


@pytest.mark.parametrize("name", INTENSITY)
def test_an_effect_is_drawn_as_plain_values_and_does_something(pair, name):
    image, _ = pair
    image[:, -8:] = image.min()  # the head ends
    sample, apply = INTENSITY[name]
    parameters = sample(np.random.default_rng(1), SHAPE)
    assert json.loads(json.dumps(parameters)) == parameters
    before = image.copy()
    changed = apply(image, **parameters)
    assert changed.shape == SHAPE
    assert changed.dtype == np.float32
    assert np.isfinite(changed).all()
    assert np.abs(changed - image).max() > 0.01
    np.testing.assert_array_equal(image, before)
    np.testing.assert_array_equal(changed, apply(image, **parameters))


def test_ranges_are_the_authors(rng):
    def drawn(effects, name):
        return [effects[name][0](rng, (256, 256, 256)) for _ in range(200)]

    assert {p["degrees"] for p in drawn(SPATIAL, "rotation")} == set(range(-10, 10))
    voxels = np.array([p["voxels"] for p in drawn(SPATIAL, "translation")])
    assert (voxels.min(), voxels.max()) == (-20, 19)
    widths = np.array([p["widths"] for p in drawn(SPATIAL, "grid")])
    assert widths.shape[1:] == (2, 5)
    assert 0.9 <= widths.min() < 0.91
    assert 1.09 < widths.max() <= 1.1
    gammas = np.array([p["gamma"] for p in drawn(INTENSITY, "gamma")])
    parts = np.array([p["part"] for p in drawn(SPATIAL, "crop")])
    sides = parts[..., 1] - parts[..., 0]
    assert 0 <= parts.min() < parts.max() <= 1
    assert sides.prod(axis=1).min() >= 0.9
    assert 0.5 <= gammas.min() < gammas.max() <= 3
    begins = np.array([p["begin"] for p in drawn(INTENSITY, "inhomogeneity")])
    assert 0 <= begins.min() < begins.max() <= 254
    assert {p["ghosts"] for p in drawn(INTENSITY, "ghosting")} == {1, 2, 3, 4}
    assert {p["every"] for p in drawn(INTENSITY, "slices")} == {2, 3, 4}
    assert {p["repeats"] for p in drawn(INTENSITY, "neck")} == set(range(10, 30))


def test_each_effect_is_what_its_name_says(pair):
    image, labels = pair

    def done(name, **parameters):
        return INTENSITY[name][1](image, **parameters)

    noisy = done("salt_and_pepper", share=0.01, salt=0.2, seed=0)
    assert np.mean(noisy != image) == pytest.approx(0.01, rel=0.1)
    assert np.mean(noisy[noisy != image] == image.max()) == pytest.approx(0.2, abs=0.08)
    assert done("gaussian", share=0.2, seed=0).std() == pytest.approx(np.hypot(0.8, 0.2), rel=0.05)
    sliced = done("slices", every=3)
    np.testing.assert_array_equal(sliced[:, 4], image[:, 3])
    np.testing.assert_array_equal(sliced[:, 3], image[:, 3])
    ghost = done("ghosting", axis=1, ghosts=1)
    np.testing.assert_allclose(ghost, 0.85 * image + 0.15 * np.roll(image, 22, 1), atol=1e-5)
    ghosts = done("ghosting", axis=1, ghosts=2)  # of the image, not of its ghosts
    first = 0.85 * image + 0.15 * np.roll(image, 22, 1)
    expected = 0.85 * first + 0.15 * np.roll(image, 22 + 14, 1)
    np.testing.assert_allclose(ghosts, expected, atol=1e-5)
    assert done("contrast", factor=3.0).max() == image.max()
    gamma = done("gamma", gamma=2.0)
    np.testing.assert_allclose(gamma.max((0, 1)), image.max((0, 1)), atol=1e-2)
    assert gamma.mean() > image.mean()  # a gamma above 1 brightens
    field = done("inhomogeneity", begin=[128, 128, 128], largest=1.0) - image
    assert np.abs(field).max() <= 1.0 + 1e-5
    assert np.abs(np.diff(field, axis=0)).max() < 0.01  # smooth
    flipped, found = SPATIAL["flip"][1](image, labels)
    np.testing.assert_array_equal(flipped[::-1], image)
    np.testing.assert_array_equal(found[::-1], labels)


def test_a_neck_is_made_longer_only_where_a_head_ends():
    apply = INTENSITY["neck"][1]
    empty = np.zeros(SHAPE, np.float32)
    np.testing.assert_array_equal(apply(empty, repeats=10), empty)
    to_the_end = np.random.default_rng(0).random(SHAPE, dtype=np.float32)
    np.testing.assert_array_equal(apply(to_the_end, repeats=10), to_the_end)
    ends = to_the_end.copy()
    ends[:, 31:] = 0.001  # a field lies over the air
    longer = apply(ends, repeats=10)
    np.testing.assert_array_equal(longer[:, 20:30], np.repeat(ends[:, 20:21], 10, axis=1))
    np.testing.assert_array_equal(longer[:, :20], ends[:, :20])


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("translation", {"voxels": [-19, 6, 10]}), ("rotation", {"degrees": 9, "axes": [0, 2]})],
)
def test_what_comes_in_from_beyond_the_border_has_no_label(name, parameters):
    everywhere = np.full(SHAPE, 3, np.uint8)
    _, labels = SPATIAL[name][1](everywhere.astype("f4"), everywhere, **parameters)
    assert np.mean(labels == 0) > 0.05
    assert labels[20, 22, 18] == 3


def test_the_chain_runs_as_often_and_in_the_order_of_the_authors(rng):
    drawn = [sample_augmentation(rng, SHAPE, AugmentationOdds()) for _ in range(400)]
    names = [tuple(name for name, _ in a.steps) for a in drawn]
    assert np.mean([n != () for n in names]) == pytest.approx(0.9, abs=0.05)
    ran = [n for n in names if n]
    assert np.mean(["flip" in n for n in ran]) == pytest.approx(0.5, abs=0.08)
    for n in ran:
        assert n[-3:-1] == ("inhomogeneity", "grid")
        assert n[-1] in AugmentationOdds().intensity_weights
    assert {n[-1] for n in ran} == set(AugmentationOdds().intensity_weights)


def test_a_chain_is_applied_step_by_step(pair):
    image, labels = pair
    odds = AugmentationOdds(1.0, 1.0, 1.0, 1.0, 1.0, {"rotation": 1.0}, {"blur": 1.0})
    drawn = sample_augmentation(np.random.default_rng(0), SHAPE, odds)
    assert [name for name, _ in drawn.steps] == ["flip", "inhomogeneity", "rotation", "blur"]
    changed, found = apply_augmentation(image, labels, drawn)
    assert changed.dtype == np.float32
    assert found.dtype == np.uint8
    assert changed.flags["C_CONTIGUOUS"]
    untouched = sample_augmentation(np.random.default_rng(0), SHAPE, AugmentationOdds(overall=0))
    np.testing.assert_array_equal(apply_augmentation(image, labels, untouched)[0], image)
