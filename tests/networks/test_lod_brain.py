"""The graph is the authors': counts, names, any number of levels, config round trip."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lodbrain_cli.networks.lod_brain import build_lod_brain
from lodbrain_cli.presets import LodBrainConfig, get_preset

RELEASE = get_preset("lod-brain")


def parameters(model: keras.Model, prefix: str) -> int:
    layers = [layer for layer in model.layers if layer.name.startswith(prefix)]
    return sum(layer.count_params() for layer in layers)


def test_released_network_has_the_parameters_that_spec_counts():
    model = build_lod_brain(RELEASE.network)
    assert model.count_params() == 337_719
    assert parameters(model, "level0") == 218_520
    assert parameters(model, "level1") == 118_968
    assert parameters(model, "logits") == 231
    assert parameters(model, "level0_encoder1") == 22_128
    assert parameters(model, "level0_bridge") == 88_288
    assert parameters(model, "level0_decoder1") == 63_600
    assert parameters(model, "level1_bridge") == 60_640


def test_coarse_stage_has_the_parameters_of_its_file():
    assert build_lod_brain(RELEASE.coarse_network).count_params() == 218_751


def test_every_layer_has_a_name_of_its_own_with_its_level():
    names = [layer.name for layer in build_lod_brain(RELEASE.network).layers]
    assert len(set(names)) == len(names)
    ends = {"image", "features", "logits", "probabilities"}
    assert all(name.startswith("level") for name in set(names) - ends)


@settings(max_examples=8, deadline=None)
@given(
    levels=st.integers(1, 3),
    more_blocks=st.integers(1, 2),
    classes=st.integers(2, 5),
    downsampling=st.sampled_from([1, 2]),
)
def test_any_number_of_levels_gives_probabilities_on_the_inputs_grid(
    levels, more_blocks, classes, downsampling
):
    config = LodBrainConfig(
        heads=(classes,),
        num_levels=levels,
        filters=(2, 2, 4, 4, 8)[: levels + more_blocks],
        downsampling=downsampling,
    )
    side = config.alignment
    model = build_lod_brain(config)
    values = model(np.random.default_rng(0).normal(size=(1, side, side, 2 * side, 1)))
    assert tuple(values.shape) == (1, side, side, 2 * side, classes)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(values).sum(-1), 1, atol=1e-5)


def test_a_finer_level_reads_the_coarser_ones_skips_and_decoder():
    # With four blocks level 1 has an encoder block, and the coarser level's joins it.
    config = LodBrainConfig(num_levels=3, filters=(2, 2, 4, 4))
    names = {layer.name for layer in build_lod_brain(config).layers}
    joins = {"level1_encoder1_coarse", "level1_decoder1_coarse", "level1_decoder2_coarse"}
    assert joins <= names
    assert "level2_decoder1_coarse" in names
    assert "level2_encoder1_coarse" not in names


def test_a_side_that_does_not_divide_is_refused_by_name():
    with pytest.raises(ValueError, match=r"multiple of 8; received shape=\(256, 256, 250\)"):
        build_lod_brain(RELEASE.network.replace(num_levels=2), (256, 256, 250))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_levels": 3}, "num_levels must be between 1 and 2"),
        ({"heads": (0,)}, "each at least 1"),
        ({"filters": (8, 12, 32)}, "groups of 8"),
    ],
)
def test_an_impossible_config_is_refused_with_the_field(changes, message):
    with pytest.raises(ValueError, match=message):
        RELEASE.network.replace(**changes)


def test_config_goes_to_a_dictionary_and_back():
    config = LodBrainConfig(num_levels=1, filters=(4, 8), downsampling=4)
    assert LodBrainConfig(**config.to_dict()) == config


def test_dropout_acts_in_training_only():
    model = build_lod_brain(LodBrainConfig(num_levels=1, filters=(4, 8), dropout=0.5))
    image = np.random.default_rng(1).normal(size=(1, 8, 8, 8, 1)).astype("float32")
    quiet = [np.asarray(model(image, training=False)) for _ in range(2)]
    noisy = [np.asarray(model(image, training=True)) for _ in range(2)]
    np.testing.assert_array_equal(*quiet)
    assert np.abs(noisy[0] - noisy[1]).max() > 0
