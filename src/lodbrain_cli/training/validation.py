"""Dice of the network on fixed images of people who are held out."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import keras
import numpy as np
from keras import ops

from ..evaluation.overlap import dice_scores
from .samples import Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ValidationSet"]


class ValidationSet:
    """Images that are made once and scored again and again, at the extent of inference.

    Parameters
    ----------
    samples : iterable of (str, Sample)
        Kind of image, such as "t1w", and image with target.
    num_classes : int
    """

    def __init__(self, samples: Iterable[tuple[str, Sample]], num_classes: int) -> None:
        self.num_classes = num_classes
        self._held: list[tuple[str, NDArray[np.float32], NDArray[np.uint8]]] = []
        for kind, sample in samples:
            labels = ops.convert_to_numpy(ops.argmax(sample.target, axis=-1))
            image = ops.convert_to_numpy(sample.image)
            self._held.append((kind, image, labels.astype(np.uint8)))

    def score(self, model: keras.Model) -> dict[str, float]:
        """Score a network.

        Returns
        -------
        dict of str to float
            ``validation_dice``: mean over classes but background and over all
            images; ``dice_<kind>``: over those of a kind; ``dice_1``...: of a
            class over all images.
        """
        scores: dict[str, list[NDArray[np.float64]]] = {}
        for kind, image, labels in self._held:
            found = np.argmax(ops.convert_to_numpy(model.predict_on_batch(image)), axis=-1)
            scores.setdefault(kind, []).append(dice_scores(found, labels, self.num_classes))
        rows = np.array([row for kind in scores.values() for row in kind])
        result = {"validation_dice": float(np.nanmean(rows))}
        for kind, values in scores.items():
            result[f"dice_{kind}"] = float(np.nanmean(values))
        by_class = ((k, column[~np.isnan(column)]) for k, column in enumerate(rows.T, 1))
        return result | {f"dice_{k}": float(np.mean(c)) if len(c) else 0.0 for k, c in by_class}
