"""A network is cut at its normalisations."""

import pytest

from lodbrain_cli.inference.plan import cut_stages, make_plan
from lodbrain_cli.networks.keras_graph import read_graph
from lodbrain_cli.networks.lod_brain import build_lod_brain
from lodbrain_cli.presets import LodBrainConfig, get_preset

RELEASE = read_graph(build_lod_brain(get_preset("lod-brain").network))
PLAIN = cut_stages(RELEASE, "probabilities")
PLAN = make_plan(RELEASE, "probabilities")
COMPOSED = PLAN.stages


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
    assert not composed["level1_bridge_conv_folded"].kept
    # one voxel, and the other of its pair at half resolution
    assert composed["level1_bridge_conv_folded"].seam == 2
    # spoilt outermost voxel → its whole voxel at half resolution → one more by the next 3³
    assert composed["level1_decoder1_conv"].seam == 4
    assert {s.seam for s in PLAIN} == {0}


def test_the_coarse_stage_is_cut_too():
    config = LodBrainConfig(num_levels=1, downsampling=4)
    stages = cut_stages(read_graph(build_lod_brain(config)), "logits")
    assert [s.output for s in stages] == [
        "level0_encoder1_conv",
        "level0_bridge_conv",
        "level0_decoder1_conv",
        "level0_decoder2_conv",
        "logits",
    ]
    assert stages[0].halo == 8


def test_the_coarse_level_shows_where_the_brain_is_from_what_is_kept_anyway():
    kept = {stage.output for stage in COMPOSED if stage.kept}
    assert PLAN.coarse.scale == 4
    assert set(PLAN.coarse.source_scales) - {"image"} <= kept
    single = read_graph(build_lod_brain(LodBrainConfig(num_levels=1)))
    assert make_plan(single, "probabilities").coarse is None


def test_plain_stages_compute_the_same_tensors_without_a_seam():
    assert [s.output for s in COMPOSED] == list(PLAN.plain)
    for stage in COMPOSED:
        plain = PLAN.plain[stage.output]
        assert (plain.scale, plain.kept, plain.seam) == (stage.scale, stage.kept, 0)
        assert plain.graph.channels[plain.output] == stage.graph.channels[stage.output]
