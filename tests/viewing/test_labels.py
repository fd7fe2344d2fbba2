"""What ``view`` makes of label images of any origin."""

import json

import nibabel as nib
import numpy as np
import pytest

from lodbrain_cli.errors import InputError
from lodbrain_cli.outputs.report.reference import LabelSource
from lodbrain_cli.viewing.labels import display_of_files, read_beside

from ..outputs.heads import phantom_files
from ..phantoms import MARKER_MM, centroid_mm


@pytest.fixture
def files(tmp_path):
    return phantom_files(tmp_path)


def rewrite(labels, change, dtype=np.int32):
    image = nib.load(labels)
    nib.save(nib.Nifti1Image(change(np.asarray(image.dataobj)).astype(dtype), image.affine), labels)


def test_labels_and_the_scan_that_is_named(files):
    scan, labels = files
    display = display_of_files(labels, scan)
    assert display.name == scan.name
    assert display.image.max() > 200
    overlay = display.overlays[0]
    assert overlay.label_set.name == "lod-brain-7"
    assert np.linalg.norm(centroid_mm(overlay.labels == 6, display.affine) - MARKER_MM) < 1.3


def test_the_scan_of_the_record_is_found_unless_it_has_changed(files):
    scan, labels = files
    record = {"preset": "own-net", "input": {"path": str(scan), "bytes": scan.stat().st_size}}
    labels.with_name("seg_run.json").write_text(json.dumps(record))
    display = display_of_files(labels)
    assert (display.name, display.overlays[0].name) == (scan.name, "own-net")
    assert display.image.any()
    with scan.open("ab") as file:
        file.write(b"\0")
    assert display_of_files(labels).name == "seg.nii.gz"
    assert not display_of_files(labels).image.any()


@pytest.mark.parametrize("text", ["[]", "{", "", '{"input": 3, "options": []}', '{"input": {}}'])
def test_a_record_of_any_content_does_no_harm(files, text):
    labels = files[1]
    labels.with_name("seg_run.json").write_text(text)
    assert isinstance(read_beside(labels), dict)
    assert not display_of_files(labels).image.any()


def test_a_table_beside_names_the_numbers_if_it_can_be_read(files):
    labels = files[1]
    table = labels.with_name("seg.tsv")
    rows = ["index\tname\tcolor", *(f"{k}\tpart {k}\t#0{k}0000" for k in range(7))]
    table.write_text("\n".join(rows))
    names = [x.name for x in display_of_files(labels).overlays[0].label_set.structures]
    assert names == [f"part {k}" for k in range(1, 7)]
    for wrong in ("", "index\tname", "index\tname\tcolor\n0\ta\tred", "\n".join(rows[:4])):
        table.write_text(wrong)
        assert display_of_files(labels).overlays[0].label_set.name == "lod-brain-7"


def test_numbers_of_another_tool_stand_for_themselves(files):
    labels = files[1]
    rewrite(labels, lambda values: np.select([values == 3, values == 6], [2, 2035], 0))
    overlay = display_of_files(labels).overlays[0]
    assert [x.name for x in overlay.label_set.structures] == ["Label 2", "Label 2035"]
    assert set(np.unique(overlay.labels)) == {0, 1, 2}


def test_more_labels_than_a_picture_can_show_are_refused(files):
    labels = files[1]
    rewrite(labels, lambda values: np.arange(values.size).reshape(values.shape) % 400)
    with pytest.raises(InputError, match="at most 255"):
        display_of_files(labels)


def test_a_scan_on_another_grid_is_brought_to_that_of_the_labels(files, tmp_path):
    scan, labels = files
    image = nib.load(scan)
    coarse = nib.Nifti1Image(
        np.asarray(image.dataobj)[::2, ::2, ::2], image.affine @ np.diag([2.0, 2, 2, 1])
    )
    nib.save(coarse, tmp_path / "coarse.nii.gz")
    display = display_of_files(labels, tmp_path / "coarse.nii.gz")
    inside = display.image[display.overlays[0].labels == 3]
    assert display.image.shape == display.overlays[0].labels.shape
    assert np.median(inside) > 50


def test_labels_by_others_come_along(files, tmp_path):
    scan, labels = files
    rewrite(labels, lambda values: np.select([values == 3, values == 6], [2, 16], 0))
    other = tmp_path / "other.nii.gz"
    labels.rename(other)
    _, labels = phantom_files(tmp_path)
    display = display_of_files(labels, scan, LabelSource(other))
    np.testing.assert_array_equal(display.overlays[1].labels, display.overlays[0].labels)
