"""The Keras engine: a network computed stage by stage and slab by slab.

Works on every Keras backend (TensorFlow, JAX, PyTorch). The result does not
depend on the thickness of the slabs beyond float rounding: see
:mod:`lodbrain_cli.inference.plan`.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import keras
import numpy as np

from .moments import MomentsSum
from .plan import Stage, cut_stages, slabs

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["KerasEngine", "Prediction"]

# Bytes of the widest tensor of a slab; a handful of such tensors live at once.
_SLAB_BYTES = 256 * 2**20


@dataclass(frozen=True)
class Prediction:
    """What an engine returns.

    Parameters
    ----------
    output : (C, D, H, W) float32 array
        Values of the requested layer, class by class, on the input's grid.
    moments : mapping of str to (2, groups) float64 array
        Mean and biased variance of every group, per normalisation.
    seconds : mapping of str to float
        Wall time of each stage, named by the layer that it ends with.
    """

    output: "NDArray[np.float32]"
    moments: "Mapping[str, NDArray[np.float64]]"
    seconds: Mapping[str, float] = field(default_factory=dict)


class KerasEngine:
    """Runs one network on volume after volume.

    Parameters
    ----------
    model : keras.Model
        Built with open sides (``shape=(None, None, None)``), weights loaded.
    output : {"probabilities", "logits"}
        Layer whose values are wanted.
    slab_bytes : int
        Bound on the widest tensor of a slab; what a run needs beside the
        stored tensors is a small multiple of it.
    """

    def __init__(
        self,
        model: keras.Model,
        output: str = "probabilities",
        slab_bytes: int = _SLAB_BYTES,
    ) -> None:
        self.model = model
        self.stages = cut_stages(model, output)
        self.slab_bytes = slab_bytes
        self._functions = [_stage_model(model, stage) for stage in self.stages]

    def predict(
        self, image: "NDArray[np.float32]", on_stage: Callable[[int, int], None] | None = None
    ) -> Prediction:
        """Compute the output for one image.

        Parameters
        ----------
        image : (D, H, W) float32 array
            Normalised intensities on the network's grid (conformed, LIA, 1 mm);
            sides are multiples of the config's alignment.
        on_stage : callable, optional
            Called with (stages done, stages) after each stage.

        Returns
        -------
        Prediction
        """
        tensors = {self.stages[0].sources[0].layer: image[None, ..., None]}
        moments: dict[str, NDArray[np.float64]] = {}
        seconds = {}
        output = None
        for number, (stage, function) in enumerate(zip(self.stages, self._functions, strict=True)):
            started = time.perf_counter()
            output = self._run(stage, function, tensors, moments)
            if stage.output_moments is not None:
                tensors[stage.output.layer] = output
            self._forget(tensors, number)
            seconds[stage.output.layer] = time.perf_counter() - started
            if on_stage is not None:
                on_stage(number + 1, len(self.stages))
        assert output is not None  # a model has at least one stage
        return Prediction(np.moveaxis(output[0], -1, 0), moments, seconds)

    def _run(
        self,
        stage: Stage,
        function: keras.Model,
        tensors: "Mapping[str, NDArray[np.float32]]",
        moments: "dict[str, NDArray[np.float64]]",
    ) -> "NDArray[np.float32]":
        image = tensors[self.stages[0].sources[0].layer]
        sides = [side // stage.output.scale for side in image.shape[1:4]]
        channels = function.output.shape[-1]
        result = _class_planar((1, *sides, channels)) if not stage.output_moments else None
        if result is None:
            result = np.empty((1, *sides, channels), np.float32)
        given = [moments[name][None].astype(np.float32) for name in stage.moments]
        total = MomentsSum()
        plane_bytes = 4 * stage.channels * image.shape[2] * image.shape[3]
        thickness = max(1, int(self.slab_bytes / plane_bytes))
        for slab in slabs(image.shape[1], thickness, stage.halo, stage.alignment):
            inputs = [
                tensors[s.layer][:, slab.start // s.scale : slab.stop // s.scale]
                for s in stage.sources
            ]
            values = keras.ops.convert_to_numpy(function.predict_on_batch(inputs + given))
            scale = stage.output.scale
            first = (slab.keep_start - slab.start) // scale
            last = (slab.keep_stop - slab.start) // scale
            exact = values[:, first:last]
            result[:, slab.keep_start // scale : slab.keep_stop // scale] = exact
            if stage.output_moments is not None:
                layer = self.model.get_layer(stage.output_moments)
                total.add(keras.ops.convert_to_numpy(layer(exact))[0], exact[0, ..., 0].size)
        if stage.output_moments is not None:
            moments[stage.output_moments] = total.moments
        return result

    def _forget(self, tensors: "dict[str, NDArray[np.float32]]", number: int) -> None:
        """Drop what no later stage reads: the largest tensor is 2 GiB at 256³."""
        later = {s.layer for stage in self.stages[number + 1 :] for s in stage.sources}
        for name in set(tensors) - later - {self.stages[0].sources[0].layer}:
            del tensors[name]


def _class_planar(shape: tuple[int, ...]) -> "NDArray[np.float32]":
    """(1, D, H, W, C) array whose memory holds one class after the other."""
    return np.moveaxis(np.empty((1, shape[-1], *shape[1:-1]), np.float32), 1, -1)


def _stage_model(model: keras.Model, stage: Stage) -> keras.Model:
    tensors = [model.get_layer(source.layer).output for source in stage.sources]
    tensors += [model.get_layer(name).output for name in stage.moments]
    return keras.Model(tensors, model.get_layer(stage.output.layer).output)
