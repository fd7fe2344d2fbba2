"""The brain is found on the scan's own grid, grown in millimetres, and doubted where it is none."""

import json

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage

from lodbrain_cli.imaging.rotation import rotated, rotated_back

from ..phantoms import GRIDS, HEAD, phantom, rotation

pytestmark = pytest.mark.usefixtures("no_network")

#: A network that sees the whole head.
WHOLE = ("--preset", "lod-brain")
VOXEL_MM = (1.2, 2.4, 1.8)


@pytest.fixture
def scan(tmp_path):
    oblique = rotation((12, -8, 20)) @ GRIDS["PIR"]
    return phantom(tmp_path, "sub-01_T1w.nii.gz", oblique, VOXEL_MM, (170, 90, 100))


def load(path):
    image = nib.load(path)
    return np.asarray(image.dataobj), image


def test_brain_mask_and_entropy_lie_on_the_scans_own_grid(run, scan, tmp_path):
    brain, mask, doubt = (tmp_path / f"{name}.nii.gz" for name in ("brain", "mask", "doubt"))
    result = run("extract", *WHOLE, scan, "-o", brain, "--mask", mask, "--entropy", doubt)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines() == [str(brain), str(mask), str(doubt)]
    original, source = load(scan)
    inside, image = load(mask)
    np.testing.assert_array_equal(image.affine, source.affine)
    assert inside.dtype == np.uint8
    assert image.header["intent_code"] == 1002
    head = original > HEAD / 2
    assert 2 * (head & (inside > 0)).sum() / (head.sum() + inside.sum()) > 0.97
    np.testing.assert_array_equal(load(brain)[0], original * inside)
    entropy = load(doubt)[0]
    assert entropy.min() >= 0
    assert entropy.max() <= 1
    assert entropy[ndimage.binary_erosion(inside, iterations=4)].max() < 0.01
    record = json.loads((tmp_path / "brain_run.json").read_text())
    assert record["brain_ml"] == pytest.approx(inside.sum() * 5.184 / 1000, rel=1e-3)
    assert set(record["outputs"]) == {"brain", "mask", "entropy"}


def test_a_mask_grows_by_millimetres_whatever_the_voxels(run, scan, tmp_path):
    plain, grown = tmp_path / "plain.nii.gz", tmp_path / "grown.nii.gz"
    run("extract", *WHOLE, scan, "--mask", plain)
    run("extract", *WHOLE, scan, "--mask", grown, "--dilate", "5")
    mask, larger = load(plain)[0] > 0, load(grown)[0] > 0
    away_mm = ndimage.distance_transform_edt(~mask, sampling=VOXEL_MM)
    np.testing.assert_array_equal(larger, away_mm <= 5)


def test_a_threshold_and_all_pieces_are_taken_as_asked(run, scan, tmp_path):
    image, source = load(scan)
    image = image.copy()
    image[2:8, 2:6, 2:6] = HEAD  # a piece apart
    nib.save(nib.Nifti1Image(image, source.affine), scan)
    sizes = {}
    for name, options in {
        "one": (), "all": ("--all-pieces",), "low": ("--threshold", "0.1"),
        "high": ("--threshold", "0.9"),
    }.items():  # fmt: skip
        run("extract", *WHOLE, scan, "--mask", tmp_path / f"{name}.nii.gz", *options)
        sizes[name] = (
            ndimage.label(load(tmp_path / f"{name}.nii.gz")[0])[1],
            int(load(tmp_path / f"{name}.nii.gz")[0].sum()),
        )
    assert sizes["one"][0] == 1
    assert sizes["all"][0] > 1
    assert sizes["high"][1] < sizes["one"][1] < sizes["low"][1]


def test_rotate_and_average_gives_the_same_head_for_a_network_that_does_not_mind(
    run, scan, tmp_path
):
    once, averaged = tmp_path / "once.nii.gz", tmp_path / "averaged.nii.gz"
    run("extract", *WHOLE, scan, "--probability", once)
    assert (
        run("extract", *WHOLE, scan, "--probability", averaged, "--rotate-and-average").exit_code
        == 0
    )
    a, b = load(once)[0], load(averaged)[0]
    assert np.abs(a - b).mean() < 0.01
    assert 0.1 < np.abs(a - b).max() < 0.9  # a border that was interpolated


def test_a_turn_is_undone(rng):
    volume = ndimage.gaussian_filter(rng.normal(size=(40, 44, 36)).astype(np.float32), 4)
    volume[:12] = volume[-12:] = 0
    volume[:, :12] = volume[:, -12:] = 0
    volume[..., :10] = volume[..., -10:] = 0
    turn = (0.4, -0.3, 0.7)
    back = rotated_back(rotated(volume, turn) - volume.min(), turn) + volume.min()
    middle = (slice(16, 24),) * 3
    np.testing.assert_allclose(back[middle], volume[middle], atol=0.2 * volume.std())
    assert np.abs(rotated(volume, turn)[middle] - volume[middle]).max() > volume.std()


def test_what_is_no_brain_gives_an_empty_mask_and_exit_code_4(run, tmp_path):
    image = np.zeros((60, 60, 60), np.int16)
    image[25:35, 25:35, 25:35] = 100
    affine = np.diag([1.0, 1.0, 1.0, 1.0])
    path = tmp_path / "walnut.nii.gz"
    nib.save(nib.Nifti1Image(image, affine), path)
    result = run("extract", *WHOLE, path, "--mask", tmp_path / "mask.nii.gz")
    assert result.exit_code == 4
    assert "no head found" in result.stderr
    assert not load(tmp_path / "mask.nii.gz")[0].any()


def test_a_head_in_which_nothing_is_as_large_as_a_brain_gives_nothing_either(run, scan, tmp_path):
    image, source = load(scan)
    dim = np.where(image == HEAD, HEAD / 5, image).astype(np.int16)  # only the marker is found
    nib.save(nib.Nifti1Image(dim, source.affine), scan)
    result = run("extract", *WHOLE, scan, "--mask", tmp_path / "mask.nii.gz")
    assert result.exit_code == 4
    assert "what looks like one has 4 ml, expected 150 to 2600" in result.stderr
    assert not load(tmp_path / "mask.nii.gz")[0].any()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ((), "nothing to write"),
        (("--mask", "{scan}", "--overwrite"), "is a scan, or named for two results"),
        (("--mask", "a.nii.gz", "-o", "a.nii.gz"), "named for two results"),
        (("--mask", "a.txt"), "expected a name ending in"),
        (("--mask", "a.nii.gz", "--threshold", "1.5"), "1.5"),
        (("--mask", "a.nii.gz", "--preset", "nobody"), "nobody"),
    ],
)
def test_a_request_that_does_not_fit_is_refused_before_any_work(options, reason, run, scan):
    result = run("extract", *WHOLE, scan, *(o.format(scan=scan) for o in options))
    assert result.exit_code == 2
    assert reason in result.stderr + str(result.exception)
