"""Graphs of the presets' networks as files of the package, for engines without Keras.

Each is what Keras builds from the preset's config, read off once by
``python benchmarks/freeze_graphs.py``; a test holds the two together. They hold
no weights: those come from the weights file, whose hash was checked.
"""

import json
from importlib import resources
from pathlib import Path

from ..errors import WeightsError
from .graph import Graph
from .tensors import read_tensors

__all__ = ["frozen_graph"]


def frozen_graph(name: str, weights: Path, layout: str, structure: str | None = None) -> Graph:
    """Graph of a network of a preset with weights.

    Parameters
    ----------
    name : str
        Of the :class:`lodbrain_cli.presets.TrainedNetwork`.
    weights : Path
    layout : {"lodbrain", "lod-brain-release", "nobrainer-unet"}
    structure : str, optional
        JSON of the graph; default: the file of the package.

    Raises
    ------
    WeightsError
        When the weights are of another network or damaged.
    """
    if structure is None:
        file = resources.files(__package__) / "graphs" / f"{name}.json"
        structure = file.read_text(encoding="utf-8")
    try:
        graph = Graph.from_structure(json.loads(structure))
    except (KeyError, TypeError, ValueError) as error:
        msg = f"the structure of network {name!r} is damaged ({error}); fetch its file again"
        raise WeightsError(msg) from error
    return graph.with_tensors(read_tensors(weights, layout, graph.tensor_shapes()))
