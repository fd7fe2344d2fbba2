"""Surfaces are closed, lie where the voxels lie and enclose their volume, on awkward grids too."""

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lodbrain_cli.errors import InputError
from lodbrain_cli.meshes.surface import surface_of

from ..phantoms import GRIDS, centred_affine, rotation


def ball(radius_mm, affine, shape):
    """Voxels within a distance of the world's origin."""
    index = np.moveaxis(np.indices(shape), 0, -1)
    return np.linalg.norm(nib.affines.apply_affine(affine, index), axis=-1) < radius_mm


def voxels_mm3(mask, affine):
    return mask.sum() * abs(np.linalg.det(affine[:3, :3]))


@pytest.mark.parametrize("grid", GRIDS)
def test_a_ball_is_a_ball_on_every_grid_also_where_the_affine_mirrors(grid):
    shape = (64, 56, 72)
    directions = rotation((10, -5, 20)) @ GRIDS[grid]
    affine = centred_affine(directions, (0.8, 1.0, 0.7), shape)
    mask = ball(20, affine, shape)
    surface = surface_of(mask, affine)
    assert surface.is_closed
    assert surface.volume_mm3 == pytest.approx(voxels_mm3(mask, affine), rel=0.005)
    assert surface.volume_mm3 == pytest.approx(4 / 3 * np.pi * 20**3, rel=0.02)
    assert surface.area_mm2 == pytest.approx(4 * np.pi * 20**2, rel=0.03)
    assert np.linalg.norm(surface.vertices_mm, axis=1) == pytest.approx(20, abs=0.6)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([0, 15]))
def test_any_structure_has_a_closed_surface_of_its_volume(seed, smoothing):
    rng = np.random.default_rng(seed)
    from scipy import ndimage

    field = ndimage.gaussian_filter(rng.normal(size=(26, 22, 24)), 1.6)
    mask = field > np.quantile(field, 0.6)  # thin, branched, full of holes, cut by the border
    surface = surface_of(mask, np.diag([-1.0, 1.2, 2.0, 1.0]), smoothing=smoothing)
    assert surface.is_closed
    assert surface.volume_mm3 == pytest.approx(mask.sum() * 2.4, rel=0.03)


def test_voxels_that_meet_at_an_edge_make_no_surface_that_meets_itself():
    mask = np.zeros((8, 8, 8), bool)
    mask[2:4, 2:4, 2:6] = mask[4:6, 4:6, 2:6] = True
    assert surface_of(mask, np.eye(4)).is_closed


def test_smoothing_takes_the_steps_and_leaves_the_folds():
    x, y, _ = np.indices((60, 60, 20)) - 30.0
    folds = np.hypot(x, y) < 18 + 4 * np.cos(10 * np.arctan2(y, x))  # gyri of 4 mm
    folds[..., :4] = folds[..., -4:] = False
    rough, smooth = (surface_of(folds, np.eye(4), smoothing=n) for n in (0, 15))
    reach = [
        np.hypot(*s.vertices_mm[np.abs(s.vertices_mm[:, 2] - 10) < 3, :2].T - 30)
        for s in (rough, smooth)
    ]
    assert np.ptp(reach[1]) == pytest.approx(np.ptp(reach[0]), abs=1.0)
    assert smooth.area_mm2 < 0.97 * rough.area_mm2


def test_fewer_triangles_have_the_same_volume():
    affine = centred_affine(np.eye(3), (1.0, 1.0, 1.0), (50, 50, 50))
    mask = ball(18, affine, (50, 50, 50))
    surface = surface_of(mask, affine, most_faces=2000)
    assert len(surface.faces) <= 2000
    assert surface.is_closed
    assert surface.volume_mm3 == pytest.approx(mask.sum(), rel=0.01)


def test_a_single_voxel_has_a_surface_and_nothing_has_none():
    mask = np.zeros((5, 5, 5), bool)
    with pytest.raises(InputError, match="no voxel"):
        surface_of(mask, np.eye(4))
    mask[2, 2, 2] = True
    surface = surface_of(mask, np.eye(4))
    assert surface.is_closed
    np.testing.assert_allclose(surface.vertices_mm.mean(axis=0), 2, atol=0.05)
