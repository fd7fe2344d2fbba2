"""How weights files name their tensors.

Three layouts: ``lodbrain`` (``<layer>/<variable>``), ``lod-brain-release`` (the
Keras 2.4 files of the LOD-Brain authors; SPEC A.3) and ``nobrainer-unet`` (the
models that nobrainer 0.1 published; SPEC C.1).
"""

import re
from collections.abc import Iterable, Mapping

from ..errors import WeightsError

__all__ = ["LAYOUTS", "dataset_paths", "paths_of_layout"]

#: Layouts by name.
LAYOUTS = ("lodbrain", "lod-brain-release", "nobrainer-unet")

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

# Layers of the U-Net without names, in the order in which nobrainer makes them:
# Keras numbers each kind from the first one of the process.
_PAIRS = (*(f"encoder{i}" for i in (1, 2, 3, 4)), *(f"decoder{i}" for i in (3, 2, 1)))
_NOBRAINER_LAYERS: Mapping[str, tuple[str, ...]] = {
    "conv3d": (*(f"{pair}_conv{i}" for pair in _PAIRS for i in (1, 2)), "logits"),
    "conv3d_transpose": tuple(f"decoder{i}_up" for i in (3, 2, 1)),
    "batch_normalization": tuple(f"{pair}_norm{i}" for pair in _PAIRS for i in (1, 2)),
}
_NUMBERED = re.compile(r"(?:model_weights/)?([a-z0-9_]+?)(?:_(\d+))?/(?:[^/]+/)?([^/]+)")


def dataset_paths(names: Iterable[str], layout: str) -> dict[str, str]:
    """Where a layout keeps tensors.

    Parameters
    ----------
    names : iterable of str
        ``<layer>/<variable>``.
    layout : str
        One of :data:`LAYOUTS`.

    Returns
    -------
    dict of str to str
        Name to dataset path; for ``nobrainer-unet`` as :func:`paths_of_layout` gives it.

    Raises
    ------
    WeightsError
        When the layout has no place for one of the layers.
    """
    if layout == "lodbrain":
        return {name: name for name in names}
    groups, holds = _GROUPS[layout]
    paths = {}
    for name in names:
        layer, _, variable = name.partition("/")
        if layer not in groups:
            msg = f"the layout {layout!r} has no tensors for layer {layer!r}: it holds {holds}"
            raise WeightsError(msg)
        paths[name] = f"{groups[layer]}/{variable}:0"
    return paths


def paths_of_layout(stored: Iterable[str], layout: str) -> dict[str, str]:
    """Give the paths in a file those that the layout is written down with.

    nobrainer's files count their layers from wherever the process that made
    them stood, and hold weights alone or a whole model.

    Parameters
    ----------
    stored : iterable of str
        Dataset paths in the file.
    layout : str

    Returns
    -------
    dict of str to str
        Path in the file to path of the layout; equal but for ``nobrainer-unet``,
        where it is ``conv3d_2/kernel:0`` and the like, counted from 0.
    """
    if layout != "nobrainer-unet":
        return {path: path for path in stored}
    parts = {path: _NUMBERED.fullmatch(path) for path in stored}
    first: dict[str, int] = {}
    for found in parts.values():
        if found:
            kind, number = found[1], int(found[2] or 0)
            first[kind] = min(first.get(kind, number), number)
    return {
        path: f"{found[1]}_{int(found[2] or 0) - first[found[1]]}/{found[3]}" if found else path
        for path, found in parts.items()
    }


_GROUPS: Mapping[str, tuple[Mapping[str, str], str]] = {
    "lod-brain-release": (_RELEASE_GROUPS, "networks of at most 2 levels with filters 8, 16, 32"),
    "nobrainer-unet": (
        {
            layer: f"{kind}_{number}"
            for kind, layers in _NOBRAINER_LAYERS.items()
            for number, layer in enumerate(layers)
        },
        "the U-Net of nobrainer 0.1",
    ),
}
