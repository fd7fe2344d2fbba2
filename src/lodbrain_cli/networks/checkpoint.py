"""Weights in and out of a network, tensor by tensor, by dataset path alone.

Nothing is unpickled and no model is read from a file (CVE-2025-9905): the
graph is built in code, and a file gives arrays. External links, external raw
storage and virtual data sets, by which an HDF5 file can point at other files,
are refused.

Two layouts: ``lodbrain`` (``<layer>/<variable>``, written by
:func:`save_weights`) and ``lod-brain-release`` (the Keras 2.4 files of the
LOD-Brain authors; SPEC A.3).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import keras
import numpy as np

from ..errors import WeightsError
from ..files import replacing

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["dataset_paths", "load_weights", "save_weights"]

# Our layer → group in the authors' files. Keras 2 numbered layers by order of
# creation, so the table is written out: three pairs of tensors have equal
# shapes, and matching by position or shape would swap them silently.
_RELEASE_GROUPS: Mapping[str, str] = {
    "level0_entry": "conv3d/conv3d",
    "level0_encoder1_conv": "plain/conv3d_1",
    "level0_encoder1_norm": "plain/group_normalization",
    "level0_encoder1_down": "plain/plain/conv3d_2",
    "level0_bridge_conv": "plain_1/conv3d_3",
    "level0_bridge_norm": "plain_1/group_normalization_1",
    "level0_bridge_down": "plain_1/plain_1/conv3d_4",
    "level0_decoder1_conv": "up_plain/conv3d_5",
    "level0_decoder1_norm": "up_plain/group_normalization_2",
    "level0_decoder1_up": "up_plain/up_plain/conv3d_transpose",
    "level0_decoder2_conv": "up_plain_1/conv3d_6",
    "level0_decoder2_norm": "up_plain_1/group_normalization_3",
    "level0_decoder2_up": "up_plain_1/up_plain_1/conv3d_transpose_1",
    "level0_features": "conv3d_7/conv3d_7",
    "level1_entry": "conv3d_8/conv3d_8",
    "level1_bridge_conv": "plain_2/conv3d_9",
    "level1_bridge_norm": "plain_2/group_normalization_4",
    "level1_bridge_down": "plain_2/plain_2/conv3d_10",
    "level1_decoder1_conv": "up_plain_2/conv3d_11",
    "level1_decoder1_norm": "up_plain_2/group_normalization_5",
    "level1_decoder1_up": "up_plain_2/up_plain_2/conv3d_transpose_2",
    "level1_features": "conv3d_12/conv3d_12",
    "logits": "main_output/main_output",
}


def dataset_paths(model: keras.Model, layout: str) -> dict[str, Any]:
    """Dataset path of every variable of a model in a layout.

    Parameters
    ----------
    model : keras.Model
    layout : {"lodbrain", "lod-brain-release"}

    Returns
    -------
    dict
        Dataset path to ``keras.Variable``, in the model's order.

    Raises
    ------
    WeightsError
        When the layout has no place for one of the model's layers.
    """
    variables = {}
    for layer in model.layers:
        for variable in layer.weights:
            if layout == "lodbrain":
                path = f"{layer.name}/{variable.name}"
            elif layer.name in _RELEASE_GROUPS:
                path = f"{_RELEASE_GROUPS[layer.name]}/{variable.name}:0"
            else:
                msg = (
                    f"the layout {layout!r} has no tensors for layer {layer.name!r}: it "
                    "holds networks of at most 2 levels with filters 8, 16, 32"
                )
                raise WeightsError(msg)
            variables[path] = variable
    return variables


def load_weights(model: keras.Model, path: Path, layout: str) -> None:
    """Fill a model from a file, all tensors or none.

    Parameters
    ----------
    model : keras.Model
        Changed in place, only when every tensor fits.
    path : Path
        HDF5 file. Its hash is checked by whoever knows it.
    layout : {"lodbrain", "lod-brain-release"}

    Raises
    ------
    WeightsError
        When the file is not HDF5, holds other tensors than the model, or a
        tensor has another shape; ``details`` lists all with both shapes.
    """
    variables = dataset_paths(model, layout)
    arrays = _read_arrays(path)
    problems = _misfits(variables, arrays)
    if problems:
        msg = (
            f"{path}: weights of another network: {len(problems)} tensors do not fit its "
            f"{len(variables)}, the first is {problems[0]}; choose weights of this "
            "network (all misfits: -v)"
        )
        raise WeightsError(msg, details=problems)
    for name, variable in variables.items():
        variable.assign(arrays[name])


def save_weights(model: keras.Model, path: Path) -> None:
    """Write all weights in the ``lodbrain`` layout, to a new file or none.

    Raises
    ------
    OutputError
        When the file cannot be written; an older one is then untouched.
    """
    with replacing(path) as temporary, h5py.File(temporary, "w") as file:
        for name, variable in dataset_paths(model, "lodbrain").items():
            file.create_dataset(name, data=variable.numpy())


def _misfits(variables: Mapping[str, Any], arrays: "Mapping[str, NDArray[Any]]") -> list[str]:
    problems = []
    for name, variable in variables.items():
        expected = tuple(variable.shape)
        if name not in arrays:
            problems.append(f"{name} missing, expected shape {expected}")
        elif arrays[name].shape != expected:
            problems.append(f"{name} has shape {arrays[name].shape}, expected {expected}")
        elif not np.isfinite(arrays[name]).all():
            problems.append(f"{name} holds values that are not finite")
    problems += [
        f"{name} unexpected, shape {array.shape}"
        for name, array in arrays.items()
        if name not in variables
    ]
    return problems


def _read_arrays(path: Path) -> "dict[str, NDArray[np.float32]]":
    """Every floating-point dataset of an HDF5 file, optimiser state left out."""
    arrays: dict[str, NDArray[np.float32]] = {}
    try:
        with h5py.File(path, "r") as file:
            _collect(file, "", arrays, path)
    except FileNotFoundError:
        msg = f"{path}: no such weights file"
        raise WeightsError(msg) from None
    except (OSError, RuntimeError, ValueError) as error:
        msg = f"{path}: not readable as HDF5 weights ({error}); fetch the file again"
        raise WeightsError(msg) from error
    return arrays


def _collect(
    group: h5py.Group, prefix: str, arrays: "dict[str, NDArray[np.float32]]", path: Path
) -> None:
    for key in group:
        name = f"{prefix}{key}"
        if not isinstance(group.get(key, getlink=True), h5py.HardLink):
            msg = f"{path}: {name} is a link; weights must lie in the file itself"
            raise WeightsError(msg)
        item = group[key]
        if isinstance(item, h5py.Group):
            if name not in ("optimizer_weights", "top_level_model_weights"):
                _collect(item, f"{name}/", arrays, path)
        elif item.external is not None or item.is_virtual:
            msg = f"{path}: {name} lies outside the file; refused"
            raise WeightsError(msg)
        elif np.issubdtype(item.dtype, np.floating):
            arrays[name] = item[()].astype(np.float32)
