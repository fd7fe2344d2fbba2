"""Stages on OpenVINO: the fastest measured on a CPU, and it needs no TensorFlow."""

import sys
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

# OpenVINO's converter, imported with it, reports to its makers where this package is
# found, and falls back to doing nothing where it is not: lodbrain reports to nobody.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import openvino as ov  # noqa: E402

from .openvino_graph import emit  # noqa: E402
from .plan import Stage  # noqa: E402
from .reach import needed_of_sources  # noqa: E402
from .recent import STAGE_NUMBERS, RecentModels  # noqa: E402
from .tiling import Box  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["openvino_compiler"]

_Model = tuple[ov.CompiledModel, list[Box]]


def openvino_compiler(threads: int) -> "Callable[[Stage, bool], OpenVinoStage]":
    """Return what makes a stage runnable, on a number of threads; see :class:`.compiled.Compile`.

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
    models: RecentModels[_Model] = RecentModels()
    return lambda stage, keep: OpenVinoStage(stage, core, settings, models, keep_compiled=keep)


class OpenVinoStage:
    """A stage as an OpenVINO model; see :class:`.compiled.CompiledStage`.

    Compiled per kind of window: its shape, its exact part and the ends at
    which it is the volume's.
    """

    def __init__(
        self,
        stage: Stage,
        core: ov.Core,
        settings: dict[str, Any],
        models: "RecentModels[_Model]",
        *,
        keep_compiled: bool,
    ) -> None:
        self._stage = stage
        self._core = core
        self._settings = settings
        self._models = models
        self._keep_compiled = keep_compiled
        self._number = next(STAGE_NUMBERS)
        weakref.finalize(self, models.forget, self._number)
        self._holding: Any = None  # the kind that has memory between its layers
        self._request: ov.InferRequest | None = None
        self._compiled: ov.CompiledModel | None = None  # that the request is of

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
            if not self._keep_compiled:
                self._models.forget(self._number)
        compiled, parts_fed = self._models.get(
            (self._number, key), partial(self._compile, shapes, keep, ends)
        )
        fed = [
            np.ascontiguousarray(tensor[(None, slice(None), *part)])
            for tensor, part in zip(inputs, parts_fed, strict=True)
        ]
        if self._request is None:
            self._holding, self._compiled = key, compiled
            self._request = compiled.create_infer_request()
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
        if self._compiled is not None:
            self._request = None
            self._compiled.release_memory()
            self._compiled = None

    def _compile(
        self, shapes: tuple[tuple[int, ...], ...], keep: Box, ends: tuple[tuple[bool, bool], ...]
    ) -> _Model:
        model = emit(self._stage, shapes, keep, ends)
        compiled = self._core.compile_model(model, "CPU", self._settings)
        return compiled, list(needed_of_sources(self._stage, shapes, keep).values())


def _group_moments(
    means: "NDArray[np.float32]", squares: "NDArray[np.float32]", groups: int
) -> "NDArray[np.float64]":
    """(2, groups) from the mean and mean square of each row (C, D, H)."""
    mean = means.reshape(groups, -1).mean(axis=1, dtype=np.float64)
    square = squares.reshape(groups, -1).mean(axis=1, dtype=np.float64)
    return np.stack([mean, square - mean**2])
