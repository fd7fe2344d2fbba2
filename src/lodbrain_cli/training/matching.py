"""Let new classes begin as what a trained network calls their voxels.

A layer that gives classes and begins at random has to learn again what the network knows; with
Adam's small steps and a few volumes that takes longer than most trainings last. Here each new
class begins as the source's class that its voxels have most of, and where several share one, each
with an equal part of the probability: before the first step the network divides its old answer.
"""

import logging
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .state import Tensors

__all__ = ["match_classes"]

_LOG = logging.getLogger(__name__)


def match_classes(
    model: keras.Model,
    source: "Tensors",
    heads: Sequence[int],
    batches: Iterable[tuple[Any, Any]],
) -> bool:
    """Set the layer that gives the classes.

    Parameters
    ----------
    model : keras.Model
        All other layers are copied already.
    source : dict of str to array
        Tensors of the network that they come from, of one head, by ``<layer>/<variable>``.
    heads : sequence of int
        Classes of each head of the model; each head divides the source's answer anew.
    batches : iterable of (image, target)
        (B, X, Y, Z, 1) float32 and (B, X, Y, Z, C) float32 tensors.

    Returns
    -------
    bool
        False where the source has no layer of this kind (one voxel wide, of the same
        features): then nothing was set.
    """
    last = [layer for layer in model.layers if layer.weights][-1]
    kernel, bias = (source.get(f"{last.name}/{name}") for name in ("kernel", "bias"))
    shape = tuple(last.kernel.shape) if hasattr(last, "kernel") else ()
    if kernel is None or bias is None or kernel.shape[:-1] != shape[:-1] or set(shape[:3]) != {1}:
        _LOG.warning("the classes begin anew: the source has no such layer %s", last.name)
        return False
    features = keras.Model(model.input, last.input)
    overlap = np.zeros((shape[-1], kernel.shape[-1]))
    for image, target in batches:
        logits = ops.matmul(features(image, training=False), kernel[0, 0, 0]) + bias
        found = ops.reshape(ops.softmax(logits, axis=-1), (-1, kernel.shape[-1]))
        wanted = ops.reshape(target, (-1, shape[-1]))
        overlap += ops.convert_to_numpy(ops.matmul(ops.transpose(wanted), found))
    by_head = np.split(overlap, np.cumsum(heads)[:-1])
    chosen, share = (np.concatenate(each) for each in zip(*map(matched, by_head), strict=True))
    # A head that none of these samples has labels for keeps its random beginning.
    known = np.concatenate([np.full(len(rows), rows.any()) for rows in by_head])
    biases = bias[chosen] + np.log(share).astype(np.float32)
    last.kernel.assign(ops.where(known, kernel[..., chosen], last.kernel))
    last.bias.assign(ops.where(known, biases, last.bias))
    _LOG.info("the classes begin as the source's %s", chosen[known].tolist())
    if not known.all():
        _LOG.warning("the classes of a head begin anew: the first samples have no labels for it")
    return True


def matched(overlap: "NDArray[np.float64]") -> "tuple[NDArray[np.int64], NDArray[np.float64]]":
    """Choose the source's class of each new one, and the part of it that the new one gets.

    Equal parts: by their sizes a small one, as an amygdala of the cortex, would begin so faint
    that a few volumes do not bring it up.

    Parameters
    ----------
    overlap : (C, S) float64 array
        Voxels of each new class, by the source's classes.

    Returns
    -------
    chosen : (C,) int64 array
    share : (C,) float64 array
        Above 0; of the classes that begin as the same one, 1 in all.
    """
    chosen = overlap.argmax(axis=1)
    return chosen, 1 / np.bincount(chosen, minlength=overlap.shape[1])[chosen]
