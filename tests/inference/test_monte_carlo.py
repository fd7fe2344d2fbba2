"""With dropout left on, every answer is a sample; without dropout there is nothing to sample."""

from types import SimpleNamespace

import keras
import nibabel as nib
import numpy as np
import pytest
from click.testing import CliRunner

from lodbrain_cli.cli.main import cli
from lodbrain_cli.errors import UsageError
from lodbrain_cli.inference.engines import start_sampling
from lodbrain_cli.inference.keras_monte_carlo import SampledNetwork
from lodbrain_cli.labels import get_label_set
from lodbrain_cli.networks.build import build_network
from lodbrain_cli.networks.checkpoint import save_weights
from lodbrain_cli.networks.model_folder import write_model_file
from lodbrain_cli.presets import CerebrumConfig, LodBrainConfig, Preset, UNetConfig, WeightsFile
from lodbrain_cli.segmentation.extraction import ExtractionOptions, _sampled
from lodbrain_cli.weights.store import sha256_of

from ..phantoms import GRIDS, phantom, rotation

CONFIGS = [
    UNetConfig(filters=2, dropout=0.3),
    CerebrumConfig(filters=2, heads=(3,), dropout=0.3),
    LodBrainConfig(num_levels=1, filters=(2, 4), heads=(4,), dropout=0.3),
]


def image_of(rng, shape=(16, 24, 20)):
    return rng.normal(size=shape).astype("float32")


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: c.architecture)
def test_samples_differ_are_the_same_for_a_seed_and_scatter_about_the_answer(config, rng):
    keras.utils.set_random_seed(0)  # not every network of random weights scatters alike
    model, image = build_network(config), image_of(rng)
    network = SampledNetwork(model, config, seed=3)
    drawn = [network.predict(image).output for _ in range(60)]
    assert drawn[0].shape == (config.num_classes, *image.shape)
    assert np.abs(drawn[0] - drawn[1]).max() > 1e-3
    np.testing.assert_allclose(drawn[0].sum(0), 1, atol=1e-5)
    again = SampledNetwork(model, config, seed=3)
    for first in drawn[:2]:
        np.testing.assert_array_equal(again.predict(image).output, first)
    other = SampledNetwork(model, config, seed=4).predict(image).output
    assert np.abs(other - drawn[0]).max() > 1e-3
    padded = np.pad(image, [(0, -n % config.alignment) for n in image.shape],
                    constant_values=image.flat[0])  # fmt: skip
    sure = np.moveaxis(np.asarray(model(padded[None, ..., None]))[0], -1, 0)[:, :16, :24, :20]
    away = np.abs(np.mean(drawn, 0) - sure).mean()
    assert away < 0.5 * np.abs(drawn[0] - sure).mean()


def test_a_network_without_dropout_cannot_be_sampled(tmp_path):
    network = SimpleNamespace(config=UNetConfig(filters=2), name="x")
    with pytest.raises(UsageError, match="trained without dropout"):
        start_sampling(network, tmp_path / "w.h5", device="cpu", threads=1, seed=0)
    with pytest.raises(UsageError, match="samples must be at least 1"):
        ExtractionOptions(samples=0)


def test_mean_and_variance_are_those_of_the_samples(monkeypatch, rng):
    drawn = rng.random((7, 5, 6, 7)).astype("float32")
    each = iter(drawn)
    monkeypatch.setattr(
        "lodbrain_cli.segmentation.extraction._probability", lambda *_: next(each).copy()
    )
    mean, variance = _sampled(None, drawn[0], ((0, 0, 0),), None, 7)
    np.testing.assert_allclose(mean, drawn.mean(0), atol=1e-6)
    np.testing.assert_allclose(variance, drawn.var(0), atol=1e-6)


@pytest.fixture
def preset(tmp_path, rng):
    config = UNetConfig(filters=2, dropout=0.3)
    model, folder = build_network(config), tmp_path / "run"
    model.set_weights([w + rng.normal(0, 0.05, w.shape) for w in model.get_weights()])
    folder.mkdir()
    path = folder / "network.h5"
    save_weights(model, path)
    file = WeightsFile(path.name, sha256_of(path), path.stat().st_size, (), "lodbrain")
    brain = (get_label_set("brain"),)
    write_model_file(
        Preset("mine", "", config, file, brain, "z_score_volume", "", "", "", pool=4), folder
    )
    return folder


def test_extract_writes_the_variance_on_the_scans_own_grid(preset, tmp_path):
    oblique = rotation((12, -8, 20)) @ GRIDS["PIR"]
    scan = phantom(tmp_path, "sub-01_T1w.nii.gz", oblique, (1.6, 2.4, 2.0), (130, 90, 100))
    maps = [tmp_path / f"{n}.nii.gz" for n in range(3)]
    for path, seed in zip(maps, (0, 0, 1), strict=True):
        arguments = ("extract", scan, "--variance", path, "--preset", preset, "--samples", "4",
                     "--seed", seed, "--device", "cpu")  # fmt: skip
        result = CliRunner().invoke(cli, [str(a) for a in arguments])
        assert result.exit_code in (0, 4), result.stderr  # random weights find a brain or not
    first, same, other = (nib.load(path) for path in maps)
    np.testing.assert_array_equal(first.affine, nib.load(scan).affine)
    values = first.get_fdata()
    assert values.shape == (130, 90, 100)
    assert 0 < values.max() <= 0.25
    np.testing.assert_array_equal(values, same.get_fdata())
    assert (values != other.get_fdata()).any()


def test_variance_and_a_memory_limit_exclude_each_other(preset, tmp_path):
    arguments = ["extract", "x.nii.gz", "--variance", str(tmp_path / "v.nii.gz"), "--memory", "2G"]
    result = CliRunner().invoke(cli, [*arguments, "--preset", str(preset)])
    assert result.exit_code == 2
    assert "--memory cannot bound --variance" in result.stderr
