"""Dice of the network on fixed images of people who are held out."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

from ..evaluation.overlap import dice_scores
from ..inference.windows import average_windows
from ..presets import Windows
from .samples import Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ValidationSet"]


class ValidationSet:
    """Images that are made once and scored again and again, as inference runs the network.

    Parameters
    ----------
    samples : iterable of (str, Sample)
        Kind of image, such as "t1w", and image with target.
    heads : mapping of str to int
        Name of each head, and its classes.
    windows : Windows, optional
        Parts that the network sees one after the other; default: all at once.
    """

    def __init__(
        self,
        samples: Iterable[tuple[str, Sample]],
        heads: Mapping[str, int],
        windows: Windows | None = None,
    ) -> None:
        self.heads, self.windows = dict(heads), windows
        self._held: list[tuple[str, NDArray[np.float32], list[NDArray[np.uint8] | None]]] = []
        for kind, sample in samples:
            image = ops.convert_to_numpy(sample.image)
            self._held.append((kind, image, self._known_labels(sample.target)))

    def score(self, model: keras.Model) -> dict[str, float]:
        """Score a network.

        Returns
        -------
        dict of str to float
            ``validation_dice``: mean over classes but background, over all
            images and heads; ``dice_<kind>``: over those of a kind; ``dice_1``...:
            of a class over all images. Of several heads ``dice_<head>``, the mean
            over its classes, stands instead of each class. Nothing where nobody is
            held out.
        """
        if not self._held:
            return {}
        # Image, head, class: heads have different numbers of classes.
        scores: list[list[NDArray[np.float64]]] = []
        for _, image, labels in self._held:
            found = self._found(model, image)
            pairs = zip(found, labels, self.heads.values(), strict=True)
            scores.append([_dice(ours, truth, size) for ours, truth, size in pairs])
        result = {"validation_dice": _mean(_of_heads(scores))}
        for kind in dict.fromkeys(kind for kind, _, _ in self._held):
            of_kind = [
                s for s, (name, _, _) in zip(scores, self._held, strict=True) if name == kind
            ]
            result[f"dice_{kind}"] = _mean(_of_heads(of_kind))
        if len(self.heads) > 1:
            by_head = zip(self.heads, zip(*scores, strict=True), strict=True)
            return result | {f"dice_{name}": _mean(_of_heads([h])) for name, h in by_head}
        columns = enumerate(zip(*(image[0] for image in scores), strict=True), 1)
        return result | {f"dice_{k}": _mean(column) for k, column in columns}

    def _found(
        self, model: keras.Model, images: "NDArray[np.float32]"
    ) -> "list[NDArray[np.uint8]]":
        """Labels of each head by the network, of images (batch, x, y, z, 1)."""
        if self.windows is None:
            return self._labels(model.predict_on_batch(images))
        by_image = [self._found_by_windows(model, image[..., 0], self.windows) for image in images]
        return [np.stack(labels) for labels in zip(*by_image, strict=True)]

    def _found_by_windows(
        self, model: keras.Model, image: "NDArray[np.float32]", windows: Windows
    ) -> "list[NDArray[np.uint8]]":
        def predict(window: "NDArray[np.float32]") -> "NDArray[np.float32]":
            channels = ops.convert_to_numpy(model.predict_on_batch(window[None, ..., None]))
            return np.moveaxis(channels[0], -1, 0)

        found = []
        for maps in average_windows(image, windows, tuple(self.heads.values()), predict).heads():
            labels = np.zeros(image.shape, np.uint8)
            labels[maps.box] = np.argmax(maps.values, axis=0)
            found.append(labels)
        return found

    def _known_labels(self, target: Any) -> "list[NDArray[np.uint8] | None]":
        """Labels of each head; None of one for which the image has none."""
        values, first = ops.convert_to_numpy(target), 0
        labels: list[NDArray[np.uint8] | None] = []
        for size, found in zip(self.heads.values(), self._labels(target), strict=True):
            labels.append(found if values[..., first : first + size].any() else None)
            first += size
        return labels

    def _labels(self, channels: Any) -> "list[NDArray[np.uint8]]":
        """Labels of each head: the class with the largest value."""
        values, first, found = ops.convert_to_numpy(channels), 0, []
        for size in self.heads.values():
            head = values[..., first : first + size]
            found.append(np.argmax(head, axis=-1).astype(np.uint8))
            first += size
        return found


def _dice(
    found: "NDArray[np.uint8]", truth: "NDArray[np.uint8] | None", size: int
) -> "NDArray[np.float64]":
    """Dice of each class but background; unknown where nobody has said what is right."""
    if truth is None:
        return np.full(size - 1, np.nan)
    return dice_scores(found, truth, size)


def _of_heads(scores: "Iterable[Iterable[NDArray[np.float64]]]") -> list[float]:
    """Mean over the classes of each head of each image, where any is known."""
    return [_mean(head) for image in scores for head in image if not np.isnan(head).all()]


def _mean(values: Iterable[float]) -> float:
    """Mean of what is known; 0 where nothing is."""
    known = [float(value) for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else 0.0
