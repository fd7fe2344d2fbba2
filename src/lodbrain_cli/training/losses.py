"""The losses of the LOD-Brain authors (SPEC A.5), on any Keras backend.

Every loss takes targets and predictions of shape (N, X, Y, Z, C) and returns a
scalar. Predictions are probabilities. Targets are one-hot, or the shares of
classes in a coarser voxel: a one-hot target is its own square, so where the
authors' formulas square targets, the shares stand unsquared, and the loss on a
coarse grid equals the loss of the prediction repeated on the fine one.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

import keras
from keras import ops

__all__ = ["LOSSES", "over_heads", "per_channel_dice", "tversky_index"]

Loss = Callable[[Any, Any], Any]

_EPSILON = 1e-6


def per_channel_dice(targets: Any, predictions: Any) -> Any:
    """Dice coefficient of each class over all samples and voxels, background included.

    ``2 Σ pg / (Σ p² + Σ g + 1e-6)``; a class that is neither in the target nor
    predicted gives 0.

    Parameters
    ----------
    targets, predictions : (N, X, Y, Z, C) float32 tensors

    Returns
    -------
    (C,) float32 tensor
    """
    overlap = _total(targets * predictions)
    sizes = _total(ops.square(predictions)) + _total(targets)
    return 2 * overlap / (sizes + _EPSILON)


def per_channel_dice_loss(targets: Any, predictions: Any) -> Any:
    """One minus the mean of :func:`per_channel_dice`: the loss of the released weights."""
    return 1 - ops.mean(per_channel_dice(targets, predictions))


def tversky_index(targets: Any, predictions: Any, *, alpha: float, beta: float) -> Any:
    """Tversky's index over all classes together.

    Parameters
    ----------
    targets, predictions : (N, X, Y, Z, C) float32 tensors
    alpha, beta : float
        Weights of false positives and false negatives.

    Returns
    -------
    () float32 tensor
    """
    hits = ops.sum(_total(targets * predictions))
    false_positives = ops.sum(_total(predictions)) - hits
    false_negatives = ops.sum(_total(targets)) - hits
    return (hits + _EPSILON) / (hits + alpha * false_positives + beta * false_negatives + _EPSILON)


def _tversky_loss(
    targets: Any, predictions: Any, *, alpha: float, beta: float, power: float = 1.0
) -> Any:
    # A perfect prediction's index is 1 but for rounding: a root of what lies below 0 is no number,
    # and at 0 its slope has no end.
    missing = 1 - tversky_index(targets, predictions, alpha=alpha, beta=beta)
    return ops.power(ops.maximum(missing, _EPSILON), power)


def jaccard_loss(targets: Any, predictions: Any) -> Any:
    """One minus intersection over union, all voxels and classes of a sample together."""
    axes = (1, 2, 3, 4)
    overlap = ops.sum(targets * predictions, axis=axes) + _EPSILON
    union = ops.sum(targets, axis=axes) + ops.sum(predictions, axis=axes) - overlap
    return ops.mean(1 - overlap / union)


def cross_entropy(targets: Any, predictions: Any) -> Any:
    """Categorical cross-entropy, mean over voxels, in nats."""
    return ops.mean(keras.losses.categorical_crossentropy(targets, predictions))


def _mixed(targets: Any, predictions: Any, *, dice: int, entropy: int) -> Any:
    return dice / 10 * per_channel_dice_loss(targets, predictions) + entropy / 10 * cross_entropy(
        targets, predictions
    )


def _total(values: Any) -> Any:
    """Sum over samples and voxels per class, one axis after the other: short float32 sums."""
    values = ops.cast(values, "float32")
    for axis in (3, 2, 1, 0):
        values = ops.sum(values, axis=axis)
    return values


def over_heads(loss: Loss, heads: Sequence[int]) -> Loss:
    """Mean of a loss over the heads of a network, each with its own channels.

    A sample whose target is 0 in all channels of a head has no labels for it: nothing is
    learnt of it there, and a head that no sample of the batch has labels for is left out.
    """
    if len(heads) == 1:
        return loss

    def mean(targets: Any, predictions: Any) -> Any:
        total, counted, first = 0.0, 0.0, 0
        for size in heads:
            part = (..., slice(first, first + size))
            known = ops.max(targets[part], axis=(1, 2, 3, 4), keepdims=True)
            known = ops.cast(known > 0, predictions.dtype)
            # Elsewhere both are background, which is right and has no slope.
            nothing = (1 - known) * ops.one_hot(0, size, dtype=predictions.dtype)
            value = loss(targets[part] + nothing, predictions[part] * known + nothing)
            anybody = ops.max(known)
            total, counted = total + anybody * value, counted + anybody
            first += size
        return total / ops.maximum(counted, 1)

    return mean


def foreground_jaccard_loss(targets: Any, predictions: Any) -> Any:
    """:func:`jaccard_loss` without the background: nobrainer's, of one structure (SPEC C.2)."""
    return jaccard_loss(targets[..., 1:], predictions[..., 1:])


#: Losses by the authors' names.
LOSSES: Mapping[str, Loss] = MappingProxyType(
    {
        "per_channel_dice_loss": per_channel_dice_loss,
        "tversky_custom_loss": partial(_tversky_loss, alpha=0.3, beta=0.7),
        "dice_loss": partial(_tversky_loss, alpha=0.5, beta=0.5),
        "tanimoto_loss": partial(_tversky_loss, alpha=1.0, beta=1.0),
        "focal_tversky_loss": partial(_tversky_loss, alpha=0.3, beta=0.7, power=0.75),
        "jaccard_loss": jaccard_loss,
        "foreground_jaccard_loss": foreground_jaccard_loss,
        "categorical_crossentropy": cross_entropy,
        **{
            f"mixed_dice_cce_{a}_{b}": partial(_mixed, dice=a, entropy=b)
            for a, b in ((8, 2), (6, 4), (5, 5), (4, 6), (2, 8))
        },
    }
)
