"""Stages on Keras, whichever backend it runs on: TensorFlow, JAX or PyTorch."""

from typing import TYPE_CHECKING

import keras
import numpy as np

from ..networks.keras_graph import build_from_graph
from ..networks.normalization import GroupMoments
from .plan import Stage
from .tiling import Box

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["KerasStage"]


class KerasStage:
    """A stage as a small Keras model; see :class:`.compiled.CompiledStage`.

    Parameters
    ----------
    stage : Stage
    """

    def __init__(self, stage: Stage) -> None:
        self._model = build_from_graph(stage.graph, stage.output)
        self._moments = GroupMoments(stage.groups) if stage.moments else None
        self._kept = stage.kept

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
        last = [np.moveaxis(tensor, 0, -1)[None] for tensor in inputs]
        values = self._model.predict_on_batch([*last, *(m[None] for m in moments)])
        exact = keras.ops.convert_to_numpy(values)[(slice(None), *keep)]
        part = None
        if self._moments is not None:
            part = keras.ops.convert_to_numpy(self._moments(exact))[0].astype(np.float64)
        return (np.moveaxis(exact[0], -1, 0) if self._kept else None), part

    def release(self) -> None:
        """Do nothing: Keras' backends keep a pool of memory of their own."""
