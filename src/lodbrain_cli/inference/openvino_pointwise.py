"""What OpenVINO computes voxel by voxel."""

from typing import Any

import numpy as np
from openvino import opset13 as ops

from ..networks.graph import Node

__all__ = ["biased", "normalised", "pointwise"]

_BROAD = (1, -1, 1, 1, 1)


def pointwise(node: Node, value: Any) -> Any:
    """Apply a node that reads a voxel and writes a voxel, (1, C, d, h, w)."""
    if node.kind == "relu":
        return ops.relu(value)
    if node.kind == "relu6":
        return ops.clamp(value, 0.0, 6.0)
    if node.kind == "pad_channels":
        before, after = ([0, n, 0, 0, 0] for n in node.padding)
        return ops.pad(value, before, after, "constant", np.float32(0))
    if node.kind == "batch_normalise":
        return _batch_normalised(node, value)
    if node.kind == "sigmoid":
        return ops.concat([ops.sigmoid(ops.negative(value)), ops.sigmoid(value)], 1)
    assert node.kind == "softmax"
    if not node.heads:
        return ops.softmax(value, 1)
    parts = ops.variadic_split(value, 1, list(node.heads)).outputs()
    return ops.concat([ops.softmax(part, 1) for part in parts], 1)


def biased(value: Any, bias: Any) -> Any:
    """Add a bias, where there is one."""
    return value if bias is None else ops.add(value, bias.reshape(_BROAD))


def normalised(node: Node, value: Any, moments: Any, channels: int) -> Any:
    """One multiplication and one addition, from given (2, groups) moments."""
    assert node.gamma is not None
    assert node.beta is not None
    scale_of = ops.power(
        ops.add(ops.gather(moments, 1, 0), np.float32(node.epsilon)), np.float32(-0.5)
    )
    count = int(moments.get_partial_shape()[1].get_length())
    groups = np.repeat(np.arange(count), channels // count)
    scale = ops.multiply(ops.gather(scale_of, groups, 0), node.gamma)
    shift = ops.subtract(
        node.beta, ops.multiply(ops.gather(ops.gather(moments, 0, 0), groups, 0), scale)
    )
    scaled = ops.multiply(value, ops.reshape(scale, _BROAD, special_zero=False))
    return ops.add(scaled, ops.reshape(shift, _BROAD, special_zero=False))


def _batch_normalised(node: Node, value: Any) -> Any:
    """Normalise by the moments that training kept."""
    assert node.gamma is not None
    assert node.beta is not None
    assert node.moving_mean is not None
    assert node.moving_variance is not None
    scale = node.gamma / np.sqrt(node.moving_variance + np.float32(node.epsilon))
    shift = node.beta - node.moving_mean * scale
    return ops.add(ops.multiply(value, scale.reshape(_BROAD)), shift.reshape(_BROAD))
