"""BIDS sidecars: what stands beside an image of a derivative dataset, as JSON."""

import json
from collections.abc import Mapping
from typing import Any

from ..labels import LabelSet

__all__ = ["sidecar"]

_DESCRIPTIONS = {
    "labels": "Labels of {name}, named in the table of the same name.",
    "probabilities": "Probabilities of the labels of {name}, a frame for each.",
    "brain_mask": "1 where a structure of {name} is.",
    "brain": "The scan inside the brain mask, 0 outside.",
}


def sidecar(kind: str, label_set: LabelSet, record: Mapping[str, Any], source_uri: str) -> str:
    """Write the sidecar of an image.

    Parameters
    ----------
    kind : str
        ``labels``, ``probabilities``, ``brain_mask``, ``brain``, or ``labels_`` with
        the name of a further label set.
    label_set : LabelSet
        Whose labels they are.
    record : mapping
        The run record.
    source_uri : str
        BIDS URI of the scan, on whose grid the image is.

    Returns
    -------
    str
        JSON.
    """
    what = "labels" if kind.startswith("labels") else kind
    name = f"lodbrain's preset {record['preset']} (label set {label_set.name})"
    facts: dict[str, Any] = {
        "Description": _DESCRIPTIONS[what].format(name=name),
        "Sources": [source_uri],
        "SpatialReference": source_uri,
    }
    if what == "labels":
        facts["Manual"] = False
    if what == "probabilities":
        # BIDS: the frames of an image of several maps, in their order.
        facts["LabelMap"] = [label.abbreviation for label in label_set.labels]
    if what == "brain_mask":
        facts["Type"] = "Brain"
    if what == "brain":
        facts["SkullStripped"] = True
    return json.dumps(facts, indent=2) + "\n"
