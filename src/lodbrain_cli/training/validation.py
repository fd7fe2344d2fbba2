"""Dice of the network on fixed synthetic images of people who are held out."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

from .heads import Head
from .samples import SampleGrid, SynthesisedSamples
from .synthesis import Recipe

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ValidationSet", "dice_scores"]


def dice_scores(
    labels: "NDArray[np.integer[Any]]", reference: "NDArray[np.integer[Any]]", num_classes: int
) -> "NDArray[np.float64]":
    """Dice coefficient of each label but background.

    Parameters
    ----------
    labels, reference : integer arrays of one shape
    num_classes : int
        Background included.

    Returns
    -------
    (num_classes - 1,) float64 array
        NaN where a label is in neither.
    """
    scores = np.full(num_classes - 1, np.nan)
    for label in range(1, num_classes):
        ours, theirs = labels == label, reference == label
        total = np.count_nonzero(ours) + np.count_nonzero(theirs)
        if total:
            scores[label - 1] = 2 * np.count_nonzero(ours & theirs) / total
    return scores


class ValidationSet:
    """Images that are made once and scored again and again, at the extent of inference.

    Parameters
    ----------
    heads : sequence of Head
        People who are not trained on.
    grid : SampleGrid
        With the one shape that inference sees.
    num_classes, seed : int
    images : int
        Per head: the first like T1w, the others of random contrast.
    """

    def __init__(
        self, heads: Sequence[Head], grid: SampleGrid, num_classes: int, seed: int, images: int
    ) -> None:
        self.num_classes = num_classes
        self._images: dict[str, list[NDArray[np.float32]]] = {"t1w": [], "random": []}
        self._labels: dict[str, list[NDArray[np.uint8]]] = {"t1w": [], "random": []}
        for number, head in enumerate(heads):
            for image in range(images):
                kind = "t1w" if image == 0 else "random"
                recipe = Recipe(t1w_share=float(kind == "t1w"), stripped_share=0.0)
                draw = SynthesisedSamples([head], grid, recipe, num_classes, (seed, number, image))
                sample = draw(0)
                self._images[kind].append(ops.convert_to_numpy(sample.image))
                labels = ops.convert_to_numpy(ops.argmax(sample.target, axis=-1))
                self._labels[kind].append(labels.astype(np.uint8))

    def score(self, model: keras.Model) -> dict[str, float]:
        """Score a network.

        Returns
        -------
        dict of str to float
            ``validation_dice``: mean over classes but background and over all
            images; ``dice_t1w``, ``dice_random``: over those of a kind;
            ``dice_1``...: of a class over all images.
        """
        scores: dict[str, list[NDArray[np.float64]]] = {kind: [] for kind in self._images}
        for kind, images in self._images.items():
            for image, labels in zip(images, self._labels[kind], strict=True):
                found = np.argmax(ops.convert_to_numpy(model.predict_on_batch(image)), axis=-1)
                scores[kind].append(dice_scores(found, labels, self.num_classes))
        rows = np.array([row for kind in scores.values() for row in kind])
        result = {"validation_dice": float(np.nanmean(rows))}
        for kind, values in scores.items():
            if values:
                result[f"dice_{kind}"] = float(np.nanmean(values))
        means = np.nanmean(rows, axis=0)
        return result | {f"dice_{k}": float(mean) for k, mean in enumerate(means, 1)}
