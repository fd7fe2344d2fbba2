"""Largest difference of our normalisation's gradients from finite differences, one backend.

``KERAS_BACKEND=torch python tests/networks/gradient_check.py``: prints one number, relative
to the largest gradient. A script of its own because a process has one backend.
"""

import numpy as np
from keras import backend, ops

from lodbrain_cli.networks.normalization import GroupMoments, GroupNormalise


def value(x, weights, moments, normalise):
    return ops.sum(ops.convert_to_tensor(weights) * normalise([x, moments(x)]))


def gradient(function, x):
    if backend.backend() == "tensorflow":
        import tensorflow as tf

        tensor = tf.constant(x)
        with tf.GradientTape() as tape:
            tape.watch(tensor)
            result = function(tensor)
        return tape.gradient(result, tensor).numpy()
    if backend.backend() == "jax":
        import jax

        return np.asarray(jax.grad(function)(x))
    import torch

    tensor = torch.tensor(x, requires_grad=True)
    function(tensor).backward()
    return tensor.grad.numpy()


def main():
    rng = np.random.default_rng(0)
    x, weights = rng.normal(1.0, 2.0, size=(2, 2, 4, 3, 2, 8)).astype("float32")
    moments, normalise = GroupMoments(4), GroupNormalise(1e-3)
    normalise.build([x.shape, (2, 2, 4)])
    normalise.gamma.assign(rng.normal(size=8))

    def function(tensor):
        return value(tensor, weights, moments, normalise)

    found = gradient(function, x)
    step = 1e-2
    differences = []
    for index in rng.choice(x.size, 60, replace=False):
        moved = np.zeros(x.size, "float32")
        moved[index] = step
        moved = moved.reshape(x.shape)
        slope = (float(function(x + moved)) - float(function(x - moved))) / (2 * step)
        differences.append(abs(slope - found.flat[index]))
    print(max(differences) / np.abs(found).max())  # noqa: T201


if __name__ == "__main__":
    main()
