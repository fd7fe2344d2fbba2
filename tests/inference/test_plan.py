"""A network is cut at its normalisations, and slabs cover a volume once."""

from hypothesis import given
from hypothesis import strategies as st

from lodbrain_cli.inference.plan import cut_stages, slabs
from lodbrain_cli.networks.lod_brain import build_lod_brain
from lodbrain_cli.presets import NetworkConfig, get_preset

RELEASE = build_lod_brain(get_preset("lod-brain").network)


@given(
    depth=st.integers(1, 40),
    thickness=st.integers(1, 50),
    halo=st.integers(0, 9),
    alignment=st.sampled_from([1, 2, 4, 8]),
)
def test_slabs_cover_every_voxel_once_and_reach_a_halo_beyond(depth, thickness, halo, alignment):
    depth *= alignment
    windows = list(slabs(depth, thickness, halo, alignment))
    kept = [v for w in windows for v in range(w.keep_start, w.keep_stop)]
    assert kept == list(range(depth))
    assert len({w.stop - w.start for w in windows}) == 1, "equal sizes compile once"
    for w in windows:
        assert 0 <= w.start <= w.keep_start < w.keep_stop <= w.stop <= depth
        assert w.start % alignment == w.stop % alignment == 0
        assert w.start == 0 or w.keep_start - w.start >= halo
        assert w.stop == depth or w.stop - w.keep_stop >= halo


def test_the_released_network_has_a_stage_per_normalisation_and_one_for_the_output():
    stages = cut_stages(RELEASE)
    assert [s.output.layer for s in stages[-1:]] == ["probabilities"]
    assert len(stages) == 7
    assert {s.output_moments for s in stages[:-1]} == {
        layer.name for layer in RELEASE.layers if layer.name.endswith("_moments")
    }


def test_a_stage_reads_only_the_image_and_what_earlier_stages_computed():
    known = {"image"}
    moments = set()
    for stage in cut_stages(RELEASE):
        assert {source.layer for source in stage.sources} <= known
        assert set(stage.moments) <= moments
        known.add(stage.output.layer)
        moments.add(stage.output_moments)


def test_halos_are_the_networks_receptive_fields():
    halos = {s.output.layer: (s.halo, s.alignment) for s in cut_stages(RELEASE)}
    # two 3³ convolutions at full resolution
    assert halos["level1_bridge_conv"] == (2, 1)
    # one at half resolution (2 voxels) after a strided one
    assert halos["level1_decoder1_conv"] == (2, 2)
    # entry and features convolutions of level 0, both at half resolution
    assert halos["probabilities"] == (4, 4)


def test_the_coarse_stage_is_cut_too():
    config = NetworkConfig(num_levels=1, downsampling=4)
    stages = cut_stages(build_lod_brain(config), "logits")
    assert [s.output.layer for s in stages] == [
        "level0_encoder1_conv",
        "level0_bridge_conv",
        "level0_decoder1_conv",
        "level0_decoder2_conv",
        "logits",
    ]
    assert stages[0].halo == 8
