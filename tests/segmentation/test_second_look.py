"""A network that answers alike for a scan mirrored and shifted agrees with itself."""

import numpy as np
import pytest

from lodbrain_cli.imaging.probability_maps import ProbabilityMaps
from lodbrain_cli.labels import LOD_BRAIN_7, Label, LabelSet
from lodbrain_cli.segmentation.second_look import second_look

SIDED = LabelSet(
    "sided",
    tuple(
        Label(index=i, name=name, abbreviation=name[:2], color="#000000", mapping=None)
        for i, name in enumerate(("Background", "Left part", "Right part"))
    ),
)


@pytest.fixture
def image(rng):
    """Two blobs, one on each side, away from the ends, of different size."""
    values = np.zeros((24, 20, 22), np.float32)
    values[4:9, 6:12, 5:14] = 1
    values[14:20, 7:13, 6:12] = 2
    return values + rng.uniform(0, 0.1, values.shape).astype(np.float32)


def by_value(image):
    """Labels of what is bright, wherever it lies."""
    labels = np.rint(image).astype(int)
    return ProbabilityMaps.whole(np.stack([labels == n for n in range(7)]).astype(np.float32))


def by_side(image):
    """The first half of what is bright is left, the rest right."""
    half = image.shape[0] // 2
    bright = image > 0.5
    left = bright & (np.arange(image.shape[0]) < half)[:, None, None]
    return ProbabilityMaps.whole(np.stack([~bright, left, bright & ~left]).astype(np.float32))


def by_place(image):
    """Always the same, whatever it is shown."""
    labels = np.zeros(image.shape, int)
    labels[3:8, 5:9, 5:9] = 1
    return ProbabilityMaps.whole(np.stack([labels == n for n in range(7)]).astype(np.float32))


def test_an_answer_that_moves_with_the_scan_agrees(image):
    assert second_look(by_value, image, by_value(image), LOD_BRAIN_7) == 1


def test_sided_structures_change_places_in_the_mirror(image):
    assert second_look(by_side, image, by_side(image), SIDED) == 1


def test_an_answer_that_stays_where_it_was_does_not_agree(image):
    assert second_look(by_place, image, by_place(image), LOD_BRAIN_7) == 0


def test_an_answer_of_nothing_is_no_agreement(image):
    nothing = ProbabilityMaps.nothing((7,), image.shape)
    assert second_look(lambda _: nothing, image, nothing, LOD_BRAIN_7) == 0
    assert second_look(by_value, image, nothing, LOD_BRAIN_7) == 0


def test_the_scan_is_shown_moved_and_not_changed(image):
    before, seen = image.copy(), []
    second_look(
        lambda shown: seen.append(shown) or by_value(shown), image, by_value(image), LOD_BRAIN_7
    )
    np.testing.assert_array_equal(image, before)
    assert seen[0].shape == image.shape
    np.testing.assert_array_equal(seen[0][:, 3:, 3:], image[::-1, :-3, :-3])
