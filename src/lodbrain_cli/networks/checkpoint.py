"""Weights in and out of a Keras model, tensor by tensor, by name alone."""

from pathlib import Path
from typing import Any

import h5py
import keras

from ..files import replacing
from .tensors import read_tensors

__all__ = ["load_weights", "named_variables", "save_weights"]


def named_variables(model: keras.Model) -> dict[str, Any]:
    """Name every variable of a model: ``<layer>/<variable>`` to ``keras.Variable``."""
    return {
        f"{layer.name}/{variable.name}": variable
        for layer in model.layers
        for variable in layer.weights
    }


def load_weights(model: keras.Model, path: Path, layout: str) -> None:
    """Fill a model from a file, all tensors or none.

    Parameters
    ----------
    model : keras.Model
        Changed in place, only when every tensor fits.
    path : Path
        HDF5 file. Its hash is checked by whoever knows it.
    layout : {"lodbrain", "lod-brain-release", "nobrainer-unet"}

    Raises
    ------
    WeightsError
        As :func:`.tensors.read_tensors` does.
    """
    variables = named_variables(model)
    shapes = {name: tuple(variable.shape) for name, variable in variables.items()}
    for name, array in read_tensors(path, layout, shapes).items():
        variables[name].assign(array)


def save_weights(model: keras.Model, path: Path) -> None:
    """Write all weights in the ``lodbrain`` layout, to a new file or none.

    Raises
    ------
    OutputError
        When the file cannot be written; an older one is then untouched.
    """
    with replacing(path) as temporary, h5py.File(temporary, "w") as file:
        for name, variable in named_variables(model).items():
            file.create_dataset(name, data=variable.numpy())
