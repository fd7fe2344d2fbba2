"""Folded convolutions compute the same numbers on the coarser grid."""

import numpy as np
from scipy import ndimage

from lodbrain_cli.inference.fold import fold_before_strides, foldable, join_folds
from lodbrain_cli.networks.compose import compose_graph
from lodbrain_cli.networks.graph import Graph, Node
from lodbrain_cli.networks.keras_graph import build_from_graph, read_graph
from lodbrain_cli.networks.lod_brain import build_lod_brain
from lodbrain_cli.presets import LodBrainConfig, get_preset


def test_the_entries_of_both_levels_are_folded_and_nothing_else():
    graph = read_graph(build_lod_brain(get_preset("lod-brain").network))
    composed = compose_graph(graph, "probabilities")
    assert foldable(composed) == ["level0_encoder1_conv", "level1_bridge_conv"]
    joined = join_folds(fold_before_strides(composed, foldable(composed)))
    node = joined.nodes["level1_bridge_conv_folded"]
    assert node.kernel.shape == (6, 6, 6, 1, 256)
    assert (node.factor, node.radius) == (2, 2)
    assert joined.nodes["level1_bridge_down"].kernel.shape == (1, 1, 1, 256, 128)
    assert not [n for n in joined.nodes.values() if n.kind == "fold"]


def test_a_joined_fold_computes_the_convolution_of_each_voxel_side_by_side():
    rng = np.random.default_rng(2)
    kernel = rng.normal(size=(3, 3, 3, 1, 2)).astype(np.float32)
    bias = rng.normal(size=2).astype(np.float32)
    graph = Graph(
        {
            "image": Node("image", "image"),
            "entry": Node("entry", "convolve", ("image",), kernel=kernel, bias=bias),
            "entry_folded": Node("entry_folded", "fold", ("entry",), factor=2),
        }
    )
    image = rng.normal(size=(8, 6, 10)).astype(np.float32)
    expected = [
        ndimage.correlate(image, kernel[..., 0, c], mode="constant") + bias[c] for c in (0, 1)
    ]
    for form in (graph, join_folds(graph)):
        model = build_from_graph(form, "entry_folded")
        folded = np.asarray(model([image[None, ..., None]]))[0]
        assert folded.shape == (4, 3, 5, 16)
        for channel in (0, 1):
            for number, (i, j, k) in enumerate(np.ndindex(2, 2, 2)):
                np.testing.assert_allclose(
                    folded[..., 8 * channel + number],
                    expected[channel][i::2, j::2, k::2],
                    atol=1e-5,
                )


def test_a_folded_network_computes_the_same_and_keeps_its_groups():
    model = build_lod_brain(LodBrainConfig(heads=(3,), filters=(2, 4, 8)))
    rng = np.random.default_rng(4)
    for layer in model.layers:
        for weight in layer.weights:
            weight.assign(rng.normal(size=weight.shape) * 0.3)
    graph = read_graph(model)
    names = foldable(compose_graph(graph, "probabilities"))
    folded = fold_before_strides(graph, names)
    image = rng.normal(size=(1, 16, 16, 24, 1)).astype(np.float32)
    output = build_from_graph(folded, "probabilities")([image])
    np.testing.assert_allclose(np.asarray(output), np.asarray(model(image)), atol=2e-5)
