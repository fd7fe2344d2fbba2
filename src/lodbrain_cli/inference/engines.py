"""Choose an engine for a device and start it: OpenVINO on a CPU, Keras on a GPU."""

import importlib.util
import logging
import os
from contextlib import nullcontext
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ResourceError, UsageError
from .engine import Engine
from .execution import StagedNetwork
from .memory import GPU_BUDGETS, Footprint

if TYPE_CHECKING:
    from ..presets import TrainedNetwork

__all__ = ["ENGINES", "PRECISIONS", "start_engine", "start_sampling"]

_log = logging.getLogger(__name__)

#: What can be asked for by name.
ENGINES = ("auto", "openvino", "keras")

#: "mixed" computes convolutions in half precision, normalisations in single.
PRECISIONS = ("float32", "mixed")

# Measured: benchmarks/memory.py.
_OPENVINO = Footprint(fixed_bytes=128 * 2**20, tiles=16)
_KERAS_ON_CPU = Footprint(fixed_bytes=512 * 2**20, tiles=40)
_KERAS_ON_GPU = Footprint(fixed_bytes=512 * 2**20, tiles=3)  # on the host

_GPU_DRIVERS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")  # NVIDIA, AMD, WSL


def start_engine(
    network: "TrainedNetwork",
    weights: Path,
    *,
    engine: str,
    device: str,
    threads: int,
    precision: str = "float32",
) -> Engine:
    """Load a network on an engine.

    Parameters
    ----------
    network : TrainedNetwork
    weights : Path
    engine : str
        One of :data:`ENGINES`. "auto" takes Keras where a GPU is to be used,
        else OpenVINO, which starts without TensorFlow.
    device : str
        "auto", "cpu", "gpu" or "gpu:N".
    threads : int
        Upper bound on CPU threads.
    precision : str
        One of :data:`PRECISIONS`; "mixed" on a GPU only.

    Raises
    ------
    UsageError
        Unknown engine, device or precision, or one that does not fit the other.
    ResourceError
        No such GPU, or what the engine needs is not installed.
    WeightsError
        Weights of another network, or damaged.
    """
    if engine not in ENGINES:
        msg = f"unknown engine {engine!r}; expected {', '.join(ENGINES)}"
        raise UsageError(msg)
    if engine == "openvino" and device.startswith("gpu"):
        msg = "the openvino engine computes on the CPU; use --engine keras for a GPU"
        raise UsageError(msg)
    if precision not in PRECISIONS:
        msg = f"unknown precision {precision!r}; expected {', '.join(PRECISIONS)}"
        raise UsageError(msg)
    _check_precision(precision, "cpu" if engine == "openvino" else device)
    started = None
    if engine == "keras" or (engine == "auto" and _wants_keras(device)):
        started = _start_keras(network, weights, device, threads, precision)
        # A driver without a GPU that Keras can use: the CPU has a faster engine.
        if engine != "keras" and started.device == "cpu" and _has_openvino():
            started = None
    started = started or _start_openvino(network, weights, device, threads)
    _check_precision(precision, started.device)
    return started


def start_sampling(
    network: "TrainedNetwork", weights: Path, *, device: str, threads: int, seed: int
) -> Engine:
    """Load a network on Keras with its dropout on, so that each prediction is a sample.

    Parameters
    ----------
    network, weights, device, threads
        As for :func:`start_engine`.
    seed : int
        See :func:`lodbrain_cli.networks.dropout.with_dropout_on`.

    Raises
    ------
    UsageError
        When the network has no dropout.
    ResourceError, WeightsError
        As :func:`start_engine`.
    """
    if not getattr(network.config, "dropout", 0.0):
        msg = (
            f"network {network.name!r} was trained without dropout: its samples would all be the "
            "same; leave the samples, or train with network.dropout above 0"
        )
        raise UsageError(msg)
    from .keras_backend import start_keras

    backend = start_keras(device, threads)
    with backend.scope():
        from .keras_monte_carlo import SampledNetwork

        model = _keras_model(network, weights)
        sampled = SampledNetwork(model, network.config, seed)
    name = f"keras {backend.keras_version} on {backend.name} {backend.version}, dropout on"
    return Engine(name, backend.device, threads, sampled, backend.scope)


def _check_precision(precision: str, device: str) -> None:
    if precision != "float32" and device == "cpu":
        msg = f"precision {precision!r} is for a GPU; the CPU computes in float32"
        raise UsageError(msg)


def _wants_keras(device: str) -> bool:
    if device != "auto":
        return device != "cpu" or not _has_openvino()
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
    driver = any(Path(path).exists() for path in _GPU_DRIVERS)
    if driver and not hidden and importlib.util.find_spec("keras") is None and _has_openvino():
        _log.warning("a GPU is here, but not Keras, which computes on GPUs: computing on the CPU")
        return False
    return (driver and not hidden) or not _has_openvino()


def _has_openvino() -> bool:
    return importlib.util.find_spec("openvino") is not None


def _start_openvino(network: "TrainedNetwork", weights: Path, device: str, threads: int) -> Engine:
    if device not in ("auto", "cpu"):
        msg = f"unknown device {device!r}; expected auto, cpu, gpu or gpu:N"
        raise UsageError(msg)
    from ..networks.frozen import frozen_graph

    graph = frozen_graph(network.name, weights, network.weights.layout, network.graph)
    try:
        from .openvino_engine import openvino_compiler
    except ImportError as error:
        msg = f"OpenVINO cannot be loaded ({error}); install it or use --engine keras"
        raise ResourceError(msg) from error
    # Of a small volume the border's faces would take longer to compile than composing saves.
    compose = network.pool == 1
    staged = StagedNetwork(graph, openvino_compiler(threads), compose=compose, footprint=_OPENVINO)
    name = f"openvino {metadata.version('openvino')}"
    return Engine(name, "cpu", threads, staged, nullcontext)


def _start_keras(
    network: "TrainedNetwork", weights: Path, device: str, threads: int, precision: str
) -> Engine:
    from .keras_backend import start_keras

    backend = start_keras(device, threads)
    with backend.scope():
        from ..networks.keras_graph import read_graph
        from .keras_engine import keras_compiler

        model = _keras_model(network, weights)
        # XLA is slow at a wide kernel over one channel on a CPU (docs/performance.md).
        compose = not (backend.name == "jax" and backend.device == "cpu")
        compile_stage = keras_compiler(mixed=precision == "mixed")
        if backend.device == "cpu":
            sizes: dict[str, Any] = {"footprint": _KERAS_ON_CPU}
        else:
            sizes = {"footprint": _KERAS_ON_GPU, "budgets": GPU_BUDGETS}
        staged = StagedNetwork(read_graph(model), compile_stage, compose=compose, **sizes)
    name = f"keras {backend.keras_version} on {backend.name} {backend.version}"
    on_cpu = partial(_start_on_cpu, network, weights, threads) if backend.device != "cpu" else None
    return Engine(name, backend.device, threads, staged, backend.scope, on_cpu)


def _keras_model(network: "TrainedNetwork", weights: Path) -> Any:
    """Build the network with its weights; inside the backend's scope."""
    from ..networks.build import build_network
    from ..networks.checkpoint import load_weights

    model = build_network(network.config)
    load_weights(model, weights, network.weights.layout)
    return model


def _start_on_cpu(network: "TrainedNetwork", weights: Path, threads: int) -> Engine:
    """Start what goes on where a GPU's memory ran out."""
    if _has_openvino():
        return _start_openvino(network, weights, "cpu", threads)
    return _start_keras(network, weights, "cpu", threads, "float32")
