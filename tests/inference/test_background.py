"""What is constant is found, and counted exactly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lodbrain_cli.inference.background import (
    ConstantResponse,
    any_in_cells,
    dilated,
    find_background,
)


def test_the_most_frequent_value_is_the_background_and_other_constants_are_not():
    image = np.full((48, 40, 32), -0.4, np.float32)
    image[:16] = 2.0
    image[24, 20, 16] = 1.0
    background = find_background(image)
    assert background.value == np.float32(-0.4)
    assert background.varied[:8].all()
    assert background.varied[8:].sum() == 1


def test_cells_within_reach_of_another_value_are_those_of_a_brute_force_search():
    rng = np.random.default_rng(3)
    image = np.zeros((24, 28, 20), np.float32)
    image[tuple(rng.integers(0, s, 6) for s in image.shape)] = 1
    for halo in (0, 1, 2, 5):
        reached = find_background(image).reached(halo, 4)
        places = np.argwhere(image != 0)
        for cell in np.ndindex(reached.shape):
            first, last = np.array(cell) * 4, np.array(cell) * 4 + 3
            gaps = np.maximum(np.maximum(first - places, places - last), 0).max(axis=1)
            if gaps.min() <= halo:
                assert reached[cell]
            if gaps.min() > halo + 2:  # masks are kept in cells of two voxels
                assert not reached[cell]


@given(sides=st.tuples(*[st.integers(1, 9)] * 3), cell=st.integers(1, 4), seed=st.integers(0, 9))
def test_any_in_cells_also_where_the_last_cell_is_smaller(sides, cell, seed):
    mask = np.random.default_rng(seed).random(sides) < 0.1
    found = any_in_cells(mask, cell)
    assert found.shape == tuple(-(-side // cell) for side in sides)
    for i, j, k in np.ndindex(found.shape):
        part = mask[i * cell : (i + 1) * cell, j * cell : (j + 1) * cell, k * cell : (k + 1) * cell]
        assert found[i, j, k] == part.any()


def test_dilation_reaches_across_corners_and_stays_in_the_volume():
    cells = np.zeros((5, 5, 1), bool)
    cells[1, 1, 0] = True
    assert dilated(cells, 1).sum() == 9
    assert dilated(cells, 9).all()
    assert (dilated(cells, 0) == cells).all()


@settings(max_examples=30, deadline=None)
@given(
    sides=st.tuples(*[st.integers(6, 14)] * 3),
    begin=st.tuples(*[st.integers(0, 5)] * 3),
    size=st.tuples(*[st.integers(0, 8)] * 3),
)
def test_moments_of_the_constant_part_are_those_of_the_filled_tensor(sides, begin, size):
    cube = np.random.default_rng(1).normal(size=(4, 6, 6, 6)).astype(np.float32)
    response = ConstantResponse(cube, sides)
    result = np.empty((4, *sides), np.float32)
    response.fill(result)
    # nearness to the border decides: corners are the cube's, the middle is its middle
    np.testing.assert_array_equal(result[:, :3, :3, -3:], cube[:, :3, :3, 3:])
    np.testing.assert_array_equal(result[:, -1, 0, -1], cube[:, -1, 0, -1])
    box = tuple(slice(b, max(b, min(b + n, s))) for b, n, s in zip(begin, size, sides, strict=True))
    outside = np.ones(sides, bool)
    outside[box] = False
    moments, count = response.moments(2, [box])
    assert count == outside.sum()
    if count:
        values = result[:, outside].astype(np.float64).reshape(2, -1)
        np.testing.assert_allclose(moments, [values.mean(1), values.var(1)], rtol=1e-9)


def test_nothing_is_left_of_a_volume_that_boxes_fill():
    response = ConstantResponse(np.ones((2, 4, 4, 4), np.float32), (6, 6, 6))
    moments, count = response.moments(1, [(slice(0, 6),) * 3])
    assert count == 0
    assert moments.shape == (2, 1)
    with pytest.raises(ValueError, match="zip"):
        response.fill(np.empty((3, 6, 6, 6), np.float32))
