"""Written images hold what was computed, on the scan's grid to the bit, with honest headers."""

import nibabel as nib
import numpy as np
import pytest

from lodbrain_cli.errors import UsageError
from lodbrain_cli.outputs.images import Space, write_channels, write_image

from ..phantoms import GRIDS, centred_affine, rotation

SHAPE = (7, 9, 8)
AFFINE = centred_affine(rotation((11, -6, 17)) @ GRIDS["LPS"], (0.7, 1.1, 2.3), SHAPE, (4, 5, 6))


def space_of(image) -> Space:
    return Space("native", image.affine, image.shape[:3], image.header)


@pytest.fixture
def scan(tmp_path):
    """A scan with a different qform, slopes, texts and codes, saved and read again."""
    image = nib.Nifti1Image(np.arange(504, dtype="int16").reshape(SHAPE), AFFINE)
    other = AFFINE.copy()
    other[:3, 3] += 0.25
    image.set_sform(AFFINE, code=4)
    image.set_qform(other, code=1)
    image.header.set_slope_inter(2.5, -3)
    image.header["descrip"] = b"a patient's name"
    image.header["aux_file"] = b"secret"
    nib.save(image, tmp_path / "scan.nii.gz")
    return nib.load(tmp_path / "scan.nii.gz")


@pytest.fixture
def labels(rng):
    return rng.integers(0, 7, SHAPE).astype("uint8")


@pytest.mark.parametrize("name", ["s.nii", "s.nii.gz"])
def test_labels_keep_the_scans_geometry_to_the_bit(tmp_path, scan, labels, name):
    write_image(tmp_path / name, labels, space_of(scan), "label", "lodbrain", 6)
    seg = nib.load(tmp_path / name)
    np.testing.assert_array_equal(np.asanyarray(seg.dataobj), labels)
    np.testing.assert_array_equal(seg.affine, scan.affine)
    for field in ("srow_x", "srow_y", "srow_z", "quatern_b", "qoffset_x", "pixdim"):
        np.testing.assert_array_equal(seg.header[field], scan.header[field], err_msg=field)
    assert (seg.header["qform_code"], seg.header["sform_code"]) == (1, 4)


def test_the_header_is_a_new_one(tmp_path, scan, labels):
    write_image(tmp_path / "s.nii.gz", labels, space_of(scan), "label", "lodbrain 1 w=ab", 6)
    header = nib.load(tmp_path / "s.nii.gz").header
    assert header.get_data_dtype() == np.uint8
    assert (header["scl_slope"], header["scl_inter"]) in [(1, 0)] or np.isnan(header["scl_slope"])
    assert header.get_intent()[0] == "label"
    assert header["intent_code"] == 1002
    assert header["intent_name"] == b"lodbrain"
    assert header["descrip"] == b"lodbrain 1 w=ab"
    assert header["aux_file"] == b""
    assert header["cal_max"] == 6
    assert header.get_xyzt_units()[0] == "mm"
    raw = nib.Nifti1Header.from_fileobj(nib.openers.Opener(tmp_path / "s.nii.gz"), check=False)
    assert raw["scl_slope"] == 1


def test_the_file_has_exactly_the_bytes_of_its_voxels(tmp_path, scan, labels):
    write_image(tmp_path / "s.nii", labels, space_of(scan), "label", "", 6)
    content = (tmp_path / "s.nii").read_bytes()
    assert len(content) == 352 + labels.size
    assert content[352:] == labels.tobytes(order="F")


def test_a_nifti_2_scan_gives_a_nifti_2_result_with_its_double_affine(tmp_path, labels):
    affine = AFFINE.copy()
    affine[:3] += 1e-10  # lost in single precision
    scan = nib.Nifti2Image(np.zeros(SHAPE, "int16"), affine)
    scan.set_sform(affine, 1)
    write_image(tmp_path / "s.nii", labels, space_of(scan), "label", "", 6)
    seg = nib.load(tmp_path / "s.nii")
    assert isinstance(seg, nib.Nifti2Image)
    np.testing.assert_array_equal(seg.affine, affine)
    np.testing.assert_array_equal(np.asanyarray(seg.dataobj), labels)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", ["s.mgz", "s.mgh"])
def test_mgh_is_written_by_its_name(tmp_path, scan, labels, name):
    write_image(tmp_path / name, labels, space_of(scan), "label", "", 6)
    seg = nib.load(tmp_path / name)
    np.testing.assert_array_equal(np.asanyarray(seg.dataobj), labels)
    np.testing.assert_allclose(seg.affine, scan.affine, atol=1e-4)
    assert seg.get_data_dtype() == np.uint8


def test_a_scan_without_nifti_header_gets_both_forms(tmp_path, labels):
    space = Space("conformed", AFFINE, SHAPE)
    write_image(tmp_path / "s.nii", labels, space, "label", "", 6)
    seg = nib.load(tmp_path / "s.nii")
    np.testing.assert_allclose(seg.get_sform(), AFFINE, atol=1e-5)
    np.testing.assert_allclose(seg.get_qform(), AFFINE, atol=1e-4)


def test_channels_become_frames_and_may_come_one_at_a_time(tmp_path, scan, rng):
    channels = rng.random((3, *SHAPE), dtype=np.float32)
    target = tmp_path / "p.nii.gz"
    write_channels(target, iter(channels), channels.dtype, space_of(scan), "estimate", "", count=3)
    image = nib.load(target)
    assert image.shape == (*SHAPE, 3)
    np.testing.assert_array_equal(np.moveaxis(image.get_fdata(), -1, 0), channels)
    np.testing.assert_array_equal(image.affine, scan.affine)


def test_the_same_result_is_the_same_bytes(tmp_path, scan, labels):
    for name in ("a.nii.gz", "b.nii.gz"):
        write_image(tmp_path / name, labels, space_of(scan), "label", "", 6)
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()


def test_an_unknown_extension_is_refused(tmp_path, scan, labels):
    with pytest.raises(UsageError, match=r"expected a name ending in \.nii\.gz"):
        write_image(tmp_path / "s.img.txt", labels, space_of(scan), "label", "")
    assert list(tmp_path.iterdir()) == [tmp_path / "scan.nii.gz"]
