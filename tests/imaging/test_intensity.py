import numpy as np

from lodbrain_cli.imaging.intensity import z_score


def test_all_voxels_count_with_the_population_deviation(rng):
    volume = (rng.random((60, 50, 40)) * 900).astype("float32")
    volume[:30] = 0  # padding belongs to the statistics
    expected = (volume.astype("f8") - volume.mean(dtype="f8")) / volume.astype("f8").std(ddof=0)
    got = z_score(volume)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_a_large_volume_does_not_lose_its_mean(rng):
    volume = rng.random((256, 256, 256), dtype=np.float32) + 1000
    got = z_score(volume)
    assert abs(got.mean(dtype="f8")) < 1e-3
    assert abs(got.std(dtype="f8") - 1) < 1e-3


def test_the_result_may_take_the_place_of_the_volume(rng):
    volume = rng.normal(500, 90, size=(20, 24, 28)).astype(np.float32)
    expected = z_score(volume)
    assert volume.mean() > 400, "without a place of its own the volume stays"
    got = z_score(volume, out=volume)
    assert got is volume
    np.testing.assert_array_equal(got, expected)
