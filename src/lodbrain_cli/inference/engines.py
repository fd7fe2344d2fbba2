"""Choose an engine for a device and start it: OpenVINO on a CPU, Keras on a GPU."""

import importlib.util
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ResourceError, UsageError
from .execution import Prediction, StagedNetwork

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..presets import Preset

__all__ = ["ENGINES", "Engine", "start_engine"]

#: What can be asked for by name.
ENGINES = ("auto", "openvino", "keras")

_GPU_DRIVERS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")  # NVIDIA, AMD, WSL


@dataclass(frozen=True)
class Engine:
    """A network ready to run.

    Parameters
    ----------
    name : str
        "openvino", or "keras" with its backend, each with versions.
    device : str
        "cpu" or "gpu:N".
    threads : int
    network : StagedNetwork
    scope : callable
        Makes the context in which the network must run.
    """

    name: str
    device: str
    threads: int
    network: StagedNetwork
    scope: Callable[[], AbstractContextManager[Any]]

    def predict(self, image: "NDArray[np.float32]", *, only_brain: bool = False) -> Prediction:
        """Compute class probabilities: see :meth:`.execution.StagedNetwork.predict`.

        Raises
        ------
        ResourceError
            When memory runs out.
        """
        try:
            with self.scope():
                return self.network.predict(image, only_brain=only_brain)
        except Exception as error:
            if not _is_out_of_memory(error):
                raise
            msg = f"memory ran out on {self.device}; free some, ask for more, or use --device cpu"
            raise ResourceError(msg) from error


def start_engine(
    preset: "Preset", weights: Path, *, engine: str, device: str, threads: int
) -> Engine:
    """Load a preset's network on an engine.

    Parameters
    ----------
    preset : Preset
    weights : Path
    engine : str
        One of :data:`ENGINES`. "auto" takes Keras where a GPU is to be used,
        else OpenVINO, which starts without TensorFlow.
    device : str
        "auto", "cpu", "gpu" or "gpu:N".
    threads : int
        Upper bound on CPU threads.

    Raises
    ------
    UsageError
        Unknown engine or device, or OpenVINO asked for on a GPU.
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
    if engine == "keras" or (engine == "auto" and _wants_keras(device)):
        started = _start_keras(preset, weights, device, threads)
        # A driver without a GPU that Keras can use: the CPU has a faster engine.
        if engine == "keras" or started.device != "cpu" or not _has_openvino():
            return started
    return _start_openvino(preset, weights, device, threads)


def _wants_keras(device: str) -> bool:
    if device != "auto":
        return device != "cpu" or not _has_openvino()
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
    driver = any(Path(path).exists() for path in _GPU_DRIVERS)
    return (driver and not hidden) or not _has_openvino()


def _has_openvino() -> bool:
    return importlib.util.find_spec("openvino") is not None


def _start_openvino(preset: "Preset", weights: Path, device: str, threads: int) -> Engine:
    if device not in ("auto", "cpu"):
        msg = f"unknown device {device!r}; expected auto, cpu, gpu or gpu:N"
        raise UsageError(msg)
    from ..networks.frozen import frozen_graph

    graph = frozen_graph(preset.name, weights, preset.weights.layout)
    try:
        from .openvino_engine import openvino_compiler
    except ImportError as error:
        msg = f"OpenVINO cannot be loaded ({error}); install it or use --engine keras"
        raise ResourceError(msg) from error
    network = StagedNetwork(graph, openvino_compiler(threads))
    name = f"openvino {metadata.version('openvino')}"
    return Engine(name, "cpu", threads, network, nullcontext)


def _start_keras(preset: "Preset", weights: Path, device: str, threads: int) -> Engine:
    from .keras_backend import start_keras

    backend = start_keras(device, threads)
    with backend.scope():
        from ..networks.checkpoint import load_weights
        from ..networks.keras_graph import read_graph
        from ..networks.lod_brain import build_lod_brain
        from .keras_engine import KerasStage

        model = build_lod_brain(preset.network)
        load_weights(model, weights, preset.weights.layout)
        # XLA is slow at a wide kernel over one channel on a CPU (docs/performance.md).
        compose = not (backend.name == "jax" and backend.device == "cpu")
        network = StagedNetwork(read_graph(model), KerasStage, compose=compose)
    name = f"keras {backend.keras_version} on {backend.name} {backend.version}"
    return Engine(name, backend.device, threads, network, backend.scope)


def _is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory ran out, on any engine."""
    text = str(error)
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ in ("ResourceExhaustedError", "OutOfMemoryError")
        or "RESOURCE_EXHAUSTED" in text
        or "can't allocate memory" in text  # PyTorch on a CPU
        or "failed to allocate" in text.lower()
        or "out of memory" in text.lower()
    )
