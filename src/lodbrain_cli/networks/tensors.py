"""Tensors of a weights file by dataset path, without Keras.

Nothing is unpickled and no model is read from a file (CVE-2025-9905): a file
gives arrays to a network that was built in code. External links, external raw
storage and virtual data sets, by which an HDF5 file can point at other files,
are refused.

How a file names its tensors is its layout; see :mod:`.layouts`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from ..errors import WeightsError
from .layouts import dataset_paths, paths_of_layout

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["read_all_tensors", "read_tensors"]


def read_tensors(
    path: Path, layout: str, shapes: Mapping[str, tuple[int, ...]]
) -> "dict[str, NDArray[np.float32]]":
    """Read all tensors of a network, each checked.

    Parameters
    ----------
    path : Path
        HDF5 file. Its hash is checked by whoever knows it.
    layout : str
        One of :data:`.layouts.LAYOUTS`.
    shapes : mapping of str to tuple of int
        Name (``<layer>/<variable>``) to shape of every tensor of the network.

    Returns
    -------
    dict of str to float32 array
        By name.

    Raises
    ------
    WeightsError
        When the file is not HDF5, holds other tensors than the network, or a
        tensor has another shape; ``details`` lists all with both shapes.
    """
    places = dataset_paths(shapes, layout)
    expected = {places[name]: shape for name, shape in shapes.items()}
    stored = _read_arrays(path)
    arrays = {place: stored[name] for name, place in paths_of_layout(stored, layout).items()}
    problems = _misfits(expected, arrays)
    if problems:
        msg = (
            f"{path}: weights of another network: {len(problems)} tensors do not fit its "
            f"{len(expected)}, the first is {problems[0]}; choose weights of this "
            "network (all misfits: -v)"
        )
        raise WeightsError(msg, details=problems)
    return {name: arrays[place] for name, place in places.items()}


def read_all_tensors(path: Path) -> "dict[str, NDArray[np.float32]]":
    """Read whatever tensors a file holds, by the path of each in the file.

    Raises
    ------
    WeightsError
        When the file cannot be read, or holds values that are not finite.
    """
    arrays = _read_arrays(path)
    problems = _misfits({name: array.shape for name, array in arrays.items()}, arrays)
    if problems:
        msg = f"{path}: {problems[0]}"
        raise WeightsError(msg, details=problems)
    return arrays


def _misfits(
    shapes: Mapping[str, tuple[int, ...]], arrays: "Mapping[str, NDArray[Any]]"
) -> list[str]:
    problems = []
    for name, expected in shapes.items():
        if name not in arrays:
            problems.append(f"{name} missing, expected shape {expected}")
        elif arrays[name].shape != expected:
            problems.append(f"{name} has shape {arrays[name].shape}, expected {expected}")
        elif not np.isfinite(arrays[name]).all():
            problems.append(f"{name} holds values that are not finite")
    problems += [
        f"{name} unexpected, shape {array.shape}"
        for name, array in arrays.items()
        if name not in shapes
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
