"""A limit of memory decides how large the pieces are, and one that is too small is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lodbrain_cli.errors import ResourceError
from lodbrain_cli.inference import memory
from lodbrain_cli.inference.memory import (
    BUDGETS,
    Footprint,
    choose_budget,
    choose_for_maps,
    measure_room,
    peak_bytes,
)
from lodbrain_cli.inference.plan import make_plan
from lodbrain_cli.networks.keras_graph import read_graph
from lodbrain_cli.networks.lod_brain import build_lod_brain
from lodbrain_cli.presets import get_preset

PLAN = make_plan(read_graph(build_lod_brain(get_preset("lod-brain").network)), "probabilities")
SHAPE = (256, 256, 256)
ENGINE = Footprint(fixed_bytes=2**27, tiles=16)
GIB = 2**30


@pytest.fixture(autouse=True)
def process(monkeypatch):
    """A process of 300 MiB on a machine with 16 GiB free."""
    monkeypatch.setattr(memory, "resident_bytes", lambda: 300 * 2**20)
    monkeypatch.setattr(memory, "free_memory_bytes", lambda: 16 * GIB)


@given(st.integers(2**20, 8 * GIB), st.integers(2**20, 8 * GIB))
def test_a_larger_limit_never_makes_pieces_smaller(one, other):
    def tile_bytes(limit):
        try:
            return choose_budget(PLAN, SHAPE, ENGINE, measure_room(limit)).tile_bytes
        except ResourceError:
            return 0

    assert (tile_bytes(one) <= tile_bytes(other)) or one > other


def test_what_is_chosen_fits_and_the_next_larger_does_not():
    for budget, larger in zip(BUDGETS[1:], BUDGETS[:-1], strict=True):
        limit = 300 * 2**20 + peak_bytes(PLAN, SHAPE, budget, ENGINE)
        assert choose_budget(PLAN, SHAPE, ENGINE, measure_room(limit)) == budget
        assert limit < 300 * 2**20 + peak_bytes(PLAN, SHAPE, larger, ENGINE)


def test_memory_follows_the_volume():
    small, large = (peak_bytes(PLAN, (side,) * 3, BUDGETS[-1], ENGINE) for side in (128, 256))
    fixed = memory._work_bytes(BUDGETS[-1], ENGINE)
    assert 7 < (large - fixed) / (small - fixed) < 9


def test_a_limit_that_is_too_small_is_refused_with_what_is_needed():
    with pytest.raises(ResourceError, match=r"limit of 400 MiB .* needs about \d{3} MiB"):
        choose_budget(PLAN, SHAPE, ENGINE, measure_room(400 * 2**20))
    with pytest.raises(ResourceError, match="raise --memory"):
        choose_for_maps(3 * GIB, SHAPE, ENGINE, measure_room(3 * GIB))


def test_maps_that_turn_out_larger_make_tiles_smaller_before_the_scan_is_refused(monkeypatch):
    room = measure_room(2 * GIB)
    # What was computed so far is held by now; it must not count twice.
    monkeypatch.setattr(memory, "resident_bytes", lambda: GIB)
    assert choose_for_maps(GIB // 2, SHAPE, ENGINE, room) == BUDGETS[0]
    assert choose_for_maps(GIB + GIB // 4, SHAPE, ENGINE, room) in BUDGETS[1:]
    with pytest.raises(ResourceError, match="raise --memory"):
        choose_for_maps(2 * GIB, SHAPE, ENGINE, room)


def test_without_a_limit_what_is_free_counts_and_little_is_tried_all_the_same(monkeypatch):
    assert choose_budget(PLAN, SHAPE, ENGINE, measure_room(None)) == BUDGETS[0]
    monkeypatch.setattr(memory, "free_memory_bytes", lambda: 450 * 2**20)
    assert choose_budget(PLAN, SHAPE, ENGINE, measure_room(None)) in BUDGETS[1:]
    monkeypatch.setattr(memory, "free_memory_bytes", lambda: 0)
    assert choose_budget(PLAN, SHAPE, ENGINE, measure_room(None)) == BUDGETS[-1]
    assert choose_for_maps(3 * GIB, SHAPE, ENGINE, measure_room(None)) == BUDGETS[-1]
