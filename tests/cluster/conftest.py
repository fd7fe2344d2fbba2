"""A Slurm of one node, stood up for the tests in a folder of its own, and torn down after them."""

import subprocess

import pytest
from click.testing import CliRunner

from lodbrain_cli.cli.main import cli

from .one_node import Slurm, missing_programs


@pytest.fixture(scope="session")
def _running(tmp_path_factory):
    missing = missing_programs()
    if missing:
        pytest.skip(f"no Slurm here ({', '.join(missing)} not found)")
    slurm = Slurm(tmp_path_factory.mktemp("slurm"))
    try:
        slurm.start()
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        slurm.stop()
        pytest.skip(f"Slurm could not be started: {error}")
    yield slurm
    slurm.stop()


@pytest.fixture
def slurm(_running, clean_environment, monkeypatch):
    """A running Slurm, which this test's commands find."""
    for name in ("SLURM_CONF", "PATH"):
        monkeypatch.setenv(name, _running.environment[name])
    return _running


@pytest.fixture
def run():
    """Run a command line in this process; gives exit_code, stdout and stderr."""
    return lambda *arguments: CliRunner().invoke(cli, [str(a) for a in arguments])
