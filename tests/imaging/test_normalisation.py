"""Intensities as a network expects them, and statistics that are those that were named."""

import json
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest

from lodbrain_cli.errors import InputError
from lodbrain_cli.imaging.intensity import z_score
from lodbrain_cli.imaging.normalisation import (
    STATISTICS_FORMAT,
    Normalisation,
    VoxelStatistics,
    find_statistics,
    read_statistics,
)
from lodbrain_cli.presets import StatisticsFiles, VolumeFile, statistics_to_plain
from lodbrain_cli.weights.store import sha256_of

SIDE = (256, 256, 256)
BOX = (slice(3, 9), slice(1, 5), slice(4, 12))


@pytest.fixture
def volume(rng):
    return rng.normal(300, 40, (12, 10, 14)).astype(np.float32)


@pytest.fixture
def statistics(rng, volume):
    mean = rng.normal(size=volume.shape).astype(np.float32)
    divisor = rng.uniform(0.5, 2, volume.shape).astype(np.float32)
    return VoxelStatistics(mean, divisor, z_scored=True)


def test_without_statistics_it_is_the_z_score(volume):
    normalisation = Normalisation()
    np.testing.assert_array_equal(normalisation(volume), z_score(volume))
    kept = volume.copy()
    assert normalisation(volume, out=volume) is volume
    np.testing.assert_array_equal(volume, z_score(kept))


@pytest.mark.parametrize("z_scored", [True, False])
def test_with_statistics_it_is_their_mean_and_deviation_of_each_voxel(volume, statistics, z_scored):
    normalisation = Normalisation(replace(statistics, z_scored=z_scored))
    before = volume.copy()
    first = z_score(volume) if z_scored else volume
    expected = (first - statistics.mean) / statistics.divisor
    np.testing.assert_array_equal(normalisation(volume), expected)
    np.testing.assert_array_equal(volume, before)
    assert normalisation(volume, out=volume) is volume
    np.testing.assert_array_equal(volume, expected)


@pytest.mark.parametrize("z_scored", [True, False])
def test_a_part_in_two_steps_has_the_intensities_of_the_whole(volume, statistics, z_scored):
    normalisation = Normalisation(replace(statistics, z_scored=z_scored))
    before = volume.copy()
    first = normalisation.first_step(volume, (slice(None),) * 3, BOX)
    part = normalisation.by_voxel(first, BOX, out=first)
    np.testing.assert_array_equal(volume, before)
    np.testing.assert_allclose(part, normalisation(volume)[BOX], atol=1e-5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Statistics as 'dataset-stats' writes them; at two voxels scans are the same."""
    folder = tmp_path_factory.mktemp("stats")
    rng = np.random.default_rng(2)
    std = rng.random(SIDE, dtype=np.float32) + np.float32(0.5)
    std[1, 2, 3], std[4, 5, 6] = 0, 1e-7
    files = []
    for name, values in (("mean", rng.random(SIDE, dtype=np.float32)), ("std", std)):
        path = folder / f"{name}.nii"
        nib.save(nib.Nifti1Image(values, np.eye(4)), path)
        files.append(VolumeFile(path.name, sha256_of(path), path.stat().st_size))
    found = StatisticsFiles(*files, z_scored=True, count=2)
    plain = {"format": STATISTICS_FORMAT, **statistics_to_plain(found)}
    (folder / "stats.json").write_text(json.dumps(plain))
    return folder


def test_what_was_written_is_read_and_nothing_is_divided_by_0_or_by_rounding(folder):
    read = read_statistics(folder, find_statistics(folder))
    assert read.z_scored
    np.testing.assert_array_equal(read.mean, nib.load(folder / "mean.nii").dataobj)
    std = np.asarray(nib.load(folder / "std.nii").dataobj).copy()
    std[1, 2, 3] = 1
    std[4, 5, 6] = 1  # such a spread is rounding, which would be blown up
    np.testing.assert_array_equal(read.divisor, std)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": "other"}, "has format 'other'"),
        ({"mean": {"name": "../../etc/x.nii", "sha256": "0" * 64, "num_bytes": 1}}, "cannot be"),
        ({"mean": {"name": "x.nii\n", "sha256": "0" * 64, "num_bytes": 1}}, "cannot be read"),
        ({"std": {"name": "std.nii", "sha256": "x", "num_bytes": 1}}, "cannot be read"),
        ({"std": None}, "cannot be read"),
        ({"z_scored": "no"}, "cannot be read"),
    ],
)
def test_a_description_that_says_what_cannot_be_is_refused(folder, tmp_path, change, said):
    plain = json.loads((folder / "stats.json").read_text())
    (tmp_path / "stats.json").write_text(json.dumps({**plain, **change}))
    with pytest.raises(InputError, match=said):
        find_statistics(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", '"stats"', "\x00"])
def test_what_is_no_description_is_refused(tmp_path, text):
    (tmp_path / "stats.json").write_text(text)
    with pytest.raises(InputError, match="cannot be read as statistics"):
        find_statistics(tmp_path)


def test_a_folder_without_a_description_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"holds no stats\.json"):
        find_statistics(tmp_path)


def test_another_file_or_none_is_refused(folder, tmp_path):
    files = find_statistics(folder)
    with pytest.raises(InputError, match=r"mean\.nii.*cannot be read \(No such file"):
        read_statistics(tmp_path, files)
    damaged = bytearray((folder / "mean.nii").read_bytes())
    damaged[-1] ^= 1  # as long as before
    (tmp_path / "mean.nii").write_bytes(damaged)
    with pytest.raises(InputError, match=r"mean\.nii: not the volume that belongs here"):
        read_statistics(tmp_path, files)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.zeros((4, 5, 6), np.float32), r"has shape \(4, 5, 6\)"),
        (np.full(SIDE, np.nan, np.float32), "finite voxels"),
        (np.full(SIDE, -1, np.float32), "below 0"),
    ],
    ids=["small", "nan", "negative"],
)
def test_volumes_that_are_no_statistics_are_refused(tmp_path, values, said):
    path = tmp_path / "v.nii"
    nib.save(nib.Nifti1Image(values, np.eye(4)), path)
    volume = VolumeFile(path.name, sha256_of(path), path.stat().st_size)
    with pytest.raises(InputError, match=said):
        read_statistics(tmp_path, StatisticsFiles(volume, volume, z_scored=True, count=2))
