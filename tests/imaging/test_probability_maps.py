"""Maps that store a box answer like maps that store the whole volume."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lodbrain_cli.imaging.probability_maps import ProbabilityMaps

SHAPE = (9, 7, 11)


@st.composite
def boxes(draw):
    box = []
    for side in SHAPE:
        start = draw(st.integers(0, side - 1))
        box.append(slice(start, draw(st.integers(start + 1, side))))
    return tuple(box)


def filled(box):
    maps = ProbabilityMaps.background(3, box, SHAPE)
    maps.values[:] = (
        np.random.default_rng(0)
        .dirichlet([1] * 3, maps.values.shape[1:])
        .T.reshape(maps.values.shape)
    )
    return maps


@given(boxes(), boxes())
def test_room_for_another_box_changes_nothing(box, other):
    maps = filled(box)
    larger = maps.covering(other)
    np.testing.assert_array_equal(larger.array(), maps.array())
    larger.values[(slice(None), *larger.within(other))] = 0.5
    assert (larger.array()[(slice(None), *other)] == 0.5).all()
    assert maps.covering(box) is maps


@given(boxes(), st.integers(1, 4))
def test_a_margin_is_background_where_the_volume_goes_on(box, voxels):
    wide = filled(box).with_margin(voxels)
    np.testing.assert_array_equal(wide.array(), filled(box).array())
    for mine, found, side in zip(wide.box, box, SHAPE, strict=True):
        assert mine.start <= max(0, found.start - voxels)
        assert mine.stop >= min(side, found.stop + voxels)
    assert wide.with_margin(voxels) is wide


def test_outside_the_box_all_is_background():
    maps = filled((slice(2, 4), slice(1, 3), slice(5, 9)))
    outside = np.ones(SHAPE, bool)
    outside[maps.box] = False
    for index, channel in enumerate(maps.channels()):
        assert (channel[outside] == maps.outside(index)).all()
        np.testing.assert_array_equal(channel[maps.box], maps.values[index])


@pytest.mark.parametrize("box", [(slice(0, 0),) * 3, (slice(3, 5),) * 3])
def test_maps_without_anything_take_room(box):
    empty = ProbabilityMaps.background(3, (slice(0, 0),) * 3, SHAPE)
    assert (empty.array()[0] == 1).all()
    assert (empty.array()[1:] == 0).all()
    assert empty.covering(box).array().shape == (3, *SHAPE)
