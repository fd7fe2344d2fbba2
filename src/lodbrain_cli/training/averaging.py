"""A running average of a network's weights, which is what is validated and kept.

Batches of one image make each step's weights noisy; their average over the last
hundred steps or so scores better and more evenly (Polyak averaging).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import keras
import numpy as np

from ..networks.checkpoint import named_variables

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["AveragedWeights"]

# Steps from one update to the next: reading weights back from a GPU waits for it.
_EVERY = 10


class AveragedWeights:
    """Exponential moving average of all weights of a network.

    Parameters
    ----------
    model : keras.Model
    decay : float
        Share of the average that a step leaves, from 0 (the weights themselves)
        to less than 1.
    """

    def __init__(self, model: keras.Model, decay: float) -> None:
        self._variables = named_variables(model)
        self._decay = decay
        self.tensors: dict[str, NDArray[np.float32]] = self._weights()

    def update(self, step: int) -> None:
        """Take the weights after so many steps of a stage into the average."""
        steps = 1 if step < _EVERY else _EVERY
        if step % steps:
            return
        # From the beginning of a stage the average must not hang on to what came before.
        left = min(self._decay**steps, step / (step + 10 * steps))
        for name, weights in self._weights().items():
            average = self.tensors[name]
            # In this form what is frozen stays bit for bit.
            average += np.float32(1 - left) * (weights - average)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Let the network have the average, for as long as the context lasts."""
        weights = self._weights()
        self._assign(self.tensors)
        try:
            yield
        finally:
            self._assign(weights)

    def _weights(self) -> "dict[str, NDArray[np.float32]]":
        return {name: np.array(v.numpy(), np.float32) for name, v in self._variables.items()}

    def _assign(self, tensors: "dict[str, NDArray[np.float32]]") -> None:
        for name, variable in self._variables.items():
            variable.assign(tensors[name])
