"""What ``picture`` makes of label images and of maps from 0 to 1."""

import io
import json
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from lodbrain_cli.errors import InputError, UsageError
from lodbrain_cli.outputs.snapshot import draw_mosaic
from lodbrain_cli.viewing.probabilities import picture_of_files

from ..outputs.heads import phantom_files
from ..phantoms import GRIDS, MARKER_MM, centroid_mm, rotation


@pytest.fixture(params=["LIA", "RAS", "oblique"])
def files(request, tmp_path):
    """Scan, labels, and probabilities of three labels, of which 2 is the marker's."""
    directions = GRIDS.get(request.param, rotation((14, -9, 18)) @ GRIDS["RAS"])
    scan, labels = phantom_files(tmp_path, directions=directions)
    image = nib.load(labels)
    found = np.asarray(image.dataobj)
    maps = np.stack([found == 0, 0.9 * (found == 3), 0.8 * (found == 6)], -1).astype(np.float32)
    nib.save(nib.Nifti1Image(maps, image.affine), tmp_path / "p.nii.gz")
    return scan, labels, tmp_path / "p.nii.gz"


def test_a_frame_is_shown_where_it_lies(files):
    scan, _, maps = files
    display = picture_of_files(maps, scan, frame=2)
    assert display.name == scan.name
    assert display.probability.max() == round(0.8 * 255)
    assert np.linalg.norm(centroid_mm(display.probability > 100, display.affine) - MARKER_MM) < 1.3
    assert np.array_equal(display.probability > 128, display.overlays[0].labels == 1)
    assert display.image.max() > 200


def test_the_picture_has_warm_colours_where_the_probability_is_high_and_grey_elsewhere(files):
    scan, _, maps = files
    display = picture_of_files(maps, scan, frame=2)
    nothing = replace(display, probability=np.zeros_like(display.probability))
    with_map, without = (warm(pixels_of(each)) for each in (display, nothing))
    assert with_map[without].all()  # the colour bar
    assert 0.001 < with_map.mean() - without.mean() < 0.1


def warm(pixels):
    return pixels[..., 0].astype(int) - pixels[..., 2] > 60


def test_the_stronger_the_brighter(files):
    from lodbrain_cli.outputs.heat import blend, color_bar

    bar = blend(np.full((1, 256), 90, np.uint8), color_bar(256, 1))[0].astype(float)
    assert bar[0].tolist() == [90, 90, 90]
    lightness = bar @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(lightness[100:]) >= -0.8).all()
    assert lightness[-1] > lightness[100] + 100


def test_a_frame_is_called_as_the_sidecar_says_and_anything_else_there_does_no_harm(files):
    scan, _, maps = files
    sidecar = maps.with_name("p.json")
    for text, name in (
        (json.dumps({"LabelMap": ["BG", "GM", "VEN"]}), "VEN"),
        (json.dumps({"LabelMap": "BGV"}), "p.nii.gz, frame 2"),
        (json.dumps({"LabelMap": [1, 2, 3]}), "p.nii.gz, frame 2"),
        ("[" * 9999, "p.nii.gz, frame 2"),
        ("\xff", "p.nii.gz, frame 2"),
    ):
        sidecar.write_text(text, encoding="latin-1")
        assert picture_of_files(maps, scan, frame=2).overlays[0].name == name
    assert picture_of_files(maps, scan, frame=2, name="mine").overlays[0].name == "mine"


def test_labels_are_drawn_as_labels(files):
    scan, labels, _ = files
    display = picture_of_files(labels, scan)
    assert display.probability is None
    assert display.overlays[0].label_set.name == "lod-brain-7"
    with pytest.raises(UsageError, match="names of their own"):
        picture_of_files(labels, scan, name="mine")


def test_a_map_without_anything_above_a_half_is_shown_whole(files, tmp_path):
    scan, labels, _ = files
    image = nib.load(labels)
    weak = np.where(np.asarray(image.dataobj) == 3, 0.3, 0.1).astype(np.float32)
    nib.save(nib.Nifti1Image(weak, image.affine), tmp_path / "entropy.nii.gz")
    display = picture_of_files(tmp_path / "entropy.nii.gz", scan)
    assert not display.overlays[0].labels.any()
    assert pixels_of(display).shape[1] > 400


def test_what_is_neither_labels_nor_probabilities_is_refused(files, tmp_path):
    scan, labels, maps = files
    image = nib.load(labels)
    values = np.asarray(image.dataobj).astype(np.float32)
    for name, wrong in (("t1.nii.gz", values * 100.3), ("nan.nii.gz", values * np.nan)):
        nib.save(nib.Nifti1Image(wrong, image.affine), tmp_path / name)
        with pytest.raises(InputError, match=r"expected labels, or probabilities in 0\.\.1"):
            picture_of_files(tmp_path / name, scan)
    with pytest.raises(InputError, match="3 frames"):
        picture_of_files(maps, scan)
    with pytest.raises(InputError, match="no frame 3"):
        picture_of_files(maps, scan, frame=3)


def pixels_of(display):
    return np.asarray(Image.open(io.BytesIO(draw_mosaic(display))).convert("RGB"))
