"""Stages on OpenVINO: the fastest measured on a CPU, and it needs no TensorFlow."""

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

# OpenVINO's converter, imported with it, reports to its makers where this package is
# found, and falls back to doing nothing where it is not: lodbrain reports to nobody.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import openvino as ov  # noqa: E402

from .openvino_graph import emit  # noqa: E402
from .plan import Stage  # noqa: E402
from .reach import needed_of_sources  # noqa: E402
from .tiling import Box  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["openvino_compiler"]


def openvino_compiler(threads: int) -> "Callable[[Stage], OpenVinoStage]":
    """Return what makes a stage runnable, on a number of threads.

    Single precision is asked for by name: on processors that advertise AMX
    OpenVINO would compute in bfloat16, which changes labels and has ended in
    an illegal instruction on virtual machines (SPEC A.10).
    """
    core = ov.Core()
    settings = {
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
    }
    return lambda stage: OpenVinoStage(stage, core, settings)


class OpenVinoStage:
    """A stage as an OpenVINO model; see :class:`.compiled.CompiledStage`.

    Compiled once per kind of window: its shape, its exact part and the ends at
    which it is the volume's.
    """

    def __init__(self, stage: Stage, core: ov.Core, settings: dict[str, Any]) -> None:
        self._stage = stage
        self._core = core
        self._settings = settings
        self._compiled: dict[Any, tuple[ov.CompiledModel, list[Box]]] = {}
        self._holding: Any = None  # the one that has memory between its layers
        self._request: ov.InferRequest | None = None

    def __call__(
        self,
        inputs: "list[NDArray[np.float32]]",
        moments: "list[NDArray[np.float32]]",
        keep: Box,
        ends: tuple[tuple[bool, bool], ...],
    ) -> "tuple[NDArray[np.float32] | None, NDArray[np.float64] | None]":
        """Compute one tile: see :class:`.compiled.CompiledStage`."""
        shapes = tuple(tensor.shape for tensor in inputs)
        key = (shapes, tuple((s.start, s.stop) for s in keep), ends)
        if key != self._holding:
            self.release()
        if key not in self._compiled:
            model = emit(self._stage, shapes, keep, ends)
            compiled = self._core.compile_model(model, "CPU", self._settings)
            parts = needed_of_sources(self._stage, shapes, keep)
            self._compiled[key] = compiled, list(parts.values())
        compiled, parts_fed = self._compiled[key]
        fed = [
            np.ascontiguousarray(tensor[(None, slice(None), *part)])
            for tensor, part in zip(inputs, parts_fed, strict=True)
        ]
        if self._request is None:
            self._holding, self._request = key, compiled.create_infer_request()
        results = self._request.infer([*fed, *moments], share_inputs=True, share_outputs=True)
        outputs = list(results.values())
        values = outputs[0][0] if self._stage.kept else None
        part = None
        if self._stage.moments is not None:
            means, squares = (np.asarray(o)[0] for o in outputs[-2:])
            part = _group_moments(means, squares, self._stage.groups)
        return values, part

    def release(self) -> None:
        """Give back the memory between layers and of results; what was compiled stays."""
        if self._request is not None:
            self._request = None
            self._compiled[self._holding][0].release_memory()


def _group_moments(
    means: "NDArray[np.float32]", squares: "NDArray[np.float32]", groups: int
) -> "NDArray[np.float64]":
    """(2, groups) from the mean and mean square of each row (C, D, H)."""
    mean = means.reshape(groups, -1).mean(axis=1, dtype=np.float64)
    square = squares.reshape(groups, -1).mean(axis=1, dtype=np.float64)
    return np.stack([mean, square - mean**2])
