"""Where test data is, and a clean environment for every test."""

import logging
import os
import signal
from pathlib import Path

import hypothesis
import numpy as np
import pytest

# The same examples on every machine: a run in CI says what a run at home says.
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis.settings.load_profile("repeatable")

# As the library does when it starts Keras itself; tests build networks directly.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# Shells start what runs in their background with Ctrl-C ignored, and programs inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Variables of a cluster's job, in which the tests may themselves run.
_SCHEDULERS = ("SLURM_", "SGE_TASK", "PBS_", "LSB_", "JOB_")

_SHARED = Path(__file__).resolve().parents[2] / "shared"


def _folder(variable: str, default: Path) -> Path:
    folder = Path(os.environ.get(variable, default))
    if not folder.is_dir():
        pytest.skip(f"{variable} names no folder with test data ({folder})")
    return folder


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Real scans and references that others made; see LODBRAIN_TEST_DATA in README."""
    return _folder("LODBRAIN_TEST_DATA", _SHARED / "data")


@pytest.fixture(scope="session")
def released_weights() -> Path:
    """Folder with the LOD-Brain authors' weights_lv0.h5 and weights_lv1.h5."""
    return _folder("LODBRAIN_TEST_WEIGHTS", _SHARED / "weights") / "lod-brain"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory):
    """No setting of the machine or its scheduler reaches a test, and no test the user's cache."""
    for name in [n for n in os.environ if n.startswith("LODBRAIN_") and "_TEST_" not in n]:
        monkeypatch.delenv(name)
    for name in [n for n in os.environ if n.startswith(_SCHEDULERS)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LODBRAIN_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(autouse=True)
def clean_log():
    """What a command did to the library's log is undone: this test or another reads it.

    Before the test too, for fixtures of a whole module run commands.
    """
    logger = logging.getLogger("lodbrain_cli")
    logger.handlers, logger.propagate = [], True
    logger.setLevel(logging.NOTSET)
    yield
    logger.handlers, logger.propagate = [], True
    logger.setLevel(logging.NOTSET)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20261121)
