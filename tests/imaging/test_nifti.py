"""Scans are read as they are, and bad ones refused in one line that says what to do."""

import contextlib
import gzip
import os
import warnings

import nibabel as nib
import numpy as np
import pytest

from lodbrain_cli.errors import InputError
from lodbrain_cli.imaging.nifti import read_t1w
from lodbrain_cli.outputs.record import file_facts

from ..phantoms import GRIDS, centred_affine, paint, phantom

AFFINE = centred_affine(GRIDS["LPS"], (2, 2, 3), (6, 7, 8))


def save(path, data, affine=AFFINE, kind=nib.Nifti1Image):
    nib.save(kind(data, affine), path)
    return path


@pytest.fixture
def values(rng):
    return rng.integers(0, 900, size=(6, 7, 8)).astype("int16")


@pytest.mark.filterwarnings(
    # nibabel leaves the handle of an uncompressed .mgh to the garbage collector
    "ignore::pytest.PytestUnraisableExceptionWarning"
)
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.mgh", "a.mgz", "name with space.nii"])
def test_formats_give_the_same_voxels_and_affine(tmp_path, values, name):
    kind = nib.freesurfer.MGHImage if ".mg" in name else nib.Nifti1Image
    scan = read_t1w(save(tmp_path / name, values, kind=kind))
    np.testing.assert_array_equal(scan.data, values)
    np.testing.assert_allclose(scan.affine, AFFINE, atol=1e-5)
    assert scan.data.dtype == np.float32
    assert scan.stored_dtype == np.int16


def test_nifti_2_is_read(tmp_path, values):
    scan = read_t1w(save(tmp_path / "a.nii", values, kind=nib.Nifti2Image))
    np.testing.assert_array_equal(scan.data, values)


def test_slope_and_intercept_are_applied(tmp_path, values):
    image = nib.Nifti1Image(values, AFFINE)
    image.header.set_slope_inter(0.5, 10)
    nib.save(image, tmp_path / "a.nii")
    scan = read_t1w(tmp_path / "a.nii")
    assert scan.stored_dtype.kind == "f"
    np.testing.assert_allclose(scan.data, np.asarray(nib.load(tmp_path / "a.nii").dataobj))


def test_a_nibabel_image_is_taken_as_it_is(values):
    scan = read_t1w(nib.Nifti1Image(values, AFFINE))
    assert scan.path is None
    np.testing.assert_array_equal(scan.data, values)


def test_a_4d_image_with_one_frame_needs_no_choice(tmp_path, values):
    scan = read_t1w(save(tmp_path / "a.nii.gz", values[..., None]))
    np.testing.assert_array_equal(scan.data, values)


def test_a_frame_is_chosen_by_number(tmp_path, values):
    path = save(tmp_path / "a.nii.gz", np.stack([values, values + 1, values + 2], -1))
    np.testing.assert_array_equal(read_t1w(path, frame=2).data, values + 2)
    with pytest.raises(InputError, match=r"got 3 frames .*--frame 0 \.\.\. --frame 2"):
        read_t1w(path)
    with pytest.raises(InputError, match="no frame 3"):
        read_t1w(path, frame=3)


def refused(path, match):
    with pytest.raises(InputError, match=match) as caught:
        read_t1w(path)
    text = str(caught.value)
    assert "\n" not in text
    assert str(path) in text
    assert caught.value.exit_code == 3


def test_a_missing_file_is_refused(tmp_path):
    refused(tmp_path / "none.nii.gz", "no such file")


@pytest.mark.parametrize("name", ["scan.txt", "scan.dcm", "scan"])
def test_other_formats_are_refused_with_the_list_of_formats(tmp_path, name):
    (tmp_path / name).write_bytes(b"hello")
    refused(tmp_path / name, r"expected a file named \.nii\.gz")


@pytest.mark.parametrize("content", [b"hello, no image", bytes(500)])
def test_a_file_that_is_no_image_is_refused(tmp_path, content):
    (tmp_path / "a.nii").write_bytes(content)
    refused(tmp_path / "a.nii", "not a readable NIfTI|voxel size|got shape|voxels of type")
    (tmp_path / "a.nii.gz").write_bytes(content)
    refused(tmp_path / "a.nii.gz", "not a readable NIfTI")


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "a.nii.gz").touch()
    refused(tmp_path / "a.nii.gz", "the file is empty")


@pytest.mark.parametrize("share", [0.2, 0.5, 0.97])
def test_a_truncated_file_is_refused(tmp_path, share):
    whole = phantom(tmp_path).read_bytes()
    cut = tmp_path / "cut.nii.gz"
    cut.write_bytes(whole[: int(len(whole) * share)])
    refused(cut, "truncated or damaged|not a readable")
    plain = gzip.decompress(whole)
    cut = tmp_path / "cut.nii"
    cut.write_bytes(plain[: int(len(plain) * share)])
    refused(cut, "truncated or damaged|not a readable")


@pytest.mark.parametrize("shape", [(20, 20), (20, 20, 1), (1, 20, 20)])
def test_a_flat_image_is_refused(tmp_path, shape):
    data = np.arange(np.prod(shape), dtype="int16").reshape(shape)
    refused(save(tmp_path / "a.nii", data), "expected one 3-D volume")


def test_five_dimensions_are_refused(tmp_path, values):
    data = np.stack([np.stack([values] * 2, -1)] * 2, -1)
    refused(save(tmp_path / "a.nii", data), "expected one 3-D volume")


def test_colour_and_complex_voxels_are_refused(tmp_path, values):
    rgb = np.zeros((6, 7, 8), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    refused(save(tmp_path / "rgb.nii", rgb), "colour or complex")
    refused(save(tmp_path / "c.nii", values.astype("complex64")), "colour or complex")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_counted_and_refused(tmp_path, values, bad):
    data = values.astype("float32")
    data[0, 0, :3] = bad
    refused(save(tmp_path / "a.nii", data), "3 of 336 voxels are NaN or infinite")


def test_values_too_large_for_single_precision_are_refused(tmp_path, values):
    data = values.astype("float64")
    data[1, 1, 1] = 1e300
    refused(save(tmp_path / "a.nii", data), "1 of 336 voxels are NaN or infinite")


@pytest.mark.parametrize("value", [0, 7])
def test_a_constant_image_is_refused(tmp_path, value):
    refused(save(tmp_path / "a.nii", np.full((6, 7, 8), value, "int16")), "all voxels have the v")


@pytest.mark.parametrize("size", [1e-5, 0.01, 40.0, 1e6])
def test_absurd_voxel_sizes_are_refused(tmp_path, values, size):
    refused(save(tmp_path / "a.nii", values, np.diag([size, 1, 1, 1])), "voxel size")


def test_zero_voxel_size_is_refused(tmp_path, values):
    path = save(tmp_path / "a.nii", values)
    raw = bytearray(path.read_bytes())
    raw[80:84] = np.float32(0).tobytes()  # pixdim[1]
    path.write_bytes(raw)
    refused(path, "voxel size")


def test_a_singular_affine_is_refused(tmp_path, values):
    affine = np.diag([1.0, 1, 1, 1])
    affine[:3, 2] = [1, 0, 0]  # third axis runs along the first
    image = nib.Nifti1Image(values, None)
    image.header.set_sform(affine, code=1)
    image.header["sform_code"] = 1
    nib.save(nib.Nifti1Image(values, None, image.header), tmp_path / "a.nii")
    refused(tmp_path / "a.nii", "affine is singular")


def test_disagreeing_qform_and_sform_are_said_with_the_one_used(tmp_path):
    path = phantom(tmp_path)
    image = nib.load(path)
    other = image.affine.copy()
    other[0, 3] += 12.5
    image.set_qform(other, code=1)
    nib.save(image, tmp_path / "b.nii.gz")
    scan = read_t1w(tmp_path / "b.nii.gz")
    assert "disagree by up to 12.5 mm" in scan.warnings[0]
    assert "the sform is used" in scan.warnings[0]
    np.testing.assert_array_equal(scan.affine, image.get_sform())
    assert read_t1w(path).warnings == ()


def test_an_image_without_orientation_is_used_with_a_warning(tmp_path):
    shape = (30, 34, 28)
    data = paint(centred_affine(np.eye(3), (5, 6, 6), shape), shape, "int16")
    image = nib.Nifti1Image(data, None)
    image.header.set_zooms((5, 6, 6))
    nib.save(image, tmp_path / "a.nii")
    assert "left and right may be exchanged" in read_t1w(tmp_path / "a.nii").warnings[0]


def test_an_unreadable_file_is_refused(tmp_path, values, monkeypatch):
    path = save(tmp_path / "a.nii", values)

    def denied(*_args, **_kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(nib, "load", denied)
    refused(path, "cannot be read")


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_a_pipe_or_folder_with_the_name_of_a_scan_is_refused_at_once(tmp_path, make):
    make(tmp_path / "a.nii.gz")
    refused(tmp_path / "a.nii.gz", "not a scan")
    with pytest.raises(OSError, match=r"not a file"):
        file_facts(tmp_path / "a.nii.gz")


def test_reading_warns_of_nothing_of_its_own(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_t1w(phantom(tmp_path))


def test_scrambled_files_of_every_format_are_refused(tmp_path, values, rng):
    for name in ("a.nii", "a.nii.gz", "a.mgz"):
        kind = nib.freesurfer.MGHImage if ".mg" in name else nib.Nifti1Image
        whole = bytearray(save(tmp_path / name, values, kind=kind).read_bytes())
        for _ in range(150):
            content = bytearray(whole)
            for place in rng.integers(0, min(len(content), 400), size=6):
                content[place] = rng.integers(256)
            (tmp_path / name).write_bytes(content)
            with contextlib.suppress(InputError):  # any other error is a traceback for the user
                read_t1w(tmp_path / name)


def test_text_in_gzip_under_an_image_name_is_refused(tmp_path):
    for name in ("a.mgz", "a.nii.gz"):
        (tmp_path / name).write_bytes(gzip.compress(b"hello, world"))
        refused(tmp_path / name, "not a readable NIfTI or MGH image")


def test_a_header_that_claims_terabytes_is_refused(tmp_path, values):
    raw = bytearray(save(tmp_path / "a.nii", values).read_bytes())
    raw[42:48] = np.array([30000] * 3, "<i2").tobytes()
    (tmp_path / "a.nii").write_bytes(raw)
    refused(tmp_path / "a.nii", "the header claims")


@pytest.mark.parametrize("value", [1e20, -3e38])
def test_absurd_intensities_are_refused(tmp_path, values, value):
    data = values.astype("float32")
    data[0, 0, 0] = value
    refused(save(tmp_path / "a.nii", data), "intensities up to")
