"""World points keep their world coordinates, on awkward grids, there and back."""

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nibabel.affines import apply_affine, from_matvec

from lodbrain_cli.imaging.conform import SIDE, conformed_grid, to_conformed

from ..phantoms import (
    GRIDS,
    HEAD,
    MARKER,
    MARKER_MM,
    centred_affine,
    centroid_mm,
    paint,
    rotation,
    world_coordinates,
)

CASES = {
    **{name: (d, (1.3, 0.9, 2.1), (110, 200, 80)) for name, d in GRIDS.items()},
    "oblique": (rotation((12, -7, 20)) @ GRIDS["LPS"], (1.1, 1.6, 1.2), (150, 120, 140)),
    "nearly 45 degrees": (rotation((0, 0, 44)), (1.5, 1.5, 1.5), (130, 130, 110)),
    "left-handed oblique": (rotation((5, 9, -14)) @ GRIDS["LAS"], (2, 1, 1.5), (80, 190, 110)),
    "thick slices": (GRIDS["PIR"], (1.0, 1.0, 6.0), (190, 180, 27)),
    "larger than 256": (GRIDS["RAS"], (2.5, 2.7, 2.4), (130, 110, 120)),
}


def sheared(affine: np.ndarray) -> np.ndarray:
    shear = np.eye(3)
    shear[0, 1] = 0.12
    return from_matvec(shear @ affine[:3, :3], shear @ affine[:3, 3])


def grid_of(case: str) -> tuple[np.ndarray, tuple[int, int, int]]:
    directions, voxel_mm, shape = CASES[case]
    return centred_affine(directions, voxel_mm, shape, (3.0, -4.0, 6.0)), shape


@pytest.mark.parametrize("case", CASES)
def test_left_stays_left_through_the_conformed_grid_and_back(case):
    affine, shape = grid_of(case)
    data = paint(affine, shape)
    conformed, grid, _ = to_conformed(data, affine)
    middle = (HEAD + MARKER) / 2
    there = centroid_mm(conformed > middle, grid.affine)
    back = centroid_mm(grid.to_native(conformed) > middle, affine)
    largest_voxel = max(CASES[case][1])
    assert np.linalg.norm(there - MARKER_MM) < 0.5 * largest_voxel
    assert np.linalg.norm(back - MARKER_MM) < 0.5 * largest_voxel
    assert max(there[0], back[0]) < -20


@pytest.mark.parametrize("shear", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_every_world_point_keeps_its_coordinates(case, shear):
    affine, shape = grid_of(case)
    affine = sheared(affine) if shear else affine
    mix = np.array([1.0, 0.7, -0.4])
    # World coordinates are linear, so linear interpolation must give them exactly.
    world = (world_coordinates(affine, shape) @ mix).astype(np.float32)
    conformed, grid, _ = to_conformed(world, affine)
    index = np.argwhere(np.ones((8, 8, 8))) * 32 + 15
    native = apply_affine(np.linalg.inv(affine) @ grid.affine, index)
    inside = ((native >= 0) & (native <= np.array(shape) - 1)).all(axis=1)
    assert inside.sum() > 20
    expected = apply_affine(grid.affine, index) @ mix
    np.testing.assert_allclose(conformed[tuple(index.T)][inside], expected[inside], atol=2e-2)


@pytest.mark.parametrize("case", CASES)
def test_the_conformed_grid_is_256_cubed_1_mm_lia(case):
    affine, shape = grid_of(case)
    conformed, grid, _ = to_conformed(paint(affine, shape), affine)
    assert conformed.shape == (256, 256, 256)
    assert conformed.dtype == np.float32
    linear = grid.affine[:3, :3]
    np.testing.assert_allclose(linear.T @ linear, np.eye(3), atol=1e-9)
    assert np.linalg.det(linear) < 0  # LIA is left-handed
    assert nib.aff2axcodes(grid.affine) == ("L", "I", "A")


def test_a_conformed_scan_passes_unchanged(rng):
    affine = centred_affine(GRIDS["LIA"], (1, 1, 1), (256, 256, 256))
    data = rng.random((256, 256, 256), dtype=np.float32)
    conformed, grid, warnings = to_conformed(data, affine)
    assert np.array_equal(conformed, data)
    assert np.array_equal(grid.to_native(conformed), data)
    np.testing.assert_allclose(grid.affine, affine, atol=1e-9)
    assert warnings == ()


@settings(max_examples=25, deadline=None)
@given(
    axes=st.permutations([0, 1, 2]),
    signs=st.tuples(*[st.sampled_from([-1.0, 1.0])] * 3),
    angles=st.tuples(*[st.floats(-20, 20)] * 3),
    shape=st.tuples(*[st.integers(2, 40)] * 3),
)
def test_one_millimetre_voxels_are_moved_never_interpolated(axes, signs, angles, shape):
    directions = rotation(angles) @ (np.eye(3)[:, axes] * signs)
    affine = centred_affine(directions, (1, 1, 1), shape, (10, -20, 5))
    data = np.random.default_rng(0).random(shape, dtype=np.float32) + 1
    conformed, grid, _ = to_conformed(data, affine)
    assert sorted(conformed[conformed != conformed[0, 0, 0]]) == sorted(
        data[data != conformed[0, 0, 0]]
    )
    np.testing.assert_array_equal(grid.to_native(conformed), data)


@settings(max_examples=40, deadline=None)
@given(
    shape=st.tuples(*[st.integers(1, 300)] * 3),
    voxel_mm=st.tuples(*[st.floats(0.4, 6)] * 3),
    angles=st.tuples(*[st.floats(-180, 180)] * 3),
)
def test_the_field_of_view_is_centred_when_it_fits(shape, voxel_mm, angles):
    affine = centred_affine(rotation(angles), voxel_mm, shape, (1, 2, 3))
    data = np.zeros(shape, np.float32)
    grid = conformed_grid(data, affine)
    middle = apply_affine(np.linalg.inv(grid.affine), [1, 2, 3])
    fits = (np.array(shape) - 1) * np.array(voxel_mm) <= SIDE - 1
    off_centre = np.abs(middle - (SIDE - 1) / 2)
    fits_conformed = fits[list(grid.axes)]
    assert (off_centre[fits_conformed] <= 1.01).all()


def test_a_single_thick_slice_fills_its_own_thickness():
    affine = centred_affine(GRIDS["RAS"], (1, 1, 5), (60, 60, 1))
    data = np.zeros((60, 60, 1), np.float32)
    data[20:40, 20:40] = 7
    conformed, grid, _ = to_conformed(data, affine)
    filled = (conformed == 7).any(axis=(0, 2))
    assert filled.sum() == 5
    np.testing.assert_array_equal(grid.to_native(conformed), data)


def test_a_long_field_of_view_keeps_the_top_of_the_head():
    # 400 mm of head, neck and chest: a centred window would cut the vertex off.
    shape = (80, 100, 200)
    affine = centred_affine(GRIDS["RAS"], (2, 2, 2), shape, (0, 0, -110))
    world = world_coordinates(affine, shape)
    body = (np.abs(world[..., 0]) < 60) & (np.abs(world[..., 1]) < 70) & (world[..., 2] < 0)
    data = np.maximum(paint(affine, shape), body * 60.0).astype(np.float32)
    _, grid, warnings = to_conformed(data, affine)
    top = apply_affine(np.linalg.inv(grid.affine), [0, 0, 76.0])
    assert 0 < top[1] < 60
    assert len(warnings) == 1
    assert "inferior" in warnings[0]
    assert "larger than 256 mm" in warnings[0]


def test_voxels_beyond_the_conformed_grid_get_the_outside_value():
    affine = centred_affine(GRIDS["RAS"], (1, 1, 1), (300, 20, 20))
    conformed, grid, _ = to_conformed(np.ones((300, 20, 20), np.float32), affine)
    back = grid.to_native(conformed, outside=5.0)
    assert (back == 5).sum() == 44 * 400
    assert (back == 1).sum() == 256 * 400


@pytest.mark.parametrize(
    ("low", "high", "expected"), [(0, 9, 0), (-0.5, 3, -0.5), (100, 300, 100), (-1024, 900, 0)]
)
def test_padding_is_zero_or_the_scans_own_background(low, high, expected):
    data = np.full((40, 40, 40), low, np.float32)
    if low == -1024:
        data[:] = 0  # a few negative outliers are no background
        data[0, 0, 0] = low
    data[10:30, 10:30, 10:30] = high
    conformed, _, _ = to_conformed(data, centred_affine(np.eye(3), (1, 1, 1), (40, 40, 40)))
    assert conformed[0, 0, 0] == expected


@pytest.mark.parametrize("case", CASES)
def test_a_box_of_the_scan_is_resampled_as_the_whole_is(case, rng):
    affine, shape = grid_of(case)
    grid = conformed_grid(paint(affine, shape), affine)
    volume = rng.random((256, 256, 256), dtype=np.float32)
    part = (slice(100, 160), slice(90, 170), slice(80, 140))
    box = grid.native_box(part)
    whole = grid.to_native(volume, outside=3.0)
    np.testing.assert_allclose(grid.to_native(volume, 3.0, box), whole[box], atol=1e-4)
    # Every scan voxel that lies in the part is in the box.
    mask = np.zeros((256, 256, 256), np.float32)
    mask[part] = 1
    inside = grid.to_native(mask) == 1
    assert inside.any()
    inside[box] = False
    assert not inside.any()


@pytest.mark.parametrize("case", CASES)
def test_a_coarser_grid_covers_the_same_world(case):
    affine, shape = grid_of(case)
    grid = conformed_grid(paint(affine, shape), affine)
    coarse = grid.coarser(4)
    corners = np.array([[-0.5, -0.5, -0.5], [63.5, 63.5, 63.5]])
    fine = np.array([[-0.5, -0.5, -0.5], [255.5, 255.5, 255.5]])
    np.testing.assert_allclose(
        apply_affine(coarse.affine, corners),
        apply_affine(grid.affine, fine),
        atol=1e-6,
    )
    # A ramp along an axis is the same ramp wherever linear interpolation reaches.
    ramp = np.broadcast_to(np.arange(64, dtype=np.float32)[:, None, None], (64, 64, 64)).copy()
    fine_ramp = np.broadcast_to(
        ((np.arange(256, dtype=np.float32) - 1.5) / 4)[:, None, None], (256, 256, 256)
    ).copy()
    ours, theirs = coarse.to_native(ramp, np.nan), grid.to_native(fine_ramp, np.nan)
    both = np.isfinite(ours) & np.isfinite(theirs)
    assert both.any()
    np.testing.assert_allclose(ours[both], theirs[both], atol=1e-3)


@pytest.mark.parametrize("case", CASES)
def test_onto_itself_nothing_moves(case, rng):
    affine, shape = grid_of(case)
    grid = conformed_grid(paint(affine, shape), affine).onto_itself()
    volume = rng.random((256, 256, 256), dtype=np.float32)
    np.testing.assert_array_equal(grid.to_native(volume), volume)
    part = volume[10:200, 20:90, 30:256]
    whole = grid.to_native(part, 2.0, origin=(10, 20, 30))
    np.testing.assert_array_equal(whole[10:200, 20:90, 30:256], part)
    assert (whole == 2.0).sum() == volume.size - part.size
