"""Mean and standard deviation of a data set, voxel by voxel, of scans of any grid."""

import json
import tracemalloc

import hypothesis
import nibabel as nib
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lodbrain_cli.batch.statistics import RunningMoments, dataset_statistics
from lodbrain_cli.cli.main import cli
from lodbrain_cli.errors import InputError
from lodbrain_cli.imaging.conform import to_conformed
from lodbrain_cli.imaging.nifti import read_t1w

from ..phantoms import GRIDS, phantom, rotation


@pytest.fixture(scope="module")
def awkward(tmp_path_factory):
    """An oblique scan, an anisotropic one with odd sides, and one larger than 256 mm."""
    folder = tmp_path_factory.mktemp("awkward")
    phantom(folder, "oblique.nii.gz", rotation((12.0, -7.0, 20.0)) @ GRIDS["LPS"])
    phantom(folder, "odd name; $(x).nii.gz", GRIDS["PIR"], (1.0, 3.1, 2.3), (191, 71, 83))
    phantom(folder, "large.nii.gz", GRIDS["LIA"], (4.0, 3.0, 3.0), (81, 64, 66), "float32")
    return folder


def conformed(path):
    scan = read_t1w(path)
    return to_conformed(scan.data, scan.affine)[0].astype(np.float64)


def run(*arguments):
    return CliRunner().invoke(cli, ["dataset-stats", *map(str, arguments)])


@pytest.mark.parametrize("raw", [False, True])
def test_volumes_are_those_of_numpy_in_float64(awkward, tmp_path, raw):
    done = run(awkward, "-o", tmp_path / "stats", "-q", *(["--raw"] if raw else []))
    assert done.exit_code == 0, done.stderr
    paths = [tmp_path / "stats" / name for name in ("mean.nii.gz", "std.nii.gz", "stats.json")]
    assert done.stdout.split("\n")[:-1] == [str(path) for path in paths]
    scans = np.stack([conformed(path) for path in sorted(awkward.iterdir())])
    if not raw:
        over = (1, 2, 3)
        scans -= scans.mean(over, keepdims=True)
        scans /= scans.std(over, keepdims=True)
    for path, expected in zip(paths, (scans.mean(0), scans.std(0)), strict=False):
        image = nib.load(path)
        assert nib.aff2axcodes(image.affine) == ("L", "I", "A")
        np.testing.assert_allclose(nib.affines.voxel_sizes(image.affine), 1)
        assert image.get_data_dtype() == np.float32
        scale = np.abs(expected).max()
        np.testing.assert_allclose(np.asarray(image.dataobj), expected, atol=3e-6 * scale)
    facts = json.loads(paths[-1].read_text())
    assert (facts["count"], facts["z_scored"], facts["refused"]) == (3, not raw, [])
    assert [entry["path"] for entry in facts["scans"]] == [
        str(p) for p in sorted(awkward.iterdir())
    ]


@hypothesis.given(
    arrays.arrays(
        np.float32, st.tuples(st.integers(1, 9), *[st.integers(1, 4)] * 3),
        elements=st.floats(-1e6, 1e6, width=32),
    )
)  # fmt: skip
def test_running_moments_equal_numpys_at_once(volumes):
    moments = RunningMoments(volumes.shape[1:])
    for volume in volumes:
        moments.add(volume)
    exact = volumes.astype(np.float64)
    scale = np.abs(exact).max() + 1e-300
    np.testing.assert_allclose(moments.mean, exact.mean(0), atol=1e-12 * scale)
    np.testing.assert_allclose(moments.std(), exact.std(0), atol=1e-7 * scale)


def test_a_small_spread_on_a_large_mean_is_not_lost():
    moments = RunningMoments((2, 2, 2))
    for value in (1e7, 1e7 + 1, 1e7 + 2):
        moments.add(np.full((2, 2, 2), value, np.float32))
    np.testing.assert_allclose(moments.std(), np.sqrt(2 / 3), rtol=1e-12)


def test_memory_does_not_grow_with_the_number_of_volumes():
    shape, peaks = (32, 32, 32), []
    for count in (2, 30):
        tracemalloc.start()
        moments = RunningMoments(shape)
        for value in range(count):
            moments.add(np.full(shape, value, np.float32))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0]


def test_a_refused_scan_is_said_left_out_and_ends_with_code_1(awkward, tmp_path):
    (tmp_path / "scans").mkdir()
    bad = tmp_path / "scans" / "bad.nii.gz"
    bad.write_bytes(b"no image")
    names = sorted(awkward.iterdir())[:2]
    done = run(*names, bad, "-o", tmp_path / "stats", "--json")
    assert done.exit_code == 1
    assert f"error: {bad}: not a readable NIfTI or MGH image" in done.stderr
    assert "2 scans counted, 1 refused" in done.stderr
    assert json.loads(done.stdout)["count"] == 2
    facts = json.loads((tmp_path / "stats" / "stats.json").read_text())
    assert len(facts["refused"]) == 1
    assert str(bad) in facts["refused"][0]


def test_a_scan_that_is_named_twice_counts_once(awkward, tmp_path, caplog):
    one, two, _ = sorted(awkward.iterdir())
    (tmp_path / "link.nii.gz").symlink_to(one)
    listed = tmp_path / "scans.txt"
    listed.write_text(f"{one}\n{two}\n")
    with caplog.at_level("WARNING"):
        made = dataset_statistics([one, two, tmp_path / "link.nii.gz"], tmp_path / "stats")
    assert made.files.count == 2
    assert "counts once" in caplog.text
    assert run("--list", listed, "-o", tmp_path / "again", "-q").exit_code == 0
    same = [(tmp_path / name / "mean.nii.gz").read_bytes() for name in ("stats", "again")]
    assert same[0] == same[1]  # the same scans, the same bytes


def test_fewer_than_two_scans_are_refused_and_nothing_is_written(awkward, tmp_path):
    one = sorted(awkward.iterdir())[0]
    done = run(one, tmp_path / "none.nii.gz", "-o", tmp_path / "stats")
    assert done.exit_code == InputError.exit_code
    assert "at least 2 scans; 1 could be read, 1 were refused" in done.stderr
    assert not (tmp_path / "stats").exists()
    assert run("-o", tmp_path / "stats").exit_code == 2


def test_results_are_replaced_only_where_asked_and_scans_never(awkward, tmp_path):
    (tmp_path / "stats").mkdir()
    (tmp_path / "stats" / "std.nii.gz").write_bytes(b"mine")
    names = sorted(awkward.iterdir())[:2]
    refused = run(*names, "-o", tmp_path / "stats")
    assert refused.exit_code == 2
    assert "std.nii.gz: exists already" in refused.stderr
    assert not (tmp_path / "stats" / "mean.nii.gz").exists()
    assert run(*names, "-o", tmp_path / "stats", "--overwrite").exit_code == 0
    again = run(tmp_path / "stats", "-o", tmp_path / "stats", "--overwrite")
    assert again.exit_code == 2
    assert "is one of the scans" in again.stderr


def test_memory_that_runs_out_is_said_in_one_line(awkward, tmp_path, monkeypatch):
    def exhausted(*_args, **_options):
        raise MemoryError

    monkeypatch.setattr("lodbrain_cli.batch.statistics.to_conformed", exhausted)
    done = run(awkward, "-o", tmp_path / "stats")
    assert done.exit_code == 5
    assert done.stderr.startswith("error: memory ran out")
    assert not (tmp_path / "stats").exists()


def test_a_place_that_cannot_be_used_is_said_in_one_line(awkward, tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    for place in (file, file / "stats", tmp_path / ("n" * 300)):
        done = run(awkward, "-o", place)
        assert done.exit_code == 2, done.stderr
        assert done.stderr.startswith("error: ")
        assert len(done.stderr.splitlines()) == 1
