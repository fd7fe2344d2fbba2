"""The average follows the weights, lags behind them, and gives them back."""

import keras
import numpy as np

from lodbrain_cli.training.averaging import AveragedWeights


def network(value):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, name="dense")])
    model.get_layer("dense").kernel.assign([[value]])
    return model


def kernel(model):
    return float(model.get_layer("dense").kernel.numpy()[0, 0])


def test_the_average_of_weights_that_stay_is_those_weights():
    model = network(3.0)
    average = AveragedWeights(model, 0.99)
    for step in range(1, 200):
        average.update(step)
    np.testing.assert_allclose(average.tensors["dense/kernel"], 3.0, rtol=1e-5)


def test_the_average_soon_forgets_where_it_began_and_then_smooths_noise():
    rng = np.random.default_rng(0)
    model = network(100.0)
    average = AveragedWeights(model, 0.99)
    errors = []
    for step in range(1, 1001):
        model.get_layer("dense").kernel.assign([[5.0 + rng.normal()]])
        average.update(step)
        if step > 500:
            errors.append(average.tensors["dense/kernel"][0, 0] - 5.0)
    assert np.std(errors) < 0.5
    assert np.abs(errors).max() < 1.0


def test_without_decay_it_is_the_weights_themselves():
    model = network(1.0)
    average = AveragedWeights(model, 0.0)
    model.get_layer("dense").kernel.assign([[7.0]])
    average.update(10)
    np.testing.assert_array_equal(average.tensors["dense/kernel"], 7.0)


def test_the_average_stands_in_for_the_weights_and_leaves_again():
    model = network(1.0)
    average = AveragedWeights(model, 0.99)
    model.get_layer("dense").kernel.assign([[9.0]])
    with average.in_place():
        assert kernel(model) == 1.0
    assert kernel(model) == 9.0
