"""Surface distances against brute force and, where installed, other packages."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from nibabel.affines import from_matvec

from lodbrain_cli.evaluation.surface import surface_distances, surface_voxels

from ..phantoms import GRIDS, rotation

MASKS = arrays.arrays(np.bool_, (5, 6, 4))
SIZES_MM = st.tuples(*[st.sampled_from([0.7, 1.0, 1.2, 2.0, 4.8])] * 3)
TURNS = st.tuples(*[st.integers(-60, 60)] * 3)


def brute_force(mask, reference, affine):
    """All distances between all surface voxels' centres, the surfaces found one by one."""
    here, there = (
        np.array([affine[:3, :3] @ v for v in np.argwhere(m) if touches_outside(m, v)])
        for m in (mask, reference)
    )
    between = np.linalg.norm(here[:, None] - there[None], axis=-1)
    return between.min(axis=1), between.min(axis=0)


def touches_outside(mask, voxel):
    for step in (*np.eye(3, dtype=int), *-np.eye(3, dtype=int)):
        place = voxel + step
        if (place < 0).any() or (place >= mask.shape).any() or not mask[tuple(place)]:
            return True
    return False


def blobs(rng, shape=(23, 30, 17)):
    """Two overlapping, ragged blobs of odd sizes."""
    index = np.stack(np.meshgrid(*[np.linspace(-1, 1, n) for n in shape], indexing="ij"))
    rough = rng.normal(0, 0.08, shape)
    ours = np.square(index / 0.8).sum(0) + rough < 1
    theirs = np.square((index - 0.15) / [[[[0.6]]], [[[0.7]]], [[[0.9]]]]).sum(0) < 1
    return ours, theirs


@given(mask=MASKS, reference=MASKS, sizes=SIZES_MM, turns=TURNS)
def test_distances_are_those_of_brute_force_on_oblique_anisotropic_grids(
    mask, reference, sizes, turns
):
    affine = from_matvec(rotation(turns) @ GRIDS["PIR"] @ np.diag(sizes), [5, -7, 11])
    found = surface_distances(mask, reference, affine)
    if not (mask.any() and reference.any()):
        assert np.isnan([found.hd95_mm, found.assd_mm]).all()
        return
    there, back = brute_force(mask, reference, affine)
    np.testing.assert_allclose(found.to_reference_mm, there)
    np.testing.assert_allclose(found.to_mask_mm, back)
    assert found.assd_mm == pytest.approx((there.sum() + back.sum()) / (len(there) + len(back)))
    assert found.hd95_mm == pytest.approx(max(np.percentile(there, 95), np.percentile(back, 95)))


def test_sheared_axes_are_measured_in_the_world(rng):
    mask, reference = blobs(rng, (9, 11, 8))
    shear = np.array([[1.0, 0.4, 0], [0, 1.3, 0.2], [0, 0, 2.1]])
    found = surface_distances(mask, reference, from_matvec(shear, np.zeros(3)))
    there, back = brute_force(mask, reference, from_matvec(shear, np.zeros(3)))
    np.testing.assert_allclose(found.to_reference_mm, there)
    np.testing.assert_allclose(found.to_mask_mm, back)


def test_a_mask_moved_by_three_thick_slices_is_as_far_away():
    mask = np.zeros((12, 13, 20), bool)
    mask[3:6, 3:7, 2:5] = True
    moved = np.roll(mask, 3, axis=2)
    found = surface_distances(mask, moved, np.diag([1.0, 1.1, 4.8, 1]))
    assert found.hd95_mm == pytest.approx(3 * 4.8)
    assert surface_distances(mask, mask, np.eye(4)).hd95_mm == 0
    assert surface_distances(mask, mask, np.eye(4)).assd_mm == 0


def test_hd95_is_the_larger_direction_not_the_pooled_percentile():
    # A far rod is more than 5 % of the prediction's surface, and less of both together.
    reference = np.zeros((40, 40, 140), bool)
    reference[2:20, 2:20, 2:20] = True
    mask = reference.copy()
    mask[30, 30, 25:135] = True
    found = surface_distances(mask, reference, np.eye(4))
    pooled = np.percentile(np.concatenate([found.to_reference_mm, found.to_mask_mm]), 95)
    assert found.hd95_mm == np.percentile(found.to_reference_mm, 95)
    assert found.hd95_mm > 10
    assert pooled == 0


def test_no_surface_lies_inside_and_the_border_of_the_image_is_one():
    mask = np.ones((5, 6, 7), bool)
    surface = surface_voxels(mask)
    assert not surface[1:-1, 1:-1, 1:-1].any()
    assert surface.sum() == mask.size - 3 * 4 * 5


def test_an_empty_mask_has_no_distances():
    empty, full = np.zeros((3, 4, 5), bool), np.ones((3, 4, 5), bool)
    for pair in ((empty, full), (full, empty), (empty, empty)):
        found = surface_distances(*pair, np.eye(4))
        assert np.isnan([found.hd95_mm, found.assd_mm]).all()


@pytest.mark.filterwarnings("ignore")  # of the other package
def test_medpy_measures_the_same_distances(rng):
    binary = pytest.importorskip("medpy.metric.binary")
    mask, reference = blobs(rng)
    sizes = (0.9, 1.2, 3.0)
    found = surface_distances(mask, reference, np.diag([*sizes, 1]))
    there, back = found.to_reference_mm, found.to_mask_mm
    assert binary.asd(mask, reference, sizes) == pytest.approx(there.mean())
    assert binary.asd(reference, mask, sizes) == pytest.approx(back.mean())
    assert binary.hd(mask, reference, sizes) == pytest.approx(max(there.max(), back.max()))
    pooled = np.percentile(np.concatenate([there, back]), 95)
    assert binary.hd95(mask, reference, sizes) == pytest.approx(pooled)
    assert found.hd95_mm >= pooled


@pytest.mark.filterwarnings("ignore")  # of the other package
def test_monai_measures_the_same_hd95_and_assd(rng):
    metrics = pytest.importorskip("monai.metrics")
    torch = pytest.importorskip("torch")
    mask, reference = blobs(rng)
    sizes = (0.9, 1.2, 3.0)
    found = surface_distances(mask, reference, np.diag([*sizes, 1]))
    ours, theirs = (torch.from_numpy(m[None, None].astype("float32")) for m in (mask, reference))
    hd95 = metrics.compute_hausdorff_distance(
        ours, theirs, include_background=True, percentile=95, spacing=sizes
    )
    assd = metrics.compute_average_surface_distance(
        ours, theirs, include_background=True, symmetric=True, spacing=sizes
    )
    assert hd95.item() == pytest.approx(found.hd95_mm)
    assert assd.item() == pytest.approx(found.assd_mm)


@pytest.mark.filterwarnings("ignore")  # of the other package
def test_deepminds_surfels_give_nearly_the_same(rng):
    package = pytest.importorskip("surface_distance")
    mask, reference = blobs(rng, (46, 60, 34))
    sizes = (0.9, 1.2, 1.0)
    found = surface_distances(mask, reference, np.diag([*sizes, 1]))
    theirs = package.compute_surface_distances(mask, reference, sizes)
    # Their surface runs between voxels and is weighted by area.
    assert package.compute_robust_hausdorff(theirs, 95) == pytest.approx(found.hd95_mm, abs=0.7)
