"""Interpolation along axes is SciPy's, faster; pooling is NumPy's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from lodbrain_cli.imaging.resample import max_pooled, resample

SCALES = st.floats(0.2, 3.0)
OFFSETS = st.floats(-6, 12)


@given(st.tuples(SCALES, SCALES, SCALES), st.tuples(OFFSETS, OFFSETS, OFFSETS), st.integers(0, 9))
def test_straight_interpolation_is_scipys(scale, offset, seed):
    volume = np.random.default_rng(seed).random((9, 7, 11), dtype=np.float32)
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = np.diag(scale), offset
    shape = (8, 12, 5)
    ours = resample(volume, matrix, shape, -3.0)
    theirs = ndimage.affine_transform(
        volume, np.diag(scale), offset, shape, np.float64, order=1, mode="constant", cval=-3.0
    )
    position = [np.arange(n) * s + o for n, s, o in zip(shape, scale, offset, strict=True)]
    sides = zip(position, volume.shape, strict=True)
    ends = [np.minimum(np.abs(p), np.abs(p - n + 1)) for p, n in sides]
    clear = np.stack(np.meshgrid(*ends, indexing="ij")).min(axis=0) > 1e-5  # not on the very edge
    np.testing.assert_allclose(ours[clear], theirs[clear], atol=2e-6)


@given(st.tuples(SCALES, SCALES, SCALES), st.integers(0, 9))
def test_edges_are_kept_for_half_a_voxel(scale, seed):
    volume = np.random.default_rng(seed).random((6, 5, 4), dtype=np.float32) + 1
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = np.diag(scale), -2.0
    ours = resample(volume, matrix, (20, 20, 20), 0.0, keep_edges=True)
    for axis, (factor, side) in enumerate(zip(scale, volume.shape, strict=True)):
        position = np.arange(20) * factor - 2.0
        filled = (ours > 0).any(axis=tuple(i for i in range(3) if i != axis))
        np.testing.assert_array_equal(filled, (position >= -0.5) & (position <= side - 0.5))


@pytest.mark.parametrize("factor", [1, 2, 4])
def test_pooling_takes_the_largest_of_each_block(rng, factor):
    volume = rng.normal(size=(8, 16, 12)).astype(np.float32)
    blocks = volume.reshape(8 // factor, factor, 16 // factor, factor, 12 // factor, factor)
    np.testing.assert_array_equal(max_pooled(volume, factor), blocks.max((1, 3, 5)))


def test_one_voxel_along_an_axis_is_enough():
    volume = np.full((1, 4, 4), 2.0, np.float32)
    matrix = np.diag([0.5, 0.5, 0.5, 1.0])
    assert resample(volume, matrix, (1, 7, 7), 0.0).min() == 2.0
