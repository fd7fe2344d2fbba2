"""The command line with the network replaced by thresholds: fast, and left is left."""

from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner

from lodbrain_cli.cli.main import cli
from lodbrain_cli.imaging.probability_maps import ProbabilityMaps
from lodbrain_cli.inference import engines
from lodbrain_cli.inference.prediction import Prediction

from ..phantoms import HEAD, MARKER


def threshold_probabilities(image: np.ndarray) -> np.ndarray:
    """Head of a phantom → white matter, its left-only marker → brainstem."""
    low, high = image.min(), image.max()
    head = image > low + (high - low) * HEAD / MARKER / 2
    marker = image > low + (high - low) * (HEAD + MARKER) / 2 / MARKER
    probabilities = np.zeros((7, *image.shape), np.float32)
    probabilities[6] = marker
    probabilities[3] = head & ~marker
    probabilities[0] = ~head
    return probabilities


def tiny_maps(image: np.ndarray) -> ProbabilityMaps:
    """A cube of brainstem in the middle, whatever the image: no time for many scans."""
    maps = ProbabilityMaps.background(
        7, [slice(n // 2 - 8, n // 2 + 8) for n in image.shape], image.shape
    )
    maps.values[:, 2:-2, 2:-2, 2:-2] = np.arange(7)[:, None, None, None] == 6
    return maps


def replace_network(monkeypatch, predict) -> None:
    """Let a function make the class probabilities of an image, in place of an engine."""
    real = engines.start_engine
    # A head of one tissue is no brain, and the verdict says so: not what is asked of it here.
    monkeypatch.setenv("LODBRAIN_QUALITY", "0")

    def start(network, weights, *, device, threads, **others):
        if device not in ("auto", "cpu") or others["precision"] != "float32":
            return real(network, weights, device=device, threads=threads, **others)
        return SimpleNamespace(
            predict=lambda image, **_: Prediction(predict(image), seconds={"all": 0.0}),
            name="none",
            device="cpu",
            threads=threads,
        )

    monkeypatch.setattr("lodbrain_cli.segmentation.loading.start_engine", start)
    monkeypatch.setattr(
        "lodbrain_cli.segmentation.loading.obtain",
        lambda *_args, file, **_kwargs: SimpleNamespace(
            path=SimpleNamespace(name="w.h5"), sha256=file.sha256, origin="cache", released=True
        ),
    )


@pytest.fixture
def no_network(monkeypatch):
    """Replace loading and inference by thresholds; everything else of the pipeline is real."""
    replace_network(
        monkeypatch, lambda image: ProbabilityMaps.whole(threshold_probabilities(image))
    )


@pytest.fixture
def quick_network(monkeypatch):
    """The same with one small structure: it is the files that count."""
    replace_network(monkeypatch, tiny_maps)


@pytest.fixture
def run():
    """Run a command line in this process; gives exit_code, stdout and stderr."""

    def invoke(*arguments):
        return CliRunner().invoke(cli, [str(a) for a in arguments])

    return invoke
