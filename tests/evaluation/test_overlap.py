"""Overlap from one table of counts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lodbrain_cli.evaluation.overlap import count_overlap, dice_scores

SHAPES = arrays.array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=7)


@given(shape=SHAPES, data=st.data())
def test_counts_are_those_of_masks_compared_one_by_one(shape, data):
    labels, reference = (
        data.draw(arrays.arrays(np.uint8, shape, elements=st.integers(0, 4))) for _ in range(2)
    )
    found = count_overlap(labels, reference, 5)
    for label in range(1, 5):
        ours, theirs = labels == label, reference == label
        both, either = (ours & theirs).sum(), (ours | theirs).sum()
        place = label - 1
        assert found.shared[place] == both
        if either:
            assert found.dice[place] == pytest.approx(2 * both / (ours.sum() + theirs.sum()))
            assert found.jaccard[place] == pytest.approx(both / either)
            # One follows from the other.
            assert found.jaccard[place] == pytest.approx(
                found.dice[place] / (2 - found.dice[place])
            )
        else:
            assert np.isnan([found.dice[place], found.jaccard[place]]).all()


def test_a_class_in_one_image_only_scores_0_and_in_neither_nothing():
    labels = np.zeros((3, 4, 5), np.uint8)
    reference = labels.copy()
    labels[0, 0, 0] = 1
    reference[1, 1, 1] = 2
    np.testing.assert_array_equal(dice_scores(labels, reference, 4), [0, 0, np.nan])
    np.testing.assert_array_equal(count_overlap(labels, reference, 4).jaccard, [0, 0, np.nan])


def test_labels_of_another_type_and_memory_order_count_the_same(rng):
    labels = rng.integers(0, 7, (5, 6, 7))
    reference = np.asfortranarray(rng.integers(0, 7, (5, 6, 7)).astype(np.uint8))
    np.testing.assert_array_equal(
        dice_scores(labels, reference, 7), dice_scores(labels.astype(np.uint8), reference, 7)
    )


def test_unequal_shapes_and_unknown_labels_are_refused():
    labels = np.zeros((2, 3, 4), np.uint8)
    with pytest.raises(ValueError, match="one shape"):
        count_overlap(labels, labels[:1], 2)
    for strange in (labels + 2, labels.astype(int) - 1):
        with pytest.raises(ValueError, match="labels from 0 to 1"):
            count_overlap(labels, strange, 2)
        with pytest.raises(ValueError, match="labels from 0 to 1"):
            count_overlap(strange, labels, 2)
