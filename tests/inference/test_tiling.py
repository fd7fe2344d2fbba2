"""Tiles cover what is needed of a volume once, with what they depend on around them."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lodbrain_cli.inference.plan import cut_stages, make_plan
from lodbrain_cli.inference.tiling import box_size, cell_boxes, tiles
from lodbrain_cli.networks.keras_graph import read_graph
from lodbrain_cli.networks.lod_brain import build_lod_brain
from lodbrain_cli.presets import get_preset

RELEASE = read_graph(build_lod_brain(get_preset("lod-brain").network))
STAGES = (*cut_stages(RELEASE, "probabilities"), *make_plan(RELEASE, "probabilities").stages)
CELL = 8


@settings(max_examples=150, deadline=None)
@given(
    sides=st.tuples(*[st.integers(1, 5)] * 3),
    size=st.tuples(*[st.integers(1, 4)] * 3),
    number=st.integers(0, len(STAGES) - 1),  # a stage prints its arrays
    share=st.floats(0, 1),
    seed=st.integers(0, 99),
)
def test_tiles_cover_what_is_needed_once_and_reach_a_halo_beyond(sides, size, number, share, seed):
    stage = STAGES[number]
    shape = tuple(CELL * side for side in sides)
    needed = np.random.default_rng(seed).random(sides) < share
    times = np.zeros(shape, int)
    for tile in tiles(shape, stage, CELL, needed, size):
        times[tile.keep] += 1
        for keep, window, side in zip(tile.keep, tile.window, shape, strict=True):
            assert 0 <= window.start <= keep.start < keep.stop <= window.stop <= side
            assert window.start % stage.alignment == window.stop % stage.alignment == 0
            assert window.start == 0 or keep.start - window.start >= stage.halo
            assert window.stop == side or window.stop - keep.stop >= stage.halo
            assert keep.start % stage.scale == keep.stop % stage.scale == 0
            if not tile.border and stage.seam:
                assert keep.start >= stage.seam
                assert keep.stop <= side - stage.seam
    assert times.max(initial=0) <= 1
    assert (times[needed.repeat(CELL, 0).repeat(CELL, 1).repeat(CELL, 2)] == 1).all()


def test_boxes_are_of_one_size_but_where_the_volume_ends():
    needed = np.zeros((20, 20, 20), bool)
    needed[3:13, 5:9, 2:20] = True
    sizes = {tuple(s.stop - s.start for s in box) for box in cell_boxes(needed, (4, 4, 5))}
    assert sizes == {(4, 4, 5)}


def test_boxes_without_a_needed_cell_are_left_out():
    needed = np.zeros((20, 20, 20), bool)
    needed[0, 0, 0] = needed[19, 19, 19] = True
    assert len(list(cell_boxes(needed, (5, 5, 5)))) == 2
    assert not list(cell_boxes(np.zeros((4, 4, 4), bool), (2, 2, 2)))


def test_the_size_of_boxes_divides_what_is_needed_evenly_and_keeps_to_the_number_of_voxels():
    needed = np.zeros((64, 64, 64), bool)
    needed[10:20, 5:35, 3:60] = True
    size = box_size(needed, 60_000, 4)
    assert np.prod(size) * 4**3 <= 1.5 * 60_000
    for side, span in zip(size, (10, 30, 57), strict=True):
        count = -(-span // side)
        assert count * side - span < count  # less than a cell a box too much
    assert box_size(np.zeros((3, 3, 3), bool), 1, 4) == (1, 1, 1)
