"""A network while it learns: its weights, their average, and the optimiser's state."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from ..errors import InputError
from ..networks.checkpoint import named_variables
from ..networks.composed_model import compose_model
from .averaging import AveragedWeights

if TYPE_CHECKING:
    from .state import Tensors

__all__ = ["Learner"]


class Learner:
    """A network while it learns.

    Parameters
    ----------
    model : keras.Model
        As :func:`lodbrain_cli.networks.lod_brain.build_lod_brain` makes it.
    loss : callable
        Of target and prediction.
    decay : float
        Of the average of its weights.

    Attributes
    ----------
    trained : keras.Model
        What is computed: the same function of the same variables in less time.
    average : AveragedWeights
    """

    def __init__(self, model: keras.Model, loss: Callable[[Any, Any], Any], decay: float) -> None:
        self.model = model
        self.trained = compose_model(model)
        self.trained.compile(optimizer=keras.optimizers.Adam(), loss=loss)
        self.average = AveragedWeights(model, decay)

    def step(self, image: Any, target: Any, learning_rate: float) -> float:
        """Take one step of the optimiser; gives the loss, penalties included."""
        self.trained.optimizer.learning_rate = learning_rate
        return float(np.asarray(self.trained.train_on_batch(image, target)))

    def tensors(self) -> "Tensors":
        """Everything that :meth:`restore` needs, by name."""
        found = {name: np.asarray(v.numpy()) for name, v in self._variables().items()}
        return found | {f"average/{name}": t for name, t in self.average.tensors.items()}

    def restore(self, tensors: "Tensors") -> None:
        """Go on from what :meth:`tensors` gave of a learner that was made alike.

        Raises
        ------
        InputError
            When the tensors are of another network or optimiser.
        """
        self.trained.optimizer.build(self.trained.trainable_variables)
        variables = self._variables()
        shapes = {name: tuple(variable.shape) for name, variable in variables.items()}
        shapes |= {f"average/{name}": t.shape for name, t in self.average.tensors.items()}
        if shapes != {name: tensor.shape for name, tensor in tensors.items()}:
            msg = "the saved state is of another network or optimiser; use another folder"
            raise InputError(msg)
        for name, variable in variables.items():
            variable.assign(tensors[name])
        for name, average in self.average.tensors.items():
            average[...] = tensors[f"average/{name}"]

    def _variables(self) -> dict[str, Any]:
        weights = {f"weights/{name}": v for name, v in named_variables(self.model).items()}
        # Keras names the optimiser's after the weights that they belong to.
        return weights | {f"optimizer/{v.name}": v for v in self.trained.optimizer.variables}
