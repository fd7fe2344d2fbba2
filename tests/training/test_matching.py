"""New classes begin as the classes of the source that they overlap most."""

import keras
import numpy as np
import pytest

from lodbrain_cli.networks.build import build_network
from lodbrain_cli.networks.checkpoint import named_variables
from lodbrain_cli.presets import CerebrumConfig, LodBrainConfig, UNetConfig
from lodbrain_cli.training.matching import match_classes, matched
from lodbrain_cli.training.start import StartOptions

SHAPE = (16, 16, 16)
NETWORKS = {
    "lod-brain": lambda classes: LodBrainConfig(heads=(classes,), num_levels=2, filters=(4, 8, 16)),
    "unet": lambda classes: UNetConfig(heads=(classes,), filters=4, activation="softmax"),
    "cerebrum": lambda classes: CerebrumConfig(heads=(classes,)),
}


def tensors_of(model):
    return {name: np.array(v.numpy()) for name, v in named_variables(model).items()}


def source_and_copy(name, classes):
    """A network of 3 classes, and one of others with all but its last layer."""
    keras.utils.set_random_seed(3)
    source, model = (build_network(NETWORKS[name](k)) for k in (3, classes))
    for old, new in zip(source.layers, model.layers, strict=True):
        if [w.shape for w in old.weights] == [w.shape for w in new.weights]:
            new.set_weights(old.get_weights())
    return source, model


def batches_of(source, classes_of):
    """Images, with the source's own answer as their labels, renumbered or divided."""
    rng = np.random.default_rng(5)
    for _ in range(2):
        image = rng.normal(size=(1, *SHAPE, 1)).astype(np.float32)
        answer = np.argmax(np.asarray(keras.ops.convert_to_numpy(source(image))), axis=-1)
        yield image, classes_of(answer, rng)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_class_that_is_divided_begins_as_parts_of_the_old_answer(name):
    source, model = source_and_copy(name, 4)

    def divided(answer, rng):  # 0, 1 and 2 become 2, 0 and both 1 and 3
        new = np.choose(answer, [2, 0, 1])
        new[(new == 1) & (rng.random(new.shape) < 0.25)] = 3
        return np.eye(4, dtype=np.float32)[new]

    assert match_classes(model, tensors_of(source), (4,), batches_of(source, divided))
    image = np.random.default_rng(8).normal(size=(1, *SHAPE, 1)).astype(np.float32)
    old, new = (keras.ops.convert_to_numpy(m(image))[0] for m in (source, model))
    np.testing.assert_allclose(new[..., 2], old[..., 0], atol=1e-5)
    np.testing.assert_allclose(new[..., 0], old[..., 1], atol=1e-5)
    np.testing.assert_allclose(new[..., 1] + new[..., 3], old[..., 2], atol=1e-5)
    np.testing.assert_allclose(new[..., 3], new[..., 1], atol=1e-5)


def test_each_of_several_heads_divides_the_old_answer():
    keras.utils.set_random_seed(3)
    options = {"num_levels": 1, "filters": (4, 8, 16)}
    source, model = (
        build_network(LodBrainConfig(heads=heads, **options)) for heads in ((3,), (3, 2))
    )
    for old, new in zip(source.layers, model.layers, strict=False):
        if [w.shape for w in old.weights] == [w.shape for w in new.weights]:
            new.set_weights(old.get_weights())

    def twice(answer, _rng):  # turned round, and 2 apart from 0 and 1
        first, second = np.choose(answer, [2, 1, 0]), np.choose(answer, [0, 0, 1])
        return np.concatenate([np.eye(3)[first], np.eye(2)[second]], -1).astype(np.float32)

    assert match_classes(model, tensors_of(source), (3, 2), batches_of(source, twice))
    image = np.random.default_rng(8).normal(size=(1, *SHAPE, 1)).astype(np.float32)
    old, new = (keras.ops.convert_to_numpy(m(image))[0] for m in (source, model))
    np.testing.assert_allclose(new[..., :3], old[..., ::-1], atol=1e-5)
    # Background of the second head begins as the one of 0 and 1 that it has more of.
    assert {int(np.argmax(layer)) for layer in new[..., 3:].reshape(-1, 2)} == {0, 1}


def test_a_head_that_nobody_has_labels_for_keeps_its_beginning(caplog):
    keras.utils.set_random_seed(3)
    options = {"num_levels": 1, "filters": (4, 8, 16)}
    source, model = (
        build_network(LodBrainConfig(heads=heads, **options)) for heads in ((3,), (3, 2))
    )
    before = model.layers[-1].get_weights() or model.layers[-2].get_weights()

    def first_alone(answer, _rng):
        nothing = np.zeros((*answer.shape, 2))
        return np.concatenate([np.eye(3)[answer], nothing], -1).astype(np.float32)

    assert match_classes(model, tensors_of(source), (3, 2), batches_of(source, first_alone))
    after = model.layers[-1].get_weights() or model.layers[-2].get_weights()
    np.testing.assert_array_equal(before[0][..., 3:], after[0][..., 3:])
    assert (before[0][..., :3] != after[0][..., :3]).any()
    assert "a head begin anew" in caplog.text


def test_parts_are_equal_and_a_class_that_nobody_has_begins_as_background():
    chosen, share = matched(np.array([[8.0, 1.0], [2.0, 6.0], [0.0, 0.0], [0.0, 1.0]]))
    assert chosen.tolist() == [0, 1, 0, 1]
    np.testing.assert_allclose(share, [0.5, 0.5, 0.5, 0.5])


def test_a_source_of_other_features_leaves_the_layer_as_it_was(caplog):
    source, model = source_and_copy("lod-brain", 4)
    before = tensors_of(model)
    tensors = tensors_of(source)
    tensors["logits/kernel"] = np.zeros((1, 1, 1, 5, 3), np.float32)
    assert not match_classes(model, tensors, (4,), [])
    assert "begin anew" in caplog.text
    for name, tensor in tensors_of(model).items():
        np.testing.assert_array_equal(tensor, before[name])


def test_only_the_last_layer_is_matched():
    with pytest.raises(ValueError, match="matched needs reinit_last 1; received 2"):
        StartOptions(preset="lod-brain-synth", reinit_last=2, classes="matched")
