"""Label images of other protocols and other grids."""

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nibabel.affines import from_matvec

from lodbrain_cli.errors import InputError
from lodbrain_cli.imaging.label_image import LabelImage, read_labels, reduce_numbers, to_grid_of
from lodbrain_cli.labels import get_label_map

from ..phantoms import GRIDS, MARKER, MARKER_MM, centred_affine, centroid_mm, paint, rotation

PLAIN = get_label_map("lod-brain-7")


def save(path, data, affine=None):
    nib.save(nib.Nifti1Image(data, np.eye(4) if affine is None else affine), path)
    return path


def head(grid, voxel_mm, shape, turn=(0, 0, 0)):
    """A head as label 3 with its left-only marker as label 6."""
    affine = centred_affine(rotation(turn) @ GRIDS[grid], voxel_mm, shape)
    painted = paint(affine, shape)
    return LabelImage(
        (np.where(painted == MARKER, 6, 3) * (painted > 0)).astype(np.uint8), affine, grid
    )


def test_numbers_of_freesurfer_become_the_seven_classes(tmp_path):
    numbers = np.zeros((5, 6, 7), np.int16)
    numbers[1, 1, :6] = [1001, 2035, 10, 41, 4, 16]
    numbers[2, 2, 2] = 24  # fluid around the brain
    path = save(tmp_path / "aparc+aseg.nii.gz", numbers)
    found = read_labels(path, get_label_map("freesurfer"))
    assert found.labels.dtype == np.uint8
    assert found.labels[1, 1].tolist() == [1, 1, 2, 3, 4, 6, 0]
    assert found.labels[2, 2, 2] == 0
    with pytest.raises(InputError, match=r"6 label numbers are not of the protocol 'lod-brain-7'"):
        read_labels(path, PLAIN)


def test_an_empty_prediction_is_read_as_one(tmp_path):
    path = save(tmp_path / "seg.nii.gz", np.zeros((4, 5, 6), np.uint8))
    assert not read_labels(path, PLAIN).labels.any()


@pytest.mark.parametrize("value", [1.5, -1.0, np.nan, np.inf, 3e9])
def test_images_that_are_no_labels_are_refused(tmp_path, value):
    data = np.ones((4, 5, 6), np.float32)
    data[1, 2, 3] = value
    with pytest.raises(InputError, match="no label numbers, such as"):
        read_labels(save(tmp_path / "x.nii.gz", data), PLAIN)


@given(st.permutations(range(3)), st.tuples(*[st.booleans()] * 3))
def test_the_same_voxels_in_another_order_are_only_reordered(axes, flips):
    reference = head("PIR", (2.0, 2.3, 3.1), (17, 22, 13), (10, -20, 5))
    turned = np.transpose(reference.labels, axes)[
        tuple(slice(None, None, -1 if flip else 1) for flip in flips)
    ]
    step = np.zeros((4, 4))
    step[3, 3] = 1
    for new, (axis, flip) in enumerate(zip(axes, flips, strict=True)):
        step[axis, new] = -1 if flip else 1
        step[axis, 3] = reference.labels.shape[axis] - 1 if flip else 0
    # Rounded as a header rounds it.
    affine = (reference.affine @ step).astype(np.float32).astype(float)
    image = LabelImage(turned, affine, "turned")
    np.testing.assert_array_equal(to_grid_of(image, reference), reference.labels)


def test_another_grid_is_refused_or_resampled_by_the_nearest_voxel():
    reference = head("LPS", (2.0, 2.2, 2.6), (80, 96, 70), (8, 4, -12))
    image = head("RAS", (1.0, 1.0, 1.0), (150, 181, 160))
    with pytest.raises(InputError, match=r"another grid.*mm apart; resample it first"):
        to_grid_of(image, reference)
    found = to_grid_of(image, reference, resampling=True)
    assert found.shape == reference.labels.shape
    assert set(np.unique(found)) == {0, 3, 6}
    assert (found != reference.labels).mean() < 0.02
    np.testing.assert_allclose(centroid_mm(found == 6, reference.affine), MARKER_MM, atol=0.5)


def test_a_shift_of_half_a_voxel_is_another_grid_and_one_of_rounding_is_not():
    reference = head("RAS", (2.0, 2.0, 2.0), (30, 31, 32))
    for shift_mm, same in ((0.1, True), (1.0, False)):
        affine = from_matvec(reference.affine[:3, :3], reference.affine[:3, 3] + [0, shift_mm, 0])
        image = LabelImage(reference.labels, affine, "moved")
        if same:
            np.testing.assert_array_equal(to_grid_of(image, reference), reference.labels)
        else:
            with pytest.raises(InputError, match=r"up to 1\.0 mm apart"):
                to_grid_of(image, reference)


def test_unknown_numbers_are_background_when_reduced():
    assert reduce_numbers(np.array([[[0, 16, 9999]]]), get_label_map("muse")).max() == 0
