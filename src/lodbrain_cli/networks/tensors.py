"""Tensors of a weights file by dataset path, without Keras.

Nothing is unpickled and no model is read from a file (CVE-2025-9905): a file
gives arrays to a network that was built in code. External links, external raw
storage and virtual data sets, by which an HDF5 file can point at other files,
are refused.

Two layouts: ``lodbrain`` (``<layer>/<variable>``) and ``lod-brain-release``
(the Keras 2.4 files of the LOD-Brain authors; SPEC A.3).
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from ..errors import WeightsError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["dataset_paths", "read_all_tensors", "read_tensors"]

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


def dataset_paths(names: Iterable[str], layout: str) -> dict[str, str]:
    """Where a layout keeps tensors.

    Parameters
    ----------
    names : iterable of str
        ``<layer>/<variable>``.
    layout : {"lodbrain", "lod-brain-release"}

    Returns
    -------
    dict of str to str
        Name to dataset path.

    Raises
    ------
    WeightsError
        When the layout has no place for one of the layers.
    """
    if layout == "lodbrain":
        return {name: name for name in names}
    paths = {}
    for name in names:
        layer, _, variable = name.partition("/")
        if layer not in _RELEASE_GROUPS:
            msg = (
                f"the layout {layout!r} has no tensors for layer {layer!r}: it "
                "holds networks of at most 2 levels with filters 8, 16, 32"
            )
            raise WeightsError(msg)
        paths[name] = f"{_RELEASE_GROUPS[layer]}/{variable}:0"
    return paths


def read_tensors(
    path: Path, layout: str, shapes: Mapping[str, tuple[int, ...]]
) -> "dict[str, NDArray[np.float32]]":
    """Read all tensors of a network, each checked.

    Parameters
    ----------
    path : Path
        HDF5 file. Its hash is checked by whoever knows it.
    layout : {"lodbrain", "lod-brain-release"}
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
    arrays = _read_arrays(path)
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
    """Read whatever tensors a file of the ``lodbrain`` layout holds, by name.

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
