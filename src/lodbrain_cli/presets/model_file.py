"""A network that somebody trained, as a file beside its weights; plain data."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..labels import Label, LabelSet
from .architectures import network_from_plain, network_to_plain
from .preset import Preset, WeightsFile, Windows
from .statistics import statistics_from_plain, statistics_to_plain
from .table import get_preset

__all__ = ["MODEL_FILE", "find_preset", "model_to_plain", "read_model"]

#: Name of the file in the folder of a run.
MODEL_FILE = "model.json"

_FORMAT = "lodbrain model 1"
_NORMALISATIONS = ("z_score_volume", "z_score_voxel")
_WEIGHTS_NAME = re.compile(r"[A-Za-z0-9._-]+\.h5")


def find_preset(name: str) -> Preset:
    """Return a preset by its name, or the one of a model file or its folder.

    Parameters
    ----------
    name : str
        Of a preset; or a path, of a model file or of the folder that it is in.

    Raises
    ------
    UsageError
        When there is no such preset, or the file is none.
    """
    path = Path(name)
    if path.is_dir():
        return read_model(path / MODEL_FILE)
    if path.suffix == ".json":
        return read_model(path)
    if path.exists() or "/" in name:
        msg = f"{path}: no preset's name, and no folder with a {MODEL_FILE}"
        raise UsageError(msg)
    return get_preset(name)


def model_to_plain(preset: Preset, graph: list[dict[str, Any]]) -> dict[str, Any]:
    """Describe a network as JSON-ready data, for :func:`read_model`.

    Parameters
    ----------
    preset : Preset
        Its weights file lies beside.
    graph : list of dict
        Structure of the network, by which engines run it without Keras.
    """
    return {
        "format": _FORMAT,
        "name": preset.name,
        "summary": preset.summary,
        "network": network_to_plain(preset.network),
        "label_sets": [asdict(label_set) for label_set in preset.label_sets],
        "weights": {
            "file": preset.weights.name,
            "sha256": preset.weights.sha256,
            "num_bytes": preset.weights.num_bytes,
        },
        "sees": preset.sees,
        "finder": preset.finder.name if preset.finder else None,
        "pool": preset.pool,
        "windows": asdict(preset.windows) if preset.windows else None,
        "normalisation": preset.normalisation,
        "statistics": statistics_to_plain(preset.statistics) if preset.statistics else None,
        "training_data": preset.training_data,
        "licence": preset.licence,
        "citation": preset.citation,
        "scores": dict(preset.scores),
        "graph": graph,
    }


def read_model(path: Path) -> Preset:
    """Read a model file.

    Parameters
    ----------
    path : Path
        JSON, as :func:`model_to_plain` describes it.

    Returns
    -------
    Preset
        Its weights are looked for beside the file.

    Raises
    ------
    UsageError
        When the file cannot be read, or what it says cannot be.
    """
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValueError) as error:
        msg = f"{path}: cannot be read as a model ({error}); expected what 'lodbrain train' writes"
        raise UsageError(msg) from error
    if not isinstance(plain, dict) or plain.get("format") != _FORMAT:
        msg = f"{path}: is no model file; expected format {_FORMAT!r}"
        raise UsageError(msg)
    try:
        return _preset(plain, path.parent)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        msg = f"{path}: damaged ({error}); take the file as 'lodbrain train' wrote it"
        raise UsageError(msg) from error


def _preset(plain: Mapping[str, Any], folder: Path) -> Preset:
    network = network_from_plain(plain["network"])
    label_sets = tuple(_label_set(each) for each in plain["label_sets"])
    if tuple(each.num_classes for each in label_sets) != network.heads:
        msg = f"label sets of {[each.num_classes for each in label_sets]} for heads {network.heads}"
        raise ValueError(msg)
    if plain["sees"] not in ("head", "brain") or plain["normalisation"] not in _NORMALISATIONS:
        msg = f"sees {plain['sees']!r}, normalisation {plain['normalisation']!r}"
        raise ValueError(msg)
    statistics = plain.get("statistics")  # not in the first model files
    return Preset(
        name=_plain_name(plain["name"]),
        network=network,
        weights=_weights(plain["weights"]),
        label_sets=label_sets,
        normalisation=plain["normalisation"],
        statistics=statistics_from_plain(statistics) if statistics is not None else None,
        sees=plain["sees"],
        finder=get_preset(plain["finder"]) if plain["finder"] else None,
        pool=int(plain["pool"]),
        windows=_windows(plain["windows"]),
        scores={str(k): str(v) for k, v in plain["scores"].items()},
        folder=folder.absolute(),
        graph=json.dumps(plain["graph"]),
        summary=str(plain["summary"]),
        training_data=str(plain["training_data"]),
        licence=str(plain["licence"]),
        citation=str(plain["citation"]),
    )


def _windows(plain: Mapping[str, Any] | None) -> Windows | None:
    if plain is None:
        return None
    (a, b, c), (d, e, f) = plain["shape"], plain["stride"]
    return Windows((int(a), int(b), int(c)), (int(d), int(e), int(f)))


def _plain_name(name: str) -> str:
    """Name that is safe in file names and on a terminal."""
    if not re.fullmatch(r"[A-Za-z0-9-]+", name):
        msg = f"name {name!r}"
        raise ValueError(msg)
    return name


def _weights(plain: Mapping[str, Any]) -> WeightsFile:
    name, sha256 = str(plain["file"]), str(plain["sha256"])
    if not _WEIGHTS_NAME.fullmatch(name) or not re.fullmatch(r"[0-9a-f]{64}", sha256):
        msg = f"weights {name!r}, sha256 {sha256!r}"
        raise ValueError(msg)
    return WeightsFile(name, sha256, int(plain["num_bytes"]), (), "lodbrain")


def _label_set(plain: Mapping[str, Any]) -> LabelSet:
    labels = tuple(Label(**each) for each in plain["labels"])
    if [label.index for label in labels] != list(range(len(labels))):
        msg = f"labels of {plain['name']!r} do not count from 0"
        raise ValueError(msg)
    for label in labels:
        if not re.fullmatch(r"#[0-9a-fA-F]{6}", label.color) or not label.name.isprintable():
            msg = f"label {label.name!r}, colour {label.color!r}"
            raise ValueError(msg)
    one_piece = {k: tuple(plain[k]) for k in ("one_piece_probability", "one_piece_label")}
    covers = plain.get("covers_brain", True)  # not in the first model files
    return LabelSet(str(plain["name"]), labels, **one_piece, covers_brain=bool(covers))
