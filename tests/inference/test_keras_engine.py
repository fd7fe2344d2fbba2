"""The engine computes what the graph says: on each backend, for any slab, on a real head."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECK = Path(__file__).with_name("engine_check.py")
BACKENDS = ["tensorflow", "jax", "torch"]


def check(backend: str, *arguments: str) -> dict:
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"the Keras backend {backend} is not installed")
    done = subprocess.run(
        [sys.executable, CHECK, *arguments],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["backend"] == backend
    return result


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_slabs_of_any_thickness_give_what_the_whole_graph_gives(backend):
    assert check(backend, "TINY")["worst"] < 2e-5


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.weights
@pytest.mark.parametrize("backend", BACKENDS[:2])
def test_a_real_head_agrees_with_the_exact_reference(backend, released_weights, data_dir):
    result = check(backend, str(released_weights), str(data_dir))
    assert result["differing_share"] <= 1e-3
    assert result["logits"] <= 1e-2
    assert result["variance"] <= 1e-4
