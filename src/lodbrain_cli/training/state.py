"""Everything that a run needs to go on after it was killed, in one file."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import keras
import numpy as np

from ..errors import InputError
from ..files import replacing
from ..networks.checkpoint import named_variables

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Progress", "Tensors", "read_state", "restore_tensors", "tensors_of", "write_state"]

Tensors = dict[str, "NDArray[np.float32]"]


@dataclass
class Progress:
    """How far a run has come.

    Parameters
    ----------
    stage : str
        Name of the stage it is in.
    step : int
        Steps done in the stage.
    seconds : float
        Time spent in all, over all starts.
    history : list of dict
        One row per validation, over all stages.
    """

    stage: str
    step: int = 0
    seconds: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)

    def scores(self) -> list[float]:
        """Return the validation Dice of the current stage, by epoch."""
        return [row["validation_dice"] for row in self.history if row["stage"] == self.stage]


def tensors_of(model: keras.Model, trained: keras.Model) -> Tensors:
    """Weights of a network, and the state of the optimiser of what trains it, by name."""
    return {name: _array(variable) for name, variable in _places(model, trained).items()}


def restore_tensors(model: keras.Model, trained: keras.Model, tensors: Tensors) -> None:
    """Set what :func:`tensors_of` gave of models that were built and compiled alike.

    Raises
    ------
    InputError
        When the tensors are of another network or optimiser.
    """
    trained.optimizer.build(trained.trainable_variables)
    places = _places(model, trained)
    same = places.keys() == tensors.keys() and all(
        tuple(places[name].shape) == tensors[name].shape for name in places
    )
    if not same:
        msg = "the saved state is of another network: the config was changed; use another folder"
        raise InputError(msg)
    for name, variable in places.items():
        variable.assign(tensors[name])


def write_state(path: Path, progress: Progress, tensors: Tensors) -> None:
    """Write the state whole or not at all."""
    with replacing(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs["progress"] = json.dumps(asdict(progress))
        for name, array in tensors.items():
            file.create_dataset(name, data=array)


def read_state(path: Path) -> tuple[Progress, Tensors]:
    """Read the state of a run.

    Raises
    ------
    InputError
        When the file is damaged.
    """
    tensors: Tensors = {}

    def collect(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            tensors[name] = item[()]

    try:
        with h5py.File(path, "r") as file:
            progress = Progress(**json.loads(file.attrs["progress"]))
            file.visititems(collect)
    except (OSError, KeyError, TypeError, ValueError) as error:
        msg = f"{path}: is no state of a training run, or damaged ({error})"
        raise InputError(msg) from error
    return progress, tensors


def _places(model: keras.Model, trained: keras.Model) -> dict[str, Any]:
    places = {f"weights/{name}": variable for name, variable in named_variables(model).items()}
    # Keras names them after the weights that they belong to.
    of_optimizer = {f"optimizer/{v.name}": v for v in trained.optimizer.variables}
    return places | of_optimizer


def _array(variable: Any) -> "NDArray[Any]":
    return np.asarray(variable.numpy())
