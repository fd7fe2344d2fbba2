"""A network is cut at its normalisations, and tiles cover a volume once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lodbrain_cli.inference.compose import compose_graph
from lodbrain_cli.inference.plan import cut_stages, tiles
from lodbrain_cli.networks.keras_graph import read_graph
from lodbrain_cli.networks.lod_brain import build_lod_brain
from lodbrain_cli.presets import NetworkConfig, get_preset

RELEASE = read_graph(build_lod_brain(get_preset("lod-brain").network))
PLAIN = cut_stages(RELEASE, "probabilities")
COMPOSED = cut_stages(compose_graph(RELEASE, "probabilities"), "probabilities")


@settings(max_examples=200, deadline=None)
@given(
    sides=st.tuples(*[st.integers(1, 5)] * 3),
    thickness=st.integers(1, 50),
    number=st.integers(0, len(PLAIN) + len(COMPOSED) - 1),  # a stage prints its arrays
)
def test_tiles_cover_every_voxel_once_and_reach_a_halo_beyond(sides, thickness, number):
    stage = (*PLAIN, *COMPOSED)[number]
    shape = tuple(8 * side for side in sides)
    times = np.zeros(shape, int)
    for tile in tiles(shape, stage, thickness):
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
    assert (times == 1).all()


def test_slabs_are_of_one_size():
    for stage in (*PLAIN, *COMPOSED):
        windows = {
            tuple(s.stop - s.start for s in tile.window)
            for tile in tiles((256, 64, 64), stage, 20)
            if not tile.border
        }
        assert len(windows) == 1


@pytest.mark.parametrize("stages", [PLAIN, COMPOSED])
def test_a_stage_reads_only_the_image_and_what_earlier_stages_kept(stages):
    known, moments = {"image"}, set()
    for stage in stages:
        assert set(stage.source_scales) <= known
        assert set(stage.given_moments) <= moments
        if stage.kept:
            known.add(stage.output)
        moments.add(stage.moments)


def test_there_is_a_stage_per_normalisation_and_one_for_the_output():
    for stages in (PLAIN, COMPOSED):
        assert len(stages) == 7
        assert stages[-1].output == "probabilities"
        assert stages[-1].moments is None


def test_halos_are_the_networks_receptive_fields():
    halos = {s.output: (s.halo, s.alignment) for s in PLAIN}
    # two 3³ convolutions at full resolution
    assert halos["level1_bridge_conv"] == (2, 1)
    # one at half resolution (2 voxels) after a strided one
    assert halos["level1_decoder1_conv"] == (2, 2)
    # entry and features convolutions of level 0, both at half resolution
    assert halos["probabilities"] == (4, 4)


def test_a_composed_convolution_of_the_image_is_not_kept_but_its_seam_is_known():
    composed = {s.output: s for s in COMPOSED}
    assert not composed["level1_bridge_conv"].kept
    assert composed["level1_bridge_conv"].seam == 1
    # spoilt outermost voxel → its whole voxel at half resolution → one more by the next 3³
    assert composed["level1_decoder1_conv"].seam == 4
    assert {s.seam for s in PLAIN} == {0}


def test_the_coarse_stage_is_cut_too():
    config = NetworkConfig(num_levels=1, downsampling=4)
    stages = cut_stages(read_graph(build_lod_brain(config)), "logits")
    assert [s.output for s in stages] == [
        "level0_encoder1_conv",
        "level0_bridge_conv",
        "level0_decoder1_conv",
        "level0_decoder2_conv",
        "logits",
    ]
    assert stages[0].halo == 8
