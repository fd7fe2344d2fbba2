"""What is shown: the voxels of the scan, cropped, each where it was in the world."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lodbrain_cli.labels import get_label_set
from lodbrain_cli.outputs.display import Overlay, make_display

from ..phantoms import GRIDS, MARKER_MM, centred_affine, centroid_mm, paint, rotation
from .heads import SHAPE, VOXEL_MM, labels_of, phantom_display

AWKWARD = {**GRIDS, "oblique": rotation((14, -9, 18)) @ GRIDS["LPS"]}


@pytest.mark.parametrize("grid", AWKWARD)
def test_axes_point_right_anterior_superior_and_the_marker_stays_left(grid):
    display = phantom_display(AWKWARD[grid])
    assert (np.diag(display.affine[:3, :3]) > 0).all()
    labels = display.overlays[0].labels
    assert np.linalg.norm(centroid_mm(labels == 6, display.affine) - MARKER_MM) < 1.3
    assert np.argwhere(labels == 6)[:, 0].mean() < labels.shape[0] / 2
    tilted = grid == "oblique"
    assert (display.tilt_degrees > 5) == tilted


def test_no_labelled_voxel_is_cropped_and_air_is():
    display = phantom_display()
    counts = np.bincount(display.overlays[0].labels.ravel(), minlength=7)
    whole = labels_of(paint(centred_affine(GRIDS["RAS"], VOXEL_MM, SHAPE), SHAPE))
    np.testing.assert_array_equal(counts[1:], np.bincount(whole.ravel(), minlength=7)[1:])
    assert display.image.size < 0.95 * np.prod(SHAPE)


@given(
    st.tuples(*[st.integers(2, 20)] * 3),
    st.floats(-1e4, 1e4),
    st.sampled_from([0.0, 1e-3, 1.0, 1e5]),
    st.booleans(),
)
def test_any_finite_image_can_be_shown(shape, level, spread, labelled):
    rng = np.random.default_rng(3)
    image = (level + spread * rng.standard_normal(shape)).astype(np.float32)
    labels = np.zeros(shape, np.uint8)
    if labelled:
        labels[0, 0, 0] = 2
    overlay = Overlay("x", labels, get_label_set("lod-brain-7"))
    display = make_display("x", image, np.diag([-1.0, 2, 3, 1]), [overlay])
    assert display.image.shape == display.overlays[0].labels.shape
    assert display.image.dtype == np.uint8
    assert display.intensity[1] > display.intensity[0]
    assert display.window[1] > display.window[0]
    assert (display.overlays[0].labels == 2).any() == labelled
