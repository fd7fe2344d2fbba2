"""U-Net, NeuroNet and CEREBRUM-7T are the published networks: counts, layers, outputs."""

import keras
import numpy as np
import pytest

from lodbrain_cli.labels import get_label_set
from lodbrain_cli.networks.build import build_network
from lodbrain_cli.networks.linear_upsampling import LinearUpsampling
from lodbrain_cli.presets import (
    ARCHITECTURES,
    CerebrumConfig,
    LodBrainConfig,
    NeuroNetConfig,
    UNetConfig,
    network_from_plain,
    network_to_plain,
)

SMALL = [
    LodBrainConfig(heads=(3, 2), filters=(2, 4, 8)),
    UNetConfig(filters=2),
    UNetConfig(filters=2, activation="softmax", heads=(3, 2), batch_normalisation=True),
    NeuroNetConfig(filters=(2, 4, 8), heads=(3, 2)),
    CerebrumConfig(filters=2, heads=(3,)),
]


def trainable(config) -> int:
    return sum(int(np.prod(v.shape)) for v in build_network(config).trainable_variables)


def test_the_u_net_has_the_parameters_of_the_published_file():
    assert trainable(UNetConfig()) == 4_768_289


def test_cerebrum_has_the_parameters_of_each_layer_that_spec_lists():
    model = build_network(CerebrumConfig())
    counts = [layer.count_params() for layer in model.layers if layer.weights]
    assert counts == [
        672, 73_776, 62_256, 62_256, 36_960, 248_928, 248_928, 248_928, 36_912,
        62_256, 62_256, 73_752, 15_576, 175,
    ]  # fmt: skip
    assert sum(counts) == 1_233_631


@pytest.mark.parametrize(
    ("protocols", "count"),
    [
        (("fsl_fast", "fsl_first", "spm_tissue", "malp_em", "malp_em_tissue"), 2_493_171),
        (("fsl_fast", "spm_tissue", "malp_em_tissue"), 2_435_464),
        (("fsl_fast",), 2_432_952),
        (("fsl_first",), 2_436_144),
        (("spm_tissue",), 2_432_952),
        (("malp_em",), 2_485_467),
        (("malp_em_tissue",), 2_433_464),
    ],
)
def test_neuronet_has_the_parameters_of_each_published_variant(protocols, count):
    heads = tuple(get_label_set(name).num_classes for name in protocols)
    assert trainable(NeuroNetConfig(heads=heads)) == count


@pytest.mark.parametrize("config", SMALL, ids=lambda c: c.architecture)
def test_the_classes_of_each_head_sum_to_one(config, rng):
    model = build_network(config)
    image = rng.normal(size=(1, 16, 24, 8, 1)).astype(np.float32)
    output = keras.ops.convert_to_numpy(model(image, training=False))
    assert output.shape == (1, 16, 24, 8, sum(config.heads))
    first = 0
    for classes in config.heads:
        head = output[..., first : first + classes]
        np.testing.assert_allclose(head.sum(axis=-1), 1, atol=1e-5)
        assert head.min() >= 0
        first += classes


@pytest.mark.parametrize("config", SMALL, ids=lambda c: c.architecture)
def test_a_config_comes_back_from_plain_data(config):
    assert network_from_plain(network_to_plain(config)) == config
    assert network_to_plain(config)["architecture"] in ARCHITECTURES


@pytest.mark.parametrize(
    ("plain", "reason"),
    [
        ({"architecture": "resnet"}, "unknown architecture 'resnet'"),
        ({"architecture": "unet", "num_levels": 2}, "unet has no option num_levels"),
        ({"architecture": "unet", "heads": [3]}, "sigmoid is for heads"),
        ({"architecture": "unet", "activation": "tanh"}, "sigmoid or softmax"),
        ({"architecture": "cerebrum", "filters": 0}, "filters must be at least 1"),
        ({"architecture": "neuronet", "filters": [16, 16]}, "two or more that grow"),
        ({"architecture": "neuronet", "heads": [4, 0]}, "each at least 1"),
        ({"heads": []}, "each at least 1"),
    ],
)
def test_a_shape_that_cannot_be_built_is_refused_by_its_field(plain, reason):
    with pytest.raises(ValueError, match=reason):
        network_from_plain(plain)


@pytest.mark.parametrize("config", SMALL, ids=lambda c: c.architecture)
def test_a_side_that_does_not_divide_is_refused(config):
    with pytest.raises(ValueError, match=f"multiple of {config.alignment}"):
        build_network(config, (config.alignment, config.alignment + 1, config.alignment))


def test_linear_upsampling_is_the_originals_transposed_convolution(rng):
    """Kernel 4³ of the fixed weights .25 .75 .75 .25, stride 2, zeros outside."""
    x = rng.normal(size=(1, 3, 4, 5, 2)).astype(np.float32)
    line = np.array([0.25, 0.75, 0.75, 0.25])
    cube = np.einsum("i,j,k->ijk", line, line, line)
    kernel = np.zeros((4, 4, 4, 2, 2), np.float32)
    kernel[..., 0, 0] = kernel[..., 1, 1] = cube
    expected = keras.ops.conv_transpose(x, kernel, strides=2, padding="same")
    np.testing.assert_allclose(LinearUpsampling()(x), expected, atol=1e-6)
