"""Group statistics agree with float64, whatever the size of the volume."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from lodbrain_cli.networks.normalization import GroupMoments, GroupNormalise


def float64_moments(x: np.ndarray, groups: int) -> np.ndarray:
    """Means and biased variances (2, groups) of (D, H, W, C), slab by slab in float64."""
    grouped = x.reshape(*x.shape[:3], groups, -1)
    count = grouped.size / groups
    mean = sum(slab.sum((0, 1, 3), dtype=np.float64) for slab in grouped) / count
    squares = sum(
        np.square(slab - mean[:, None], dtype=np.float64).sum((0, 1, 3)) for slab in grouped
    )
    return np.stack([mean, squares / count])


@pytest.mark.slow
def test_moments_of_a_256_cube_are_exact(rng):
    # Where Keras' own GroupNormalization with TensorFlow is off by several per cent.
    x = rng.standard_normal((256, 256, 256, 4), dtype=np.float32)
    x *= np.float32(0.3)
    x += np.float32([0.0, 0.5, -2.0, 0.1])
    exact = float64_moments(x, 2)
    got = keras.ops.convert_to_numpy(GroupMoments(2)(x[None]))[0]
    np.testing.assert_allclose(got[1], exact[1], rtol=1e-5)
    np.testing.assert_allclose(got[0], exact[0], atol=1e-5)


@pytest.mark.parametrize(("channels", "groups"), [(8, 8), (16, 8), (32, 8), (6, 3)])
def test_normalisation_equals_kerass_own_where_that_is_exact(rng, channels, groups):
    x = rng.normal(2.0, 3.0, size=(2, 6, 5, 4, channels)).astype("float32")
    theirs = keras.layers.GroupNormalization(groups=groups, epsilon=1e-3)
    moments, ours = GroupMoments(groups), GroupNormalise(1e-3)
    theirs.build(x.shape)
    ours.build([x.shape, (2, 2, groups)])
    for name in ("gamma", "beta"):
        values = rng.normal(size=channels)
        getattr(theirs, name).assign(values)
        getattr(ours, name).assign(values)
    out, expected = (keras.ops.convert_to_numpy(y) for y in (ours([x, moments(x)]), theirs(x)))
    np.testing.assert_allclose(out, expected, atol=2e-5)


def test_statistics_are_per_sample(rng):
    x = rng.normal(size=(2, 4, 4, 4, 8)).astype("float32")
    x[1] *= 100
    both = keras.ops.convert_to_numpy(GroupMoments(8)(x))
    alone = keras.ops.convert_to_numpy(GroupMoments(8)(x[:1]))
    np.testing.assert_allclose(both[0], alone[0], rtol=1e-6)


def test_half_precision_features_are_normalised_in_single_precision(rng):
    x = rng.normal(0, 300, size=(1, 8, 8, 8, 8)).astype("float16")  # squares overflow float16
    layer = GroupNormalise(1e-3, dtype="mixed_float16")
    out = layer([x, GroupMoments(8)(x)])
    assert keras.backend.standardize_dtype(out.dtype) == "float16"
    values = keras.ops.convert_to_numpy(out).astype("float64")
    assert np.isfinite(values).all()
    assert abs(values.std() - 1) < 0.01


def test_layers_come_back_from_their_config():
    for layer in (GroupMoments(4, name="m"), GroupNormalise(1e-2, name="n")):
        again = type(layer).from_config(layer.get_config())
        assert again.get_config() == layer.get_config()


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_gradients_flow_through_the_moments_on_every_backend(backend):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    script = Path(__file__).with_name("gradient_check.py")
    environment = {**os.environ, "KERAS_BACKEND": backend}
    done = subprocess.run(
        [sys.executable, script], env=environment, capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < 1e-3
