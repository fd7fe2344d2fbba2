"""A network as a folder that every command takes as a preset: weights and what they are of."""

import json
from pathlib import Path

from ..files import write_text
from ..presets import MODEL_FILE, Preset, model_to_plain
from .build import build_network
from .keras_graph import read_graph

__all__ = ["write_model_file"]


def write_model_file(preset: Preset, folder: Path) -> Path:
    """Describe a network in ``model.json`` beside its weights.

    Parameters
    ----------
    preset : Preset
        Its weights file is in the folder.
    folder : Path

    Returns
    -------
    Path
        Of the file.

    Raises
    ------
    OutputError
        When the file cannot be written.
    """
    structure = read_graph(build_network(preset.network)).structure()
    path = folder / MODEL_FILE
    write_text(path, json.dumps(model_to_plain(preset, structure), indent=1) + "\n")
    return path
