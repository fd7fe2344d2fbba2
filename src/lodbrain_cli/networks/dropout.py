"""Dropout that stays on, so that every answer of a network is a sample."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import keras

__all__ = ["with_dropout_on"]


class _Dropout(keras.layers.Dropout):
    """Does not ask whether the network is being trained."""

    def call(self, inputs: Any, **_options: Any) -> Any:
        """Drop values, whatever the shape; see ``keras.layers.Dropout``."""
        return super().call(inputs, training=True)


def with_dropout_on(model: keras.Model, seed: int) -> keras.Model:
    """Make a model whose dropout is on when it predicts.

    Parameters
    ----------
    model : keras.Model
        Shares its weights with the one returned.
    seed : int
        The same seed gives the same answers, one after the other, on one backend
        and device.
    """
    numbers = iter(range(seed, seed + len(model.layers)))
    return keras.models.clone_model(model, clone_function=partial(_on, numbers))


def _on(numbers: Iterator[int], layer: keras.layers.Layer) -> keras.layers.Layer:
    if isinstance(layer, keras.layers.Dropout):
        return _Dropout.from_config({**layer.get_config(), "seed": next(numbers)})
    return layer  # with its weights
