"""The box that a network native to the brain is given."""

from hypothesis import given
from hypothesis import strategies as st

from lodbrain_cli.imaging.extent import MARGIN_MM, STEP_MM, extent_around

SIDE = 256


@st.composite
def brains(draw):
    box = []
    for _ in range(3):
        start = draw(st.integers(0, SIDE - 1))
        box.append(slice(start, draw(st.integers(start + 1, SIDE))))
    return tuple(box)


@given(brains())
def test_the_box_holds_the_brain_with_its_margin_as_far_as_the_volume_goes(brain):
    for found, box in zip(brain, extent_around(brain, (SIDE,) * 3), strict=True):
        assert 0 <= box.start <= max(0, found.start - MARGIN_MM)
        assert min(SIDE, found.stop + MARGIN_MM) <= box.stop <= SIDE


@given(brains())
def test_sides_are_of_few_kinds_and_no_longer_than_needed(brain):
    for found, box in zip(brain, extent_around(brain, (SIDE,) * 3), strict=True):
        side = box.stop - box.start
        assert side % STEP_MM == 0
        assert side < found.stop - found.start + 2 * MARGIN_MM + STEP_MM


@given(brains())
def test_a_brain_far_from_the_sides_lies_in_the_middle(brain):
    for found, box in zip(brain, extent_around(brain, (SIDE,) * 3), strict=True):
        before, after = found.start - box.start, box.stop - found.stop
        if box.start > 0 and box.stop < SIDE:
            assert abs(before - after) <= 1
