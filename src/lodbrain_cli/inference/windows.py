"""A network that was trained on parts of heads, run on parts that overlap.

nobrainer predicts on blocks of 128³ side by side (SPEC C.3), NeuroNet on windows
of 128³ at every 64th voxel, those at the end moved inward, with their
probabilities averaged (SPEC B.3): the same with different strides.
"""

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from ..imaging.components import bounding_box
from ..imaging.probability_maps import ProbabilityMaps, backgrounds_of
from .engine import PartEngine
from .prediction import Prediction

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["WindowedEngine"]


@dataclass
class WindowedEngine(PartEngine):
    """Run a network on windows of a volume and average what they say.

    Parameters
    ----------
    network : Engine
    heads : tuple of int
        Classes of each of its heads.
    shape, stride : tuple of 3 int
        Of the windows, in voxels of the network's input.
    """

    shape: tuple[int, int, int]
    stride: tuple[int, int, int]

    def predict(
        self,
        image: "NDArray[np.float32]",
        *,
        only_brain: bool = False,
        memory_limit: int | None = None,
    ) -> Prediction:
        """Compute class probabilities: see :meth:`.execution.StagedNetwork.predict`.

        Where the image is the same all around, outside the smallest box of
        everything else, all is background.

        Raises
        ------
        ResourceError
            As there.
        """
        box = bounding_box(image != image.flat[0])
        if box is None:
            return Prediction(ProbabilityMaps.nothing(self.heads, image.shape), computed=0.0)
        room = tuple(map(_at_least, box, self.shape, image.shape))
        part = image[room]
        total = np.zeros((sum(self.heads), *part.shape), np.float32)
        counted = np.zeros(part.shape, np.float32)
        seconds, notes = 0.0, list[str]()
        for window in self._windows(part.shape):
            done = self.network.predict(
                np.ascontiguousarray(part[window]), only_brain=only_brain, memory_limit=memory_limit
            )
            seconds += sum(done.seconds.values())
            notes += done.notes
            for index, values in enumerate(done.maps.channels()):
                total[index][window] += values
            counted[window] += 1
        total /= counted
        maps = ProbabilityMaps(total, room, image.shape, backgrounds_of(self.heads))
        return Prediction(maps, {}, {"windows": seconds}, part.size / image.size, tuple(notes))

    def _windows(self, shape: tuple[int, ...]) -> "Iterator[tuple[slice, ...]]":
        begins = [
            _begins(side, width, step)
            for side, width, step in zip(shape, self.shape, self.stride, strict=True)
        ]
        for corner in product(*begins):
            yield tuple(
                slice(begin, begin + min(width, side))
                for begin, width, side in zip(corner, self.shape, shape, strict=True)
            )


def _at_least(part: slice, width: int, side: int) -> slice:
    """Part of a side that is as long as a window, where the side is."""
    stop = min(side, max(part.stop, part.start + width))
    return slice(max(0, min(part.start, stop - width)), stop)


def _begins(side: int, width: int, step: int) -> list[int]:
    """Where windows begin along an axis; the last one ends with it."""
    last = max(0, side - width)
    return [*range(0, last, step), last]
