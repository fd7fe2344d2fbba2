"""Stages on OpenVINO: the fastest measured on a CPU, and it needs no TensorFlow."""

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

# OpenVINO's converter, imported with it, reports to its makers where this package is
# found, and falls back to doing nothing where it is not: lodbrain reports to nobody.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import openvino as ov  # noqa: E402
from openvino import opset13 as ops  # noqa: E402

from ..networks.graph import Graph, Node  # noqa: E402
from .plan import Box, Stage  # noqa: E402

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
    """A stage as an OpenVINO model; see :class:`.execution.CompiledStage`.

    Compiled once per shape of its window.
    """

    def __init__(self, stage: Stage, core: ov.Core, settings: dict[str, Any]) -> None:
        self._stage = stage
        self._core = core
        self._settings = settings
        self._compiled: dict[Any, ov.CompiledModel] = {}
        self._holding: Any = None  # the one that has memory between its layers

    def __call__(
        self,
        inputs: "list[NDArray[np.float32]]",
        moments: "list[NDArray[np.float32]]",
        keep: Box,
    ) -> "tuple[NDArray[np.float32] | None, NDArray[np.float64] | None]":
        """Compute one tile: see :class:`.execution.CompiledStage`."""
        key = (tuple(tensor.shape for tensor in inputs), keep[2].start, keep[2].stop)
        if key != self._holding:
            self.release()
            self._holding = key
        if key not in self._compiled:
            model = _emit(self._stage, list(key[0]), keep[2])
            self._compiled[key] = self._core.compile_model(model, "CPU", self._settings)
        fed = [np.ascontiguousarray(tensor[None]) for tensor in inputs]
        results = self._compiled[key]([*fed, *moments], share_inputs=True, share_outputs=True)
        outputs = list(results.values())
        values = outputs[0][0][(slice(None), *keep)] if self._stage.kept else None
        part = None
        if self._stage.moments is not None:
            means, squares = (np.asarray(o)[0][(slice(None), *keep[:2])] for o in outputs[-2:])
            part = _group_moments(means, squares, self._stage.groups)
        return values, part

    def release(self) -> None:
        """Give back the memory between layers; what was compiled stays."""
        if self._holding in self._compiled:
            self._compiled[self._holding].release_memory()
        self._holding = None


def _group_moments(
    means: "NDArray[np.float32]", squares: "NDArray[np.float32]", groups: int
) -> "NDArray[np.float64]":
    """(2, groups) from the mean and mean square of each row (C, D, H)."""
    mean = means.reshape(groups, -1).mean(axis=1, dtype=np.float64)
    square = squares.reshape(groups, -1).mean(axis=1, dtype=np.float64)
    return np.stack([mean, square - mean**2])


def _emit(stage: Stage, shapes: list[tuple[int, ...]], row: slice) -> ov.Model:
    """OpenVINO model of a stage for windows of given shapes.

    Outputs: the values, where the stage is kept; then mean and mean square of
    the part `row` of each row, where a normalisation follows. Rows are short,
    so their single-precision sums are exact enough to be pooled in float64.
    """
    parameters = []
    tensors: dict[str, Any] = {}
    remaining = iter(shapes)
    for node in stage.graph.nodes.values():
        if node.kind == "image":
            tensors[node.name] = ops.parameter([1, *next(remaining)], np.float32, node.name)
            parameters.append(tensors[node.name])
        elif node.kind == "moments":
            tensors[node.name] = ops.parameter([2, node.groups], np.float32, node.name)
            parameters.append(tensors[node.name])
        else:
            tensors[node.name] = _apply(node, [tensors[n] for n in node.inputs], stage.graph)
    # Images first, as the caller feeds them.
    parameters.sort(key=lambda p: len(p.get_partial_shape()) != 5)
    value = tensors[stage.output]
    outputs = [value] if stage.kept else []
    if stage.moments is not None:
        part = ops.slice(value, [row.start], [row.stop], [1], [4])
        outputs.append(ops.reduce_mean(part, [4], keep_dims=False))
        outputs.append(ops.reduce_mean(ops.multiply(part, part), [4], keep_dims=False))
    return ov.Model(outputs, parameters, stage.output)


def _apply(node: Node, inputs: list[Any], graph: Graph) -> Any:
    if node.kind == "convolve":
        assert node.kernel is not None
        pad = [node.radius] * 3
        kernel = np.ascontiguousarray(node.kernel.transpose(4, 3, 0, 1, 2))
        value = ops.convolution(inputs[0], kernel, [node.factor] * 3, pad, pad, [1, 1, 1])
        return _biased(value, node)
    if node.kind == "convolve_up":
        assert node.kernel is not None
        kernel = np.ascontiguousarray(node.kernel.transpose(4, 3, 0, 1, 2))
        value = ops.convolution_backprop_data(
            inputs[0], kernel, [node.factor] * 3, pads_begin=[0] * 3, pads_end=[0] * 3
        )
        return _biased(value, node)
    if node.kind == "normalise":
        return _normalise(node, inputs[0], inputs[1], graph.channels[node.name])
    if node.kind == "add":
        total = inputs[0]
        for other in inputs[1:]:
            total = ops.add(total, other)
        return total
    if node.kind == "max_pool":
        side, none = [node.factor] * 3, [0, 0, 0]
        return ops.max_pool(inputs[0], side, [1, 1, 1], none, none, side).output(0)
    if node.kind == "upsample":
        return _upsample(inputs[0], node.factor)
    if node.kind == "relu":
        return ops.relu(inputs[0])
    assert node.kind == "softmax"
    return ops.softmax(inputs[0], 1)


def _biased(value: Any, node: Node) -> Any:
    if node.bias is None:
        return value
    return ops.add(value, node.bias.reshape(1, -1, 1, 1, 1))


def _normalise(node: Node, value: Any, moments: Any, channels: int) -> Any:
    """One multiplication and one addition, from given (2, groups) moments."""
    assert node.gamma is not None
    assert node.beta is not None
    scale_of = ops.power(
        ops.add(ops.gather(moments, 1, 0), np.float32(node.epsilon)), np.float32(-0.5)
    )
    groups = np.repeat(np.arange(_groups(moments)), channels // _groups(moments))
    scale = ops.multiply(ops.gather(scale_of, groups, 0), node.gamma)
    shift = ops.subtract(
        node.beta, ops.multiply(ops.gather(ops.gather(moments, 0, 0), groups, 0), scale)
    )
    broad = [1, -1, 1, 1, 1]
    scaled = ops.multiply(value, ops.reshape(scale, broad, special_zero=False))
    return ops.add(scaled, ops.reshape(shift, broad, special_zero=False))


def _groups(moments: Any) -> int:
    return int(moments.get_partial_shape()[1].get_length())


def _upsample(value: Any, factor: int) -> Any:
    """Repeat each voxel `factor` times along each axis."""
    return ops.interpolate(
        value,
        np.full(3, factor, np.float32),
        "nearest",
        "scales",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
        axes=[2, 3, 4],
    )
