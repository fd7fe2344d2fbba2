"""Engines compute what the graph says: each of them, for any tile, on a real head."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lodbrain_cli.errors import ResourceError, UsageError
from lodbrain_cli.inference.engines import start_engine
from lodbrain_cli.networks.frozen import frozen_graph
from lodbrain_cli.networks.keras_graph import read_graph
from lodbrain_cli.networks.lod_brain import build_lod_brain
from lodbrain_cli.presets import ARCHITECTURES, LEVELS, PRESETS, get_preset

FINE = get_preset("lod-brain").level("fine")
NETWORKS = [
    preset.level(name)
    for preset in PRESETS.values()
    for name in (LEVELS if preset.coarse_weights else LEVELS[:1])
]
CHECK = Path(__file__).with_name("engine_check.py")
#: Engine, and the Keras backend that builds the graph and, for "keras", runs it.
ENGINES = [
    ("openvino", "tensorflow"),
    ("keras", "tensorflow"),
    ("keras", "jax"),
    ("keras", "torch"),
]


def check(engine: str, backend: str, *arguments: str) -> dict:
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"the Keras backend {backend} is not installed")
    done = subprocess.run(
        [sys.executable, CHECK, engine, *arguments],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.parametrize(("engine", "backend"), ENGINES)
def test_tiles_of_any_thickness_composed_or_not_give_the_whole_graph(engine, backend):
    result = check(engine, backend, "TINY")
    assert result["backend"] == backend
    assert result["worst"].keys() == ARCHITECTURES.keys()
    assert max(result["worst"].values()) < 2e-5


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.weights
@pytest.mark.parametrize(("engine", "backend"), ENGINES[:3])
def test_a_real_head_agrees_with_the_exact_reference(engine, backend, released_weights, data_dir):
    result = check(engine, backend, str(released_weights), str(data_dir))
    assert result["differing_share"] <= 1e-3
    assert result["logits"] <= 1e-2
    assert result["variance"] <= 1e-4
    assert result["keras"] == (engine == "keras"), "OpenVINO needs no Keras"


@pytest.mark.parametrize("network", NETWORKS, ids=lambda n: n.name)
def test_the_frozen_graph_is_what_keras_builds(network):
    sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
    from freeze_graphs import FOLDER, frozen_text

    assert (FOLDER / f"{network.name}.json").read_text() == frozen_text(network.config)


@pytest.mark.weights
def test_frozen_and_built_graphs_hold_the_same_weights(released_weights):
    from lodbrain_cli.networks.checkpoint import load_weights

    preset = get_preset("lod-brain")
    path = released_weights / "weights_lv1.h5"
    model = build_lod_brain(preset.network)
    load_weights(model, path, preset.weights.layout)
    built = read_graph(model)
    frozen = frozen_graph(preset.name, path, preset.weights.layout)
    assert built.tensor_shapes() == frozen.tensor_shapes()
    for name, node in built.nodes.items():
        for weight in ("kernel", "bias", "gamma", "beta"):
            ours, theirs = getattr(frozen.nodes[name], weight), getattr(node, weight)
            assert (ours is None and theirs is None) or (ours == theirs).all()


@pytest.mark.weights
@pytest.mark.parametrize(
    ("engine", "device", "error", "message"),
    [
        ("openvino", "gpu", UsageError, "use --engine keras for a GPU"),
        ("auto", "tpu", UsageError, "unknown device 'tpu'"),
        ("openvino", "tpu", UsageError, "unknown device 'tpu'"),
        ("cuda", "cpu", UsageError, "unknown engine 'cuda'"),
        ("keras", "gpu:9", ResourceError, "GPUs; install its GPU build or use --device cpu"),
    ],
)
def test_engines_and_devices_that_do_not_fit_are_refused(
    released_weights, engine, device, error, message
):
    path = released_weights / "weights_lv1.h5"
    with pytest.raises(error, match=message):
        start_engine(FINE, path, engine=engine, device=device, threads=1)


def test_openvino_reports_to_nobody(tmp_path):
    # Its telemetry would leave an identifier in the home folder and call out.
    code = (
        "import lodbrain_cli.inference.openvino_engine, sys;"
        "from openvino.tools.ovc import telemetry_utils;"
        "assert telemetry_utils.tm.__name__.endswith('telemetry_stub')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_where_a_gpu_is_but_no_keras_the_cpu_computes_and_it_is_said(monkeypatch, tmp_path, caplog):
    driver, known = tmp_path / "nvidiactl", importlib.util.find_spec
    driver.touch()
    weights = PRESETS["lod-brain-synth"].level("coarse").weights.name
    path = Path(__file__).resolve().parents[2] / "weights/lod-brain-synth" / weights
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr("lodbrain_cli.inference.engines._GPU_DRIVERS", (str(driver),))
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "keras" else known(name)
    )
    network = PRESETS["lod-brain-synth"].level("coarse")
    started = start_engine(network, path, engine="auto", device="auto", threads=1)
    assert started.device == "cpu"
    assert started.name.startswith("openvino")
    assert "computing on the CPU" in caplog.text
