"""A network that was trained on parts of heads, run on parts that overlap.

nobrainer predicts on blocks of 128³ side by side (SPEC C.3), NeuroNet on windows
of 128³ at every 64th voxel, those at the end moved inward, with their
probabilities averaged (SPEC B.3): the same with different strides. Here the average
is weighted by the distance from a window's centre, as nnU-Net does it: near its
border a network sees one side of a structure alone, and says background.
"""

from dataclasses import dataclass
from functools import reduce
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from ..imaging.components import bounding_box
from ..imaging.probability_maps import ProbabilityMaps, backgrounds_of
from .engine import PartEngine
from .prediction import Prediction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from ..presets import Windows

__all__ = ["WindowedEngine", "average_windows"]

#: Standard deviation of the weights, as a part of a window's side: nnU-Net's.
_SPREAD = 1 / 8


def average_windows(
    image: "NDArray[np.float32]",
    windows: "Windows",
    heads: "Sequence[int]",
    predict: "Callable[[NDArray[np.float32]], Iterable[NDArray[np.float32]]]",
) -> ProbabilityMaps:
    """Run a network on windows of a volume and average what it says.

    Parameters
    ----------
    image : ndarray of float32, shape (x, y, z)
        Where it is the same all around, outside the smallest box of everything
        else, all is background.
    windows : Windows
    heads : sequence of int
        Classes of each head of the network.
    predict : callable
        Takes a window, gives the probabilities of each class there, head by head.

    Returns
    -------
    ProbabilityMaps
        In each voxel the mean over the windows that hold it, weighted by a
        Gaussian of the distance from their centres.
    """
    box = bounding_box(image != image.flat[0])
    if box is None:
        return ProbabilityMaps.nothing(heads, image.shape)
    room = tuple(map(_at_least, box, windows.shape, image.shape))
    part = image[room]
    total = np.zeros((sum(heads), *part.shape), np.float32)
    counted = np.zeros(part.shape, np.float32)
    for window in _places(part.shape, windows):
        shown = np.ascontiguousarray(part[window])
        weights = _weights(shown.shape)
        for index, values in enumerate(predict(shown)):
            total[index][window] += weights * values
        counted[window] += weights
    total /= counted
    return ProbabilityMaps(total, room, image.shape, backgrounds_of(heads))


@dataclass
class WindowedEngine(PartEngine):
    """A network that is run on windows.

    Parameters
    ----------
    network : Engine
    heads : tuple of int
        Classes of each of its heads.
    windows : Windows
    """

    windows: "Windows"

    def predict(
        self,
        image: "NDArray[np.float32]",
        *,
        only_brain: bool = False,
        memory_limit: int | None = None,
    ) -> Prediction:
        """Compute class probabilities: see :meth:`.execution.StagedNetwork.predict`.

        Raises
        ------
        ResourceError
            As there.
        """
        seconds, notes = 0.0, list[str]()

        def predict(window: "NDArray[np.float32]") -> "Iterable[NDArray[np.float32]]":
            nonlocal seconds
            done = self.network.predict(window, only_brain=only_brain, memory_limit=memory_limit)
            seconds += sum(done.seconds.values())
            notes.extend(done.notes)
            return done.maps.channels()

        maps = average_windows(image, self.windows, self.heads, predict)
        computed = np.prod(maps.values.shape[1:]) / image.size
        return Prediction(maps, {}, {"windows": seconds}, float(computed), tuple(notes))


def _places(shape: tuple[int, ...], windows: "Windows") -> "Iterator[tuple[slice, ...]]":
    begins = [
        _begins(side, width, step)
        for side, width, step in zip(shape, windows.shape, windows.stride, strict=True)
    ]
    for corner in product(*begins):
        yield tuple(
            slice(begin, begin + min(width, side))
            for begin, width, side in zip(corner, windows.shape, shape, strict=True)
        )


def _weights(shape: tuple[int, ...]) -> "NDArray[np.float32]":
    """Weight of each voxel of a window, 1 at its centre and above 0 in its corners."""
    sides = (
        np.exp(-0.5 * ((np.arange(side) - (side - 1) / 2) / (side * _SPREAD)) ** 2)
        for side in shape
    )
    weights: NDArray[np.float32] = reduce(np.multiply.outer, sides).astype(np.float32)
    return weights


def _at_least(part: slice, width: int, side: int) -> slice:
    """Part of a side that is as long as a window, where the side is."""
    stop = min(side, max(part.stop, part.start + width))
    return slice(max(0, min(part.start, stop - width)), stop)


def _begins(side: int, width: int, step: int) -> list[int]:
    """Where windows begin along an axis; the last one ends with it."""
    last = max(0, side - width)
    return [*range(0, last, step), last]
