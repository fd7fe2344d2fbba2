"""Tables say what the labels are, in the forms that viewers read."""

import csv
import io
import json

import numpy as np
import pytest

from lodbrain_cli.cli.labels import _FORMATS
from lodbrain_cli.imaging.volumetry import structure_volumes
from lodbrain_cli.labels import get_label_set
from lodbrain_cli.outputs.tables import LABEL_FORMATS, label_table, volumes_table

LABELS = get_label_set("lod-brain-7")


def test_volumes_count_voxels_times_the_determinant_of_the_affine():
    labels = np.zeros((10, 10, 10), np.uint8)
    labels[:2] = 1
    labels[5, 5, :3] = 4
    affine = np.diag([0.7, -2.0, 1.5, 1])
    affine[0, 1] = 0.3  # shear does not change a volume
    volumes = structure_volumes(labels, affine, LABELS)
    assert [v.index for v in volumes] == [1, 2, 3, 4, 5, 6]
    assert volumes[0].voxels == 200
    assert volumes[0].volume_mm3 == pytest.approx(200 * 2.1)
    assert volumes[3].volume_mm3 == pytest.approx(6.3)
    assert volumes[5].voxels == 0


def test_the_volumes_table_names_its_grid():
    volumes = structure_volumes(np.ones((2, 2, 2), np.uint8), np.eye(4), LABELS)
    rows = list(csv.DictReader(io.StringIO(volumes_table(volumes, "native")), delimiter="\t"))
    assert rows[0] == {
        "index": "1",
        "name": "Cerebral grey matter",
        "voxels": "8",
        "volume_mm3": "8.000",
        "grid": "native",
    }
    assert len(rows) == 6


def test_the_bids_table_has_its_columns_and_mapping():
    rows = list(csv.DictReader(io.StringIO(label_table(LABELS, "tsv")), delimiter="\t"))
    assert list(rows[0]) == ["index", "name", "abbreviation", "color", "mapping"]
    assert [int(r["mapping"]) for r in rows] == [0, 8, 9, 2, 3, 11, 10]


def test_freesurfer_lines_are_number_name_and_four_colours():
    lines = [x.split() for x in label_table(LABELS, "freesurfer").splitlines() if x[0] != "#"]
    assert [len(x) for x in lines] == [6] * 7
    assert lines[1] == ["1", "Cerebral-grey-matter", "70", "130", "180", "0"]


def test_itksnap_lines_have_eight_fields():
    lines = [x for x in label_table(LABELS, "itksnap").splitlines() if x[0] != "#"]
    assert lines[1].split(maxsplit=7) == [
        *["1", "70", "130", "180", "1", "1", "1"],
        '"Cerebral grey matter"',
    ]
    assert '"Clear Label"' in lines[0]


def test_slicer_lines_are_number_name_and_four_colours():
    lines = [x.split() for x in label_table(LABELS, "slicer").splitlines() if x[0] != "#"]
    assert lines[6] == ["6", "Brainstem", "0", "148", "0", "255"]
    assert lines[0][-1] == "0"


def test_json_forms_parse():
    assert json.loads(label_table(LABELS, "json"))["labels"][2]["abbreviation"] == "SGM"
    niivue = json.loads(label_table(LABELS, "niivue"))
    assert {len(niivue[k]) for k in ("R", "G", "B", "A", "I", "labels")} == {7}


def test_the_command_offers_every_form():
    assert _FORMATS == LABEL_FORMATS
