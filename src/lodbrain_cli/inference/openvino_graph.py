"""A stage as an OpenVINO model for one kind of window."""

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import openvino as ov
from openvino import opset13 as ops

from ..networks.graph import Graph, Node
from .openvino_pointwise import biased, normalised, pointwise
from .plan import Stage
from .reach import needed_of_sources
from .tiling import Box

__all__ = ["emit"]

# Fewer output channels than a vector register has numbers leave part of it idle.
_NARROW = 8

Ends = tuple[tuple[bool, bool], ...]


@dataclass(frozen=True)
class _Tensor:
    """A tensor (1, C, d, h, w) and what is missing of its window.

    Parameters
    ----------
    value : OpenVINO output
    cut : 3 pairs of int
        Voxels of its own grid that it lacks at the begin and end of each axis,
        because what they depend on lies outside the window.
    """

    value: Any
    cut: tuple[tuple[int, int], ...] = ((0, 0),) * 3


def emit(stage: Stage, shapes: tuple[tuple[int, ...], ...], keep: Box, ends: Ends) -> ov.Model:
    """OpenVINO model of a stage for windows of given shapes.

    It is fed :func:`.reach.needed_of_sources` of each window.

    Convolutions pad with zeros where the window ends with the volume and
    nowhere else: only what is exact is computed. Outputs: the values of `keep`,
    where the stage is kept; then mean and mean square of each row of it, where a
    normalisation follows. Rows are short, so their single-precision sums are
    exact enough to be pooled in float64.

    Parameters
    ----------
    stage : Stage
    shapes : tuple of (C, d, h, w)
        Of the tensors that it reads.
    keep : Box
        Part of the output that is wanted, in voxels of the output's window.
    ends : 3 pairs of bool
        Whether the window's begin and end are the volume's.
    """
    parameters = []
    tensors: dict[str, _Tensor] = {}
    remaining = iter(shapes)
    needed = needed_of_sources(stage, shapes, keep)
    for node in stage.graph.nodes.values():
        if node.kind == "image":
            width, *sides = next(remaining)
            part = needed[node.name]
            fed = [s.stop - s.start for s in part]
            parameters.append(ops.parameter([1, width, *fed], np.float32, node.name))
            cut = tuple((s.start, n - s.stop) for s, n in zip(part, sides, strict=True))
            tensors[node.name] = _Tensor(parameters[-1], cut)
        elif node.kind == "moments":
            parameters.append(ops.parameter([2, node.groups], np.float32, node.name))
            tensors[node.name] = _Tensor(parameters[-1])
        else:
            inputs = [tensors[name] for name in node.inputs]
            tensors[node.name] = _apply(node, inputs, stage.graph, ends)
    # Images first, as the caller feeds them.
    parameters.sort(key=lambda p: len(p.get_partial_shape()) != 5)
    value = _kept(tensors[stage.output], keep)
    outputs = [value] if stage.kept else []
    if stage.moments is not None:
        outputs.append(ops.reduce_mean(value, [4], keep_dims=False))
        outputs.append(ops.reduce_mean(ops.multiply(value, value), [4], keep_dims=False))
    return ov.Model(outputs, parameters, stage.output)


def _apply(node: Node, inputs: list[_Tensor], graph: Graph, ends: Ends) -> _Tensor:
    first = inputs[0]
    if node.kind == "convolve":
        return _convolve(node, first, ends)
    if node.kind == "convolve_up":
        assert node.kernel is not None
        kernel = np.ascontiguousarray(node.kernel.transpose(4, 3, 0, 1, 2))
        value = ops.convolution_backprop_data(
            first.value, kernel, [node.factor] * 3, pads_begin=[0] * 3, pads_end=[0] * 3
        )
        return _Tensor(biased(value, node.bias), _times(first.cut, node.factor))
    if node.kind == "normalise":
        channels = graph.channels[node.name]
        return _Tensor(normalised(node, first.value, inputs[1].value, channels), first.cut)
    if node.kind in ("add", "concatenate"):
        return _together(inputs, node.kind)
    if node.kind == "upsample":
        return _Tensor(_upsample(first.value, node.factor), _times(first.cut, node.factor))
    if node.kind == "upsample_linear":
        return _upsample_linear(first, ends)
    if node.kind in ("max_pool", "fold"):
        return _by_blocks(node, first)
    return _Tensor(pointwise(node, first.value), first.cut)


def _convolve(node: Node, source: _Tensor, ends: Ends) -> _Tensor:
    assert node.kernel is not None
    pads, lacks, crops = [], [], []
    for cut, is_volumes in zip(source.cut, ends, strict=True):
        for lacking, is_end in zip(cut, is_volumes, strict=True):
            reach = 0 if is_end else node.radius
            missing = -(-(lacking + reach) // node.factor)
            pads.append(node.radius if is_end else 0)
            lacks.append(missing)
            crops.append(missing * node.factor - reach - lacking)
    value = _cropped(source.value, _pairs(crops))
    kernel = np.ascontiguousarray(node.kernel.transpose(4, 3, 0, 1, 2))
    begin, end = pads[0::2], pads[1::2]
    width = _side(value, 4) + begin[2] + end[2] - kernel.shape[-1] + 1
    in_pairs = node.radius and node.factor == 1 and len(kernel) <= _NARROW and width % 2 == 0
    if in_pairs and width > 2:
        return _Tensor(_convolve_pairs(value, kernel, node.bias, begin, end), _pairs(lacks))
    # OpenVINO 2026.4 gets strided convolutions of one channel to a width of one voxel wrong
    # (AVX-512): a second voxel is computed and left out.
    alone = node.factor > 1 and width <= node.factor
    end[2] += node.factor * alone
    value = ops.convolution(value, kernel, [node.factor] * 3, begin, end, [1, 1, 1])
    value = _cropped(value, ((0, 0), (0, 0), (0, int(alone))))
    return _Tensor(biased(value, node.bias), _pairs(lacks))


def _convolve_pairs(value: Any, kernel: Any, bias: Any, begin: list[int], end: list[int]) -> Any:
    """Convolution with few output channels: two neighbours of a row at once fill the registers."""
    filters = len(kernel)
    both = np.zeros((2 * filters, *kernel.shape[1:-1], kernel.shape[-1] + 1), np.float32)
    both[0::2, ..., :-1] = kernel
    both[1::2, ..., 1:] = kernel
    paired = ops.convolution(value, both, [1, 1, 2], begin, end, [1, 1, 1])
    paired = biased(paired, None if bias is None else np.repeat(bias, 2))
    sides = [_side(paired, axis) for axis in (2, 3, 4)]
    split = ops.reshape(paired, [1, filters, 2, *sides], special_zero=False)
    rows = ops.transpose(split, [0, 1, 3, 4, 5, 2])
    return ops.reshape(rows, [1, filters, *sides[:2], 2 * sides[2]], special_zero=False)


def _together(inputs: list[_Tensor], kind: str) -> _Tensor:
    """Sum or concatenation, of what all of them have."""
    cut = tuple(
        (max(t.cut[axis][0] for t in inputs), max(t.cut[axis][1] for t in inputs))
        for axis in range(3)
    )
    parts = []
    for tensor in inputs:
        crops = tuple(
            (c[0] - own[0], c[1] - own[1]) for c, own in zip(cut, tensor.cut, strict=True)
        )
        parts.append(_cropped(tensor.value, crops))
    if kind == "concatenate":
        return _Tensor(ops.concat(parts, 1), cut)
    total = parts[0]
    for part in parts[1:]:
        total = ops.add(total, part)
    return _Tensor(total, cut)


def _by_blocks(node: Node, source: _Tensor) -> _Tensor:
    lacks = [-(-lacking // node.factor) for lacking in itertools.chain(*source.cut)]
    crops = [
        missing * node.factor - lacking
        for missing, lacking in zip(lacks, itertools.chain(*source.cut), strict=True)
    ]
    value = _cropped(source.value, _pairs(crops))
    if node.kind == "fold":
        return _Tensor(ops.space_to_depth(value, "depth_first", node.factor), _pairs(lacks))
    side, none = [node.factor] * 3, [0, 0, 0]
    pooled = ops.max_pool(value, side, [1, 1, 1], none, none, side).output(0)
    return _Tensor(pooled, _pairs(lacks))


def _kept(tensor: _Tensor, keep: Box) -> Any:
    crops = [
        (part.start - cut[0], cut[0] + _side(tensor.value, axis) - part.stop)
        for axis, (part, cut) in enumerate(zip(keep, tensor.cut, strict=True), start=2)
    ]
    return _cropped(tensor.value, tuple(crops))


def _cropped(value: Any, crops: tuple[tuple[int, int], ...]) -> Any:
    axes = [axis for axis, crop in enumerate(crops, start=2) if any(crop)]
    if not axes:
        return value
    begin = [crops[axis - 2][0] for axis in axes]
    stop = [_side(value, axis) - crops[axis - 2][1] for axis in axes]
    return ops.slice(value, begin, stop, [1] * len(axes), axes)


def _side(value: Any, axis: int) -> int:
    output = value if isinstance(value, ov.Output) else value.output(0)
    return int(output.get_partial_shape()[axis].get_length())


def _pairs(numbers: list[int]) -> tuple[tuple[int, int], ...]:
    return tuple(zip(numbers[0::2], numbers[1::2], strict=True))


def _times(cut: tuple[tuple[int, int], ...], factor: int) -> tuple[tuple[int, int], ...]:
    return tuple((begin * factor, end * factor) for begin, end in cut)


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


def _upsample_linear(source: _Tensor, ends: Ends) -> _Tensor:
    """Trilinear to twice the sides, with zeros outside the volume.

    OpenVINO repeats the outermost voxels instead: zeros are put around first, and
    what the repeated ones spoil is cut off.
    """
    rims = [[int(end and not cut) for end, cut in zip(e, c, strict=True)]
            for e, c in zip(ends, source.cut, strict=True)]  # fmt: skip
    begin, stop = ([0, 0, *(rim[side] for rim in rims)] for side in (0, 1))
    value = ops.pad(source.value, begin, stop, "constant", np.float32(0))
    value = ops.interpolate(
        value,
        np.full(3, 2, np.float32),
        "linear_onnx",
        "scales",
        coordinate_transformation_mode="half_pixel",
        axes=[2, 3, 4],
    )
    value = _cropped(value, ((2, 2),) * 3)
    lacks = tuple(
        (2 * (cut[0] + 1 - rim[0]), 2 * (cut[1] + 1 - rim[1]))
        for cut, rim in zip(source.cut, rims, strict=True)
    )
    return _Tensor(value, lacks)
