"""BIDS sidecars stand beside images, and only where the scan has a URI."""

import json
from pathlib import Path

import pytest

from lodbrain_cli.labels import LABEL_SETS
from lodbrain_cli.outputs.results import Results
from lodbrain_cli.outputs.sidecars import sidecar

URI = "bids:raw:sub-1/anat/sub-1_T1w.nii.gz"


def test_every_image_has_one_where_the_scan_has_a_uri_and_none_elsewhere():
    names = {
        "probabilities": Path("o/sub-1_seg-a_probseg.nii.gz"),
        "brain_mask": Path("o/sub-1_desc-brain_mask.nii"),
        "volumes": Path("o/sub-1_seg-a_stats.tsv"),
    }
    labels, protocols = Path("o/sub-1_seg-a_dseg.nii.gz"), ("a", "b")
    plain = Results(labels, **names, protocols=protocols)
    assert not plain.sidecars()
    found = Results(labels, **names, protocols=protocols, source_uri=URI)
    assert {path.name for path in found.sidecars().values()} == {
        "sub-1_seg-a_dseg.json", "sub-1_seg-a_probseg.json", "sub-1_desc-brain_mask.json",
        "sub-1_seg-b_dseg.json",
    }  # fmt: skip
    assert set(found.paths().values()) - set(plain.paths().values()) == set(
        found.sidecars().values()
    )
    assert list(found.paths())[-1] == "record", "which vouches for all others"


@pytest.mark.parametrize("label_set", LABEL_SETS.values(), ids=lambda s: s.name)
@pytest.mark.parametrize("kind", ["labels", "labels_b", "probabilities", "brain_mask", "brain"])
def test_a_sidecar_names_the_scan_and_what_bids_asks_for(label_set, kind):
    facts = json.loads(sidecar(kind, label_set, {"preset": "mine"}, URI))
    assert facts["Sources"] == [URI]
    assert label_set.name in facts["Description"] or kind == "brain"
    frames = [label.abbreviation for label in label_set.labels]
    assert facts.get("LabelMap") == (frames if kind == "probabilities" else None)
    assert facts.get("Type") == ("Brain" if kind == "brain_mask" else None)
    assert facts.get("SkullStripped") == (True if kind == "brain" else None)
