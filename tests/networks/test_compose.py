"""Composed operations compute what they stand for, with fewer multiplications."""

import keras
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import correlate

from lodbrain_cli.networks.checkpoint import named_variables
from lodbrain_cli.networks.compose import compose_graph, compose_kernels
from lodbrain_cli.networks.composed_model import ComposedConvolution, compose_model
from lodbrain_cli.networks.keras_graph import read_graph
from lodbrain_cli.networks.lod_brain import build_lod_brain
from lodbrain_cli.presets import get_preset

RELEASE = read_graph(build_lod_brain(get_preset("lod-brain").network))


def convolve(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """(D, H, W, in) with (k, k, k, in, out), no padding, plainly."""
    return np.stack(
        [
            sum(
                correlate(image[..., i], kernel[..., i, o], mode="valid")
                for i in range(kernel.shape[3])
            )
            for o in range(kernel.shape[4])
        ],
        axis=-1,
    )


@settings(max_examples=20, deadline=None)
@given(
    first=st.sampled_from([1, 3]),
    second=st.sampled_from([1, 3]),
    channels=st.tuples(*[st.integers(1, 3)] * 3),
    seed=st.integers(0, 99),
)
def test_one_kernel_does_what_two_did(first, second, channels, seed):
    rng = np.random.default_rng(seed)
    into, middle, out = channels
    one = rng.normal(size=(first, first, first, into, middle)).astype("f4")
    two = rng.normal(size=(second, second, second, middle, out)).astype("f4")
    image = rng.normal(size=(8, 7, 9, into))
    both = convolve(convolve(image, one), two)
    np.testing.assert_allclose(convolve(image, compose_kernels(one, two)), both, atol=1e-4)


def multiplications(graph, output="probabilities") -> float:
    """Multiply-adds per voxel of the image."""
    total = 0.0
    for node in graph.needed_for(output).nodes.values():
        if node.kernel is not None:
            scale = graph.scales[node.name]
            shared = node.factor**3 if node.kind == "convolve_up" else 1
            total += node.kernel.size / shared / scale**3
    return total


def test_the_released_network_needs_a_third_of_the_multiplications():
    before = multiplications(RELEASE) * 256**3 / 1e9
    after = multiplications(compose_graph(RELEASE, "probabilities")) * 256**3 / 1e9
    assert 1150 < before < 1230  # SPEC A.10: about 1,190
    assert after < 390  # SPEC A.10: about 380


def test_every_normalisation_still_gets_its_tensor():
    composed = compose_graph(RELEASE, "probabilities")
    for node in RELEASE.nodes.values():
        if node.kind == "moments":
            assert composed.nodes[node.name].inputs == node.inputs


def small_network(seed=3):
    keras.utils.set_random_seed(seed)
    config = get_preset("lod-brain").network.replace(filters=(2, 3, 4), l2=1e-3, dropout=0.0)
    return build_lod_brain(config)


def image_with_empty_border(side=32):
    """Zero near the border, where composing changes what is padded."""
    image = np.zeros((1, side, side, side, 1), "f4")
    inner = side - 16
    image[:, 8:-8, 8:-8, 8:-8] = np.random.default_rng(0).normal(size=(1, *[inner] * 3, 1))
    return image


def one_step(model, trained, image):
    target = np.eye(7, dtype="f4")[np.random.default_rng(1).integers(0, 7, image.shape[:-1])]
    trained.compile(optimizer=keras.optimizers.SGD(0.1), loss="categorical_crossentropy")
    loss = float(trained.train_on_batch(image, target))
    return loss, {n: v.numpy() for n, v in named_variables(model).items()}


def test_a_composed_network_computes_what_the_network_does():
    model = small_network()
    for name, variable in named_variables(model).items():
        if name.endswith("bias") and "entry" not in name:  # that one is padded otherwise
            variable.assign(np.random.default_rng(len(name)).normal(size=variable.shape))
    image = image_with_empty_border()
    plain, composed = model.predict_on_batch(image), compose_model(model).predict_on_batch(image)
    np.testing.assert_allclose(composed, plain, atol=1e-5)


def test_away_from_the_border_a_composed_layer_adds_what_two_added():
    first, second, third = (keras.layers.Conv3D(n, k, padding="same") for n, k in
                            ((5, 3), (4, 3), (2, 1)))  # fmt: skip
    image = np.random.default_rng(0).normal(size=(2, 9, 8, 7, 1)).astype("f4")
    third(second(first(image)))  # builds them
    for layer in (first, second, third):
        layer.bias.assign(np.random.default_rng(layer.filters).normal(size=layer.filters))
    inner = (slice(None), *[slice(2, -2)] * 3)
    expected = np.asarray(third(second(first(image))))[inner]
    both = ComposedConvolution([(first, True), (second, True), (third, True)])(image)
    np.testing.assert_allclose(np.asarray(both)[inner], expected, atol=1e-5)
    without = ComposedConvolution([(first, True), (second, True), (third, False)])(image)
    np.testing.assert_allclose(
        np.asarray(without)[inner] + np.asarray(third.bias), expected, atol=1e-5
    )


def test_training_a_composed_network_trains_the_network_alike():
    image = image_with_empty_border()
    plain = small_network()
    before = {n: v.numpy() for n, v in named_variables(plain).items()}
    loss, expected = one_step(plain, plain, image)
    model = small_network()
    composed_loss, found = one_step(model, compose_model(model), image)
    assert abs(loss - composed_loss) < 1e-5
    for name, tensor in expected.items():
        if not name.endswith("bias"):  # those are padded otherwise at the border
            assert np.abs(tensor - before[name]).max() > 0
            np.testing.assert_allclose(found[name], tensor, atol=2e-5, err_msg=name)


def test_a_composed_network_has_the_networks_variables_and_dropout():
    config = get_preset("lod-brain").network.replace(dropout=0.3)
    model = build_lod_brain(config)
    composed = compose_model(model)
    assert {id(v) for v in composed.trainable_variables} == {
        id(v) for v in model.trainable_variables
    }
    assert sum(isinstance(layer, keras.layers.Dropout) for layer in composed.layers) == 6
    model.get_layer("level0_entry").trainable = False
    assert id(model.get_layer("level0_entry").kernel) not in {
        id(v) for v in composed.trainable_variables
    }
