"""Stages on Keras, whichever backend it runs on: TensorFlow, JAX or PyTorch."""

import weakref
from functools import partial
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

from ..networks.keras_graph import build_from_graph
from ..networks.normalization import GroupMoments
from .compiled import Compile
from .plan import Stage
from .recent import STAGE_NUMBERS, RecentModels
from .tiling import Box

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["KerasStage", "keras_compiler"]


def keras_compiler(*, mixed: bool = False) -> Compile:
    """Return what makes a stage runnable on Keras; see :data:`.compiled.Compile`.

    Parameters
    ----------
    mixed : bool
        Compute convolutions in half precision.
    """
    return partial(KerasStage, models=RecentModels(), mixed=mixed)


class KerasStage:
    """A stage as a small Keras model; see :class:`.compiled.CompiledStage`.

    One model per kind of window: cutting the exact part out and turning axes
    is done on the device, and only what is wanted comes back.

    Parameters
    ----------
    stage : Stage
    keep_compiled : bool
        Whether models of other windows are kept, as :data:`.compiled.Compile` says.
    models : RecentModels
        Where.
    mixed : bool
        Compute convolutions in half precision.
    """

    def __init__(
        self,
        stage: Stage,
        keep_compiled: bool,  # noqa: FBT001 - as Compile has it
        *,
        models: "RecentModels[keras.Model]",
        mixed: bool = False,
    ) -> None:
        self._stage = stage
        self._keep_compiled = keep_compiled
        self._number = next(STAGE_NUMBERS)
        weakref.finalize(self, models.forget, self._number)
        self._layers = build_from_graph(
            stage.graph, stage.output, "mixed_float16" if mixed else "float32"
        )
        self._models = models
        self._last: Any = None  # the kind of window

    def __call__(
        self,
        inputs: "list[NDArray[np.float32]]",
        moments: "list[NDArray[np.float32]]",
        keep: Box,
        ends: tuple[tuple[bool, bool], ...],  # noqa: ARG002
    ) -> "tuple[NDArray[np.float32] | None, NDArray[np.float64] | None]":
        """Compute one tile: see :class:`.compiled.CompiledStage`.

        Convolutions pad with zeros at every end of the window; what that spoils
        lies outside `keep`.
        """
        shapes = [tensor.shape for tensor in inputs]
        key = (*shapes, *((s.start, s.stop) for s in keep))
        if key != self._last and not self._keep_compiled:
            self._models.forget(self._number)
        self._last = key
        model = self._models.get((self._number, key), partial(self._model, shapes, keep))
        fed = [np.ascontiguousarray(tensor)[None] for tensor in inputs]
        results = model.predict_on_batch([*fed, *(m[None] for m in moments)])
        values = np.asarray(results["values"])[0] if self._stage.kept else None
        part = None
        if self._stage.moments is not None:
            part = np.asarray(results["moments"])[0].astype(np.float64)
        return values, part

    def _model(self, shapes: list[tuple[int, ...]], keep: Box) -> keras.Model:
        """Take channels-first windows; give the exact part likewise, and its moments."""
        windows = [keras.Input(shape) for shape in shapes]
        given = [keras.Input((2, node.shape[-1])) for node in self._layers.inputs[len(shapes) :]]
        last = [ops.transpose(window, (0, 2, 3, 4, 1)) for window in windows]
        values = self._layers([*last, *given])
        exact = ops.cast(values[(slice(None), *keep)], "float32")
        outputs = {}
        if self._stage.kept:
            outputs["values"] = ops.transpose(exact, (0, 4, 1, 2, 3))
        if self._stage.moments is not None:
            outputs["moments"] = GroupMoments(self._stage.groups, dtype="float32")(exact)
        return keras.Model([*windows, *given], outputs)

    def release(self) -> None:
        """Do nothing: Keras' backends keep a pool of memory of their own."""
