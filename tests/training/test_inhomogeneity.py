"""CEREBRUM-7T's inhomogeneity volume: what its script makes, in every part."""

import hypothesis
import nibabel as nib
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

from lodbrain_cli.cli.main import cli
from lodbrain_cli.training.inhomogeneity import inhomogeneity_field
from lodbrain_cli.training.intensity_augmentation import INTENSITY

COVARIANCE = np.full((3, 3), 0.3) + np.eye(3) * 1.7


def reference(whole, largest):
    """The volume by SciPy's normal density, in float64, from its description."""
    axes = [np.linspace(0, 1, n) for n in whole]
    places = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    density = multivariate_normal([0.5] * 3, COVARIANCE).pdf(places)
    density -= density.mean()
    return density / np.abs(density).max() * largest


sides = st.integers(4, 40)


@hypothesis.given(st.tuples(sides, sides, sides), st.floats(0.01, 100))
def test_a_field_is_the_density_less_its_mean_and_as_large_as_asked(whole, largest):
    field = inhomogeneity_field(whole, largest)
    assert field.dtype == np.float32
    np.testing.assert_allclose(field, reference(whole, largest), atol=1e-5 * largest)


@hypothesis.given(st.tuples(sides, sides, sides), st.data())
def test_a_part_is_cut_out_of_the_whole(whole, data):
    begin = [data.draw(st.integers(0, n - 1)) for n in whole]
    shape = [data.draw(st.integers(1, n - b)) for n, b in zip(whole, begin, strict=True)]
    part = inhomogeneity_field(whole, 0.5, begin, shape)
    box = tuple(slice(b, b + n) for b, n in zip(begin, shape, strict=True))
    np.testing.assert_allclose(part, inhomogeneity_field(whole, 0.5)[box], atol=1e-6)


@pytest.mark.parametrize("shape", [(20, 31, 17), (16, 16, 16)])
def test_an_image_gets_a_part_of_a_field_of_twice_its_size(shape, rng):
    sample, apply = INTENSITY["inhomogeneity_volume"]
    image = rng.normal(size=shape).astype(np.float32)
    whole = reference([2 * n for n in shape], 0.5)
    begins = []
    for _ in range(100):
        parameters = sample(rng, shape)
        begins.append(parameters["begin"])
    box = tuple(slice(b, b + n) for b, n in zip(parameters["begin"], shape, strict=True))
    np.testing.assert_allclose(apply(image, **parameters) - image, whole[box], atol=1e-5)
    assert np.min(begins) == 0
    assert np.all(np.max(begins, axis=0) <= np.array(shape) - 2)
    assert np.all(np.max(begins, axis=0) > np.array(shape) / 2)


def run(*arguments):
    return CliRunner().invoke(cli, ["inhomogeneity", *map(str, arguments)])


@pytest.mark.parametrize("name", ["a.npy", "a.nii.gz", "a b;$(x).nii", "a.mgz"])
def test_the_command_writes_the_volume_that_the_script_makes(tmp_path, name):
    done = run("-o", tmp_path / name, "--shape", 11, 8, 14)
    assert done.exit_code == 0, done.stderr
    assert done.stdout == f"{tmp_path / name}\n"
    path = tmp_path / name
    found = np.load(path) if name.endswith("npy") else np.asarray(nib.load(path).dataobj)
    np.testing.assert_allclose(found, reference((22, 16, 28), 0.5), atol=1e-5)


def test_a_seed_gives_the_part_that_an_image_would_get(tmp_path):
    paths = [tmp_path / name for name in ("a.npy", "again.npy", "other.npy")]
    for path, seed in zip(paths, (3, 3, 4), strict=True):
        options = ("--shape", 12, 9, 10, "--seed", seed, "--largest", 2)
        assert run("-o", path, *options).exit_code == 0
    one, again, other = (np.load(path) for path in paths)
    sample, apply = INTENSITY["inhomogeneity_volume"]
    parameters = sample(np.random.default_rng(3), (12, 9, 10))
    expected = apply(np.zeros((12, 9, 10), np.float32), **{**parameters, "largest": 2.0})
    np.testing.assert_array_equal(one, expected)
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)


def test_what_exists_or_has_another_name_is_refused(tmp_path):
    (tmp_path / "a.npy").write_bytes(b"mine")
    refused = run("-o", tmp_path / "a.npy", "--shape", 8, 8, 8)
    assert refused.exit_code == 2
    assert "exists already" in refused.stderr
    assert (tmp_path / "a.npy").read_bytes() == b"mine"
    assert run("-o", tmp_path / "a.npy", "--shape", 8, 8, 8, "--overwrite").exit_code == 0
    for arguments in (["a.txt"], ["a.nii", "--shape", 8, 8, 7], ["a.nii", "--largest", 0]):
        refused = run("-o", tmp_path / arguments[0], *arguments[1:])
        assert refused.exit_code == 2, arguments
        assert not (tmp_path / arguments[0]).exists()
